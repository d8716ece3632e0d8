import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { SightlineError } from '../../core/errors.js';
import type { DatasetFolder } from './folder.js';

/** Run lengths of a mask: as a list, or as the text that COCO's mask API makes of it. */
export interface CocoRuns {
  /** [height, width] */
  size: [number, number];
  counts: number[] | string;
}

export interface CocoAnnotation {
  image_id: number | string;
  category_id: number | string;
  /** x, y, width, height in pixels. */
  bbox?: number[];
  /** Polygons (x, y, x, y …), or run lengths. */
  segmentation?: number[][] | CocoRuns;
  /** 1: a group of objects that were not drawn one by one. */
  iscrowd?: number;
}

export interface CocoImage {
  id: number | string;
  file_name: string;
  width?: number;
  height?: number;
}

export interface CocoFile {
  /** Relative to the set's folder. */
  file: string;
  images: CocoImage[];
  annotations: CocoAnnotation[];
  /** Names by id, in the file's order. */
  categories: ReadonlyMap<number | string, string>;
}

/** Other annotations of COCO's own images: the same pictures again. */
const otherTasks = /^(captions|person_keypoints|image_info|panoptic|stuff|densepose)_/i;

/**
 * The annotation files of a folder: those that are named, else every JSON file with images, annotations and categories in it.
 * @param names relative to the root, or as base names
 * @throws SightlineError E_DATASET: a named file that is not there, or one that is not as COCO has it
 */
export async function readCocoFiles(
  folder: DatasetFolder,
  names: readonly string[] | undefined,
  notice: (message: string) => void,
): Promise<CocoFile[]> {
  const found: CocoFile[] = [];
  const others: string[] = [];
  for (const file of names ? names.map((name) => named(folder, name)) : folder.files) {
    if (!/\.json$/i.test(file)) continue;
    if (!names && otherTasks.test(posix.basename(file))) {
      others.push(file);
      continue;
    }
    const read = await readCocoFile(folder, file);
    if (read) found.push(read);
    else if (names) throw damaged(folder, file, 'it has no images, annotations and categories');
  }
  if (found.length && others.length)
    notice(`Not read: ${others.join(', ')} (name them by --annotations to read them).`);
  return found;
}

function named(folder: DatasetFolder, name: string): string {
  const file = folder.files.includes(posix.normalize(name)) ? posix.normalize(name) : folder.find(posix.basename(name));
  if (file !== undefined) return file;
  throw new SightlineError('E_DATASET', {
    where: folder.root,
    what: `there is no file ${name}`,
    remedy: 'Name annotation files by their paths below --root.',
  });
}

/** @returns undefined for JSON of another kind */
async function readCocoFile(folder: DatasetFolder, file: string): Promise<CocoFile | undefined> {
  let json: unknown;
  try {
    const text = await readFile(folder.path(file), 'utf8');
    // Other JSON of a folder need not be taken apart.
    if (!['"images"', '"annotations"', '"categories"'].every((key) => text.includes(key))) return undefined;
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw damaged(folder, file, `it cannot be read as JSON (${(cause as Error).message})`, cause);
  }
  const { images, annotations, categories } = (json ?? {}) as Record<string, unknown>;
  if (!Array.isArray(images) || !Array.isArray(annotations) || !Array.isArray(categories)) return undefined;
  expectEach(folder, file, 'images', images, (image: Partial<CocoImage>) =>
    isId(image.id) && typeof image.file_name === 'string' ? '' : 'an id and a file_name are needed',
  );
  expectEach(folder, file, 'annotations', annotations, (annotation: Partial<CocoAnnotation>) => {
    if (!isId(annotation.image_id) || !isId(annotation.category_id)) return 'an image_id and a category_id are needed';
    const { bbox } = annotation;
    if (bbox == null || (Array.isArray(bbox) && (bbox.length === 0 || isBox(bbox)))) return '';
    return 'bbox is not four numbers x, y, width, height';
  });
  expectEach(folder, file, 'categories', categories, (category: { id?: unknown; name?: unknown }) =>
    isId(category.id) && typeof category.name === 'string' ? '' : 'an id and a name are needed',
  );
  const all = categories as { id: number | string; name: string }[];
  return {
    ...{ file, images: images as CocoImage[], annotations: annotations as CocoAnnotation[] },
    // A label's "|" would make two of it.
    categories: new Map(all.map(({ id, name }) => [id, name.trim().replaceAll('|', '/')])),
  };
}

const isId = (value: unknown): boolean => typeof value === 'number' || typeof value === 'string';

const isBox = (value: readonly unknown[]): boolean => value.length === 4 && value.every(Number.isFinite);

function expectEach<T>(
  folder: DatasetFolder,
  file: string,
  list: string,
  items: readonly unknown[],
  problem: (item: T) => string,
): void {
  for (const [i, item] of items.entries()) {
    const what = typeof item === 'object' && item !== null ? problem(item as T) : 'expected an object';
    if (what) throw damaged(folder, file, `${list}[${i}]: ${what}`);
  }
}

function damaged(folder: DatasetFolder, file: string, what: string, cause?: unknown): SightlineError {
  return new SightlineError('E_DATASET', {
    where: folder.path(file),
    what,
    remedy: 'Export the annotations again as COCO JSON (instances or detection).',
    cause,
  });
}
