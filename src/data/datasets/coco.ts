import { join, posix } from 'node:path';
import { z } from 'zod';
import { SightlineError } from '../../core/errors.js';
import { openPicture } from '../readers.js';
import { readCocoFiles, type CocoAnnotation, type CocoFile, type CocoImage } from './coco_file.js';
import { boxOf, maskOf } from './coco_regions.js';
import type { Dataset, ImportedSample, Importing } from './dataset.js';
import { FindingChoice, findingOptions, type FindingOptions } from './findings.js';
import { idsOf } from './ids.js';
import { ImageFinder } from './image_finder.js';
import { layoutError } from './layout_error.js';
import { writeMaskPng } from './mask_png.js';
import { names, yes } from './options.js';
import { splitOfFile } from './split_names.js';

interface Options extends FindingOptions {
  annotations?: string[];
  images?: string;
  masks: boolean;
  skipCrowd: boolean;
  emptyLabel?: string;
}

/** What --findings calls images without annotations that get no label. */
const unlabelled = 'no annotation';

/** COCO JSON (Lin et al., ECCV 2014), as annotation tools export it; also as Roboflow lays it out, a file in each part's folder. */
export const coco: Dataset<Options> = {
  name: 'coco',
  title: 'COCO JSON',
  source: 'your own files, or a public set in this layout',
  terms: 'Those of the files that you import.',
  citation: "The files' own; the layout is that of Lin TY, et al. Microsoft COCO. ECCV 2014.",
  regions: 'boxes of the annotations; with --masks also their polygons and run lengths, as masks',
  layout: [
    'annotations/instances_train.json, instances_val.json … (any name; several files are one set)',
    'train/…, val/… (images, found by file_name below the root)',
    'or a folder a part: train/_annotations.coco.json beside its images',
  ],
  recognises: (folder) => folder.files.some((file) => /(^|\/)(instances_[^/]*|_annotations\.coco)\.json$/i.test(file)),
  options: {
    ...findingOptions,
    annotations: {
      flag: '--annotations <files>',
      help: 'annotation files, by their paths below the root (comma-separated); default all',
      schema: names.optional(),
    },
    images: {
      flag: '--images <folder>',
      help: 'folder of the images, below the root or elsewhere',
      schema: z.string().optional(),
    },
    masks: { flag: '--masks', help: 'draw the segmentations as masks, one for an image', schema: yes },
    skipCrowd: { flag: '--skip-crowd', help: 'leave out annotations of crowds (iscrowd 1)', schema: yes },
    emptyLabel: {
      flag: '--empty-label <name>',
      help: 'label of images without annotations; default none',
      schema: z.string().min(1).optional(),
    },
  },
  async read(folder, options, importing) {
    const files = await readCocoFiles(folder, options.annotations, importing.notice);
    if (!files.length) throw layoutError(coco, folder, 'there is no JSON file with images, annotations and categories');
    const finder = await ImageFinder.open(folder, { images: options.images, out: importing.out });
    const none = options.emptyLabel ?? unlabelled;
    const categories = [...new Set(files.flatMap((file) => [...file.categories.values()]))];
    const choice = new FindingChoice(options, { all: categories, none }, importing);
    const found = files.flatMap((file) => imagesOf(file, finder, options, importing));
    expectOnce(found, folder.root);
    const ids = idsOf(found.map(({ image }) => image));
    const tally = { flat: 0, outside: 0 };
    const chosen = found.flatMap((item, i): Chosen[] => {
      const label = choice.labelOf(categories.filter((name) => item.annotations.some((own) => own.name === name)));
      if (label === null) return [];
      const kept = item.annotations.filter(({ name }) => label.split('|').includes(name));
      const boxes = kept.flatMap((own) => boxWithin(own, item.size, tally));
      return [
        {
          ...{ kept, size: item.size },
          sample: {
            ...{ id: ids[i], path: finder.path(item.image) },
            ...(label !== unlabelled && { label }),
            ...(boxes.length && { boxes }),
            ...(item.split && { split: item.split }),
          },
        },
      ];
    });
    if (tally.flat) importing.notice(`${tally.flat} boxes without an area were left out.`);
    if (tally.outside) importing.notice(`${tally.outside} boxes that lie outside their images were left out.`);
    return options.masks ? drawMasks(chosen, importing) : chosen.map(({ sample }) => sample);
  },
};

