import { basename, extname, posix } from 'node:path';
import { z } from 'zod';
import { SightlineError } from '../../core/errors.js';
import { isManifest } from '../manifest.js';
import { MaskFolder, stemOf } from '../mask_files.js';
import { readerByName, readerOf, readHead, sliceCount } from '../readers.js';
import type { Dataset, ImportedSample, Importing } from './dataset.js';
import type { DatasetFolder } from './folder.js';
import { idsOf } from './ids.js';
import { isBelow, pathBelow } from './image_finder.js';
import { layoutError } from './layout_error.js';
import { splitNamed } from './split_names.js';

interface Options {
  masks?: string;
  patientPattern?: RegExp;
}

/** How many groups a regular expression has: an alternative that matches nothing gives one cell for each. */
const groupsOf = (pattern: RegExp): number => new RegExp(`${pattern.source}|`).exec('')!.length - 1;

const pattern = z.string().transform((text, context): RegExp => {
  try {
    const parsed = new RegExp(text);
    if (groupsOf(parsed) === 1) return parsed;
    context.addIssue(`expected a pattern with one group, as in ^(\\d+)_, received "${text}"`);
  } catch (error) {
    context.addIssue((error as Error).message);
  }
  return z.NEVER;
});

/** A folder for each class, as torchvision's ImageFolder and Keras read it; with or without a folder for each part above. */
export const imageFolder: Dataset<Options> = {
  name: 'image-folder',
  title: 'Image folder',
  source: 'your own files, or a public set in this layout',
  terms: 'Those of the files that you import.',
  citation: "The files' own.",
  regions: 'masks of a folder, with --masks',
  layout: [
    '<class>/… (images; any format that is read, volumes too)',
    'or train/<class>/…, val/<class>/…, test/<class>/…',
  ],
  // Without folders for the parts any set with folders would look like this one.
  recognises: (folder) =>
    ['train', 'test'].every((part) =>
      folder.files.some((file) => {
        const [first, , ...rest] = file.split('/');
        return rest.length > 0 && splitNamed(first) === part && readerByName(file) !== undefined;
      }),
    ),
  options: {
    masks: {
      flag: '--masks <folder>',
      help: "folder of masks, found by their images' names (also with _mask or _seg after them); below the root or elsewhere",
      schema: z.string().optional(),
    },
    patientPattern: {
      flag: '--patient-pattern <regex>',
      help: 'regular expression over the file name whose one group is the patient: "^(\\d+)_"',
      schema: pattern.optional() as z.ZodType<RegExp | undefined>,
    },
  },
  async read(folder, options, importing) {
    const masksAt = options.masks === undefined ? undefined : pathBelow(folder, options.masks);
    const masks = masksAt === undefined ? undefined : await MaskFolder.open(masksAt);
    const classed = classedFiles(folder, [importing.out, ...(masksAt && masksAt !== folder.root ? [masksAt] : [])]);
    const images = onlyImages(folder, classed, importing);
    if (!images.length) throw layoutError(imageFolder, folder, 'there is no folder with images for a class');
    const found = images.map(({ file }) => masks?.find({ path: folder.path(file), id: file }));
    // A set may keep masks beside its images: what is a mask is no image.
    const taken = new Set(found);
    expectOwnMasks(images, found);
    const kept = images.flatMap((image, i) => (taken.has(folder.path(image.file)) ? [] : { ...image, mask: found[i] }));
    const ids = idsOf(kept.map(({ file }) => file));
    const patients = patientsOf(kept, options.patientPattern, importing);
    if (!masks) noteMasks(kept, importing);
    return kept.map(({ file, label, split, mask }, i): ImportedSample => ({
      ...{ id: ids[i], path: folder.path(file), label },
      ...(mask !== undefined && { mask }),
      ...(patients?.[i] !== undefined && { patient: patients[i] }),
      ...(split && { split }),
    }));
  },
};

interface Classed {
  /** Relative to the root. */
  file: string;
  label: string;
  split?: string;
}

/**
 * Files below class folders. Either all folders of the root are parts, or none is.
 * @param ignored absolute folders @throws SightlineError E_DATASET for parts beside other folders
 */
