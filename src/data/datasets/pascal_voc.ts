import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { z } from 'zod';
import type { Dataset, ImportedSample, Importing } from './dataset.js';
import { FindingChoice, findingOptions, type FindingOptions } from './findings.js';
import type { DatasetFolder } from './folder.js';
import { idsOf } from './ids.js';
import { ImageFinder } from './image_finder.js';
import { layoutError } from './layout_error.js';
import { yes } from './options.js';
import { splitOfFile } from './split_names.js';
import { vocMask } from './voc_mask.js';
import { readVocXml, vocBox, type VocAnnotation, type VocObject } from './voc_xml.js';

interface Options extends FindingOptions {
  images?: string;
  zeroBased: boolean;
  skipDifficult: boolean;
  masks?: 'object' | 'class';
  emptyLabel?: string;
}

/** What --findings calls images without objects that get no label. */
const unlabelled = 'no object';

/** Layout of the PASCAL VOC challenges (Everingham et al., IJCV 2010), which annotation tools write too: an XML file an image. */
export const pascalVoc: Dataset<Options> = {
  name: 'pascal-voc',
  title: 'Pascal VOC',
  source: 'your own files, or a public set in this layout',
  terms: 'Those of the files that you import.',
  citation:
    "The files' own; the layout is that of Everingham M, et al. The PASCAL Visual Object Classes challenge. IJCV 88, 2010.",
  regions: 'boxes of the objects; with --masks the segmentation instead, where an image has one',
  layout: [
    'Annotations/000001.xml …',
    'JPEGImages/000001.jpg … (any image format)',
    'ImageSets/Main/train.txt, val.txt, test.txt (where there are official parts)',
    'SegmentationObject/000001.png, SegmentationClass/000001.png (where there are masks)',
  ],
  recognises: (folder) => folder.files.some((file) => /(^|\/)Annotations\/[^/]+\.xml$/i.test(file)),
  options: {
    ...findingOptions,
    images: {
      flag: '--images <folder>',
      help: 'folder of the images, below the root or elsewhere',
      schema: z.string().optional(),
    },
    zeroBased: {
      flag: '--zero-based',
      help: 'boxes are edges counted from 0, as many tools write them (default: from 1, xmax inside, as VOC)',
      schema: yes,
    },
    skipDifficult: { flag: '--skip-difficult', help: 'leave out objects marked as difficult', schema: yes },
    masks: {
      flag: '--masks <kind>',
      help: 'masks from SegmentationObject (object) or SegmentationClass (class)',
      schema: z.enum(['object', 'class']).optional(),
    },
    emptyLabel: {
      flag: '--empty-label <name>',
      help: 'label of images without objects; default none',
      schema: z.string().min(1).optional(),
    },
  },
  async read(folder, options, importing) {
    const files = annotationFiles(folder);
    if (!files.length) throw layoutError(pascalVoc, folder, 'there is no Annotations/*.xml');
    const finder = await ImageFinder.open(folder, {
      ...{ images: options.images, out: importing.out, masks: /(^|\/)Segmentation(Class|Object)[^/]*\// },
    });
    const splits = await readSplits(folder);
    const read = await readAll(folder, files, importing);
    const objectsOf = ({ objects }: VocAnnotation) =>
      objects.filter((own) => !(options.skipDifficult && own.difficult));
    const all = [...new Set(read.flatMap((own) => objectsOf(own).map(({ name }) => name)))].sort();
    const none = options.emptyLabel ?? unlabelled;
    const choice = new FindingChoice(options, { all, none }, importing);
    noteZeroBased(read, options, importing);
    const ids = idsOf(files);
    const tally = { flat: 0 };
    const samples: ImportedSample[] = [];
    for (const [i, annotation] of read.entries()) {
      const objects = objectsOf(annotation);
      const label = choice.labelOf(all.filter((name) => objects.some((own) => own.name === name)));
      if (label === null) continue;
      const place = posix.dirname(posix.dirname(files[i]));
      const name = posix.basename(files[i], posix.extname(files[i]));
      const split = splits.get(`${place}/${name}`) ?? splitOfFile(posix.dirname(files[i]));
      const image = imageOf(finder, files[i], annotation, split);
      if (image === undefined) {
        importing.absent(annotation.filename || name);
        continue;
      }
      const boxes = boxesOf(objects, label, options, tally);
      const mask = options.masks && (await vocMask(folder, place, name, options.masks, importing.out, ids[i]));
      samples.push({
        ...{ id: ids[i], path: finder.path(image) },
        ...(label !== unlabelled && { label }),
        ...(boxes.length && { boxes }),
        ...(mask && { mask }),
        ...(split && { split }),
      });
    }
    if (tally.flat) importing.notice(`${tally.flat} boxes without an area were left out.`);
    return samples;
  },
};

/** XML files in folders "Annotations"; without such folders all: annotation tools write them beside the images. */
function annotationFiles(folder: DatasetFolder): string[] {
  const all = folder.files.filter((file) => /\.xml$/i.test(file));
  const own = all.filter((file) => posix.basename(posix.dirname(file)).toLowerCase() === 'annotations');
  return own.length ? own : all;
}

async function readAll(
  folder: DatasetFolder,
  files: readonly string[],
  { meter }: Importing,
): Promise<VocAnnotation[]> {
  const progress = meter('reading annotations', files.length, 'files');
  const read: VocAnnotation[] = [];
  for (const file of files) {
    read.push(await readVocXml(folder, file));
    progress.add(1);
  }
  return read;
}

/** Parts by "<folder above Annotations>/<name>", of ImageSets/Main; trainval.txt counts for what no other list has. */
async function readSplits(folder: DatasetFolder): Promise<Map<string, string>> {
  const splits = new Map<string, string>();
  const lists = { trainval: 'train', train: 'train', val: 'validation', test: 'test' };
  for (const [list, split] of Object.entries(lists)) {
    for (const file of folder.named(`${list}.txt`)) {
      if (!/(^|\/)ImageSets\/(Main\/)?[^/]+$/i.test(file)) continue;
      const place = file.replace(/\/?ImageSets\/.*$/i, '') || '.';
      const text = await readFile(folder.path(file), 'utf8');
      // A class's own lists have a second column; these may.
      for (const line of text.split(/\r?\n/))
        if (line.trim()) splits.set(`${place}/${line.trim().split(/\s+/)[0]}`, split);
    }
  }
  return splits;
}

function imageOf(finder: ImageFinder, file: string, { filename }: VocAnnotation, split?: string): string | undefined {
  const own = posix.dirname(file);
  const folders = [posix.join(own, '../JPEGImages'), posix.join(own, '../images'), own, posix.join(own, '..')];
  // The XML's own name goes first: renamed sets keep the old file name inside.
  const byName = finder.find(`${posix.basename(file, posix.extname(file))}.jpg`, folders, split);
  return byName ?? (filename ? finder.find(filename, folders, split) : undefined);
}

function boxesOf(objects: readonly VocObject[], label: string, { zeroBased }: Options, tally: { flat: number }) {
  return objects
    .filter(({ name }) => label.split('|').includes(name))
    .flatMap((object) => {
      const box = vocBox(object, zeroBased);
      if (box.x1 > box.x0 && box.y1 > box.y0) return [box];
      tally.flat++;
      return [];
    });
}

/** VOC counts from 1: a box that begins at 0 was written by a tool that counts from 0. */
function noteZeroBased(read: readonly VocAnnotation[], { zeroBased }: Options, { notice }: Importing): void {
  const boxes = read.flatMap(({ objects }) => objects);
  const atZero = boxes.filter(({ xmin, ymin }) => xmin < 1 || ymin < 1).length;
  if (atZero && !zeroBased)
    notice(
      `${atZero} of ${boxes.length} boxes begin at 0, which VOC's counting from 1 has not: add --zero-based if a tool wrote them that counts from 0.`,
    );
}