type Named = CocoAnnotation & { name: string };
type Size = Pick<CocoImage, 'width' | 'height'>;

interface Found {
  /** Relative to the finder's folder. */
  image: string;
  /** The annotation file that names it. */
  by: string;
  size: Size;
  annotations: Named[];
  split?: string;
}

interface Chosen {
  sample: ImportedSample;
  kept: readonly Named[];
  size: Size;
}

function imagesOf(coco: CocoFile, finder: ImageFinder, { skipCrowd }: Options, importing: Importing): Found[] {
  const byImage = new Map<number | string, Named[]>();
  for (const annotation of coco.annotations) {
    if (skipCrowd && annotation.iscrowd) continue;
    const name = coco.categories.get(annotation.category_id);
    if (name === undefined) {
      throw new SightlineError('E_DATASET', {
        where: coco.file,
        what: `an annotation of image ${annotation.image_id} has the category ${annotation.category_id}, which is not in the file's list`,
        remedy: 'Export the annotations again, with all categories.',
      });
    }
    const own = byImage.get(annotation.image_id);
    if (own) own.push({ ...annotation, name });
    else byImage.set(annotation.image_id, [{ ...annotation, name }]);
  }
  const split = splitOfFile(coco.file);
  const folders = foldersFor(coco.file, split);
  return coco.images.flatMap(({ id, file_name, width, height }): Found[] => {
    const image = finder.find(file_name, folders, split);
    if (image !== undefined)
      return [{ image, by: coco.file, size: { width, height }, annotations: byImage.get(id) ?? [], split }];
    importing.absent(file_name);
    return [];
  });
}

/** Where the images of an annotation file lie, likeliest first: instances_val2017.json has them in val2017/. */
function foldersFor(file: string, split: string | undefined): string[] {
  const own = posix.dirname(file);
  const subset = posix.basename(file, '.json').replace(/^instances_/, '');
  const words = [subset, ...(split === 'validation' ? ['val', 'valid', 'validation'] : split ? [split] : [])];
  const above = [own, posix.dirname(own), '.'];
  return [
    ...above.flatMap((folder) =>
      ['images/', ''].flatMap((images) => words.map((word) => posix.join(folder, images + word))),
    ),
    ...above.flatMap((folder) => [folder, posix.join(folder, 'images')]),
  ];
}

/** An image of two files would be two samples of the same pixels, perhaps in two parts. */
function expectOnce(found: readonly Found[], root: string): void {
  const seen = new Map<string, string>();
  for (const { image, by } of found) {
    const before = seen.get(image);
    if (before !== undefined) {
      throw new SightlineError('E_DATASET', {
        where: root,
        what: `the image ${image} is named twice, in ${before === by ? before : `${before} and ${by}`}`,
        remedy: 'Name the annotation files to import: --annotations a.json,b.json.',
      });
    }
    seen.set(image, by);
  }
}

function boxWithin(annotation: Named, { width, height }: Size, tally: { flat: number; outside: number }) {
  const box = boxOf(annotation);
  if (!box) {
    if (annotation.bbox?.length) tally.flat++;
    return [];
  }
  const outside = box.x1 <= 0 || box.y1 <= 0 || box.x0 >= (width ?? Infinity) || box.y0 >= (height ?? Infinity);
  if (outside) tally.outside++;
  return outside ? [] : [box];
}

async function drawMasks(chosen: readonly Chosen[], { out, meter, notice }: Importing): Promise<ImportedSample[]> {
  const progress = meter('drawing masks', chosen.length);
  let without = 0;
  const samples: ImportedSample[] = [];
  for (const { sample, kept, size } of chosen) {
    const { width, height } = size.width && size.height ? (size as Required<Size>) : await openPicture(sample.path);
    const { mask, unusable } = maskOf(kept, width, height);
    without += unusable;
    const path = join(out, 'masks', `${sample.id}.png`);
    const drawn = mask.includes(1);
    if (drawn) await writeMaskPng(path, mask, width, height);
    samples.push(drawn ? { ...sample, mask: path } : sample);
    progress.add(1);
  }
  if (without) notice(`${without} annotations have no segmentation that fits their image: they are in no mask.`);
  return samples;
}