function classedFiles(folder: DatasetFolder, ignored: readonly string[]): Classed[] {
  const files = folder.files.filter(
    (file) => mayBeImage(file) && !ignored.some((other) => isBelow(folder.path(file), other)),
  );
  const top = [...new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]))];
  const parts = top.filter((name) => splitNamed(name));
  if (!parts.length) return files.flatMap((file) => (file.includes('/') ? { file, label: file.split('/')[0] } : []));
  if (parts.length < top.length) {
    const others = top.filter((name) => !splitNamed(name));
    throw new SightlineError('E_DATASET', {
      where: folder.root,
      what: `the folders ${parts.join(', ')} are parts of a set, and ${others.join(', ')} beside ${parts.length > 1 ? 'them' : 'it'} ${others.length > 1 ? 'are' : 'is'} not`,
      remedy: 'Move folders that are neither part nor class away, or give the folder of masks as --masks.',
    });
  }
  return files.flatMap((file) => {
    const [part, label, ...rest] = file.split('/');
    return rest.length ? { file, label, split: splitNamed(part) } : [];
  });
}

/** By name alone: text and tables beside images are none. */
const mayBeImage = (file: string): boolean =>
  readerByName(file) !== undefined ||
  (!isManifest(file) && !/\.(txt|md|json|xml|yaml|yml|html?|pdf|xlsx?|docx?|zip|gz|py|m|mat|npy|npz)$/i.test(file));

/** By extension where it is an image's; else by content, because DICOM files often have none. DICOM without pixels is left out. */
function onlyImages(folder: DatasetFolder, files: readonly Classed[], importing: Importing): Classed[] {
  const progress = importing.meter('looking at files', files.length, 'files');
  return files.filter(({ file }) => {
    progress.add(1);
    const path = folder.path(file);
    const known = readerByName(file) ?? readerOf(readHead(path));
    if (!known) {
      importing.leaveOut('no images');
      return false;
    }
    if (!known.formats.includes('dicom')) return true;
    try {
      if (sliceCount(path, 2).hasPixels) return true;
    } catch {
      return true; // a damaged file is the pool's to put into quarantine
    }
    importing.leaveOut('DICOM without an image');
    return false;
  });
}

/** A folder of masks that names only part of the path may give one mask to images of the same name in several folders. */
function expectOwnMasks(images: readonly Classed[], masks: readonly (string | undefined)[]): void {
  const imageOf = new Map<string, string>();
  for (const [i, mask] of masks.entries()) {
    if (mask === undefined) continue;
    const other = imageOf.get(mask);
    if (other !== undefined) {
      throw new SightlineError('E_DATASET', {
        where: mask,
        what: `this mask fits two images: ${other} and ${images[i].file}`,
        remedy: 'Put the masks into the same folders as the images, or rename images whose names are alike.',
      });
    }
    imageOf.set(mask, images[i].file);
  }
}

function patientsOf(images: readonly Classed[], pattern: RegExp | undefined, { notice }: Importing) {
  if (!pattern) return undefined;
  const patients = images.map(({ file }) => pattern.exec(basename(file))?.[1]);
  const without = images.filter((_, i) => patients[i] === undefined).map(({ file }) => basename(file));
  if (without.length === images.length) {
    throw new SightlineError('E_ARGUMENT', {
      where: '--patient-pattern',
      what: `no file name matches ${pattern.source} (the first is ${without[0]})`,
      remedy:
        'The pattern is a regular expression over the file name with its extension, and its one group is the patient.',
    });
  }
  if (without.length)
    notice(
      `${without.length} file names do not match --patient-pattern: ${without.slice(0, 3).join(', ')}; they have no patient.`,
    );
  return patients;
}

/** Masks that lie among the images would be learned as images. */
function noteMasks(images: readonly Classed[], { notice }: Importing): void {
  const stems = new Set(images.map(({ file }) => posix.join(posix.dirname(file), stemOf(file))));
  const like = images.filter(({ file }) => {
    const stem = posix.join(posix.dirname(file), stemOf(file));
    return stems.has(stem.replace(/(?<=.)_(mask|seg)(_\d+)?$/i, '')) && /_(mask|seg)(_\d+)?$/i.test(stem);
  });
  if (like.length)
    notice(
      `${like.length} files look like masks of others (${basename(like[0].file, extname(like[0].file))}): give --masks . to use them as masks.`,
    );
}
