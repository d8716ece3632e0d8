import { readFile } from 'node:fs/promises';
import { XMLParser } from 'fast-xml-parser';
import { SightlineError } from '../../core/errors.js';
import type { Box } from '../types.js';
import type { DatasetFolder } from './folder.js';

export interface VocObject {
  name: string;
  difficult: boolean;
  /** As the file gives it. */
  xmin: number;
  ymin: number;
  xmax: number;
  ymax: number;
}

export interface VocAnnotation {
  /** Name of the image file; empty where the file does not say. */
  filename: string;
  objects: VocObject[];
}

const parser = new XMLParser({ parseTagValue: false, isArray: (name) => name === 'object' });

type Element = Readonly<Record<string, unknown>> | undefined;

/**
 * Reads an annotation of PASCAL VOC. Of an object its name, difficulty and box are taken, not its parts.
 * @throws SightlineError E_DATASET: no such XML, an object without a name or a whole box
 */
export async function readVocXml(folder: DatasetFolder, file: string): Promise<VocAnnotation> {
  const wrong = (what: string, cause?: unknown) =>
    new SightlineError('E_DATASET', {
      where: folder.path(file),
      what,
      remedy: 'Export the annotations again as Pascal VOC, or move the file out of the folder.',
      cause,
    });
  let root: Element;
  try {
    root = (parser.parse(await readFile(folder.path(file), 'utf8'), true) as Element)?.annotation as Element;
  } catch (cause) {
    throw wrong(`it cannot be read as XML (${(cause as Error).message})`, cause);
  }
  if (typeof root !== 'object') throw wrong('it has no <annotation>');
  const objects = ((root.object ?? []) as Element[]).map((object, i): VocObject => {
    const place = `object ${i + 1}`;
    const name = text(object?.name);
    if (!name) throw wrong(`${place} has no name`);
    const box = object?.bndbox as Element;
    const [xmin, ymin, xmax, ymax] = ['xmin', 'ymin', 'xmax', 'ymax'].map((side) => {
      const value = text(box?.[side]);
      if (value === '' || !Number.isFinite(Number(value))) throw wrong(`${place} (${name}): ${side} is not a number`);
      return Number(value);
    });
    // A label's "|" would make two of it.
    return { name: name.replaceAll('|', '/'), difficult: text(object?.difficult) === '1', xmin, ymin, xmax, ymax };
  });
  return { filename: text(root.filename), objects };
}

const text = (value: unknown): string => (typeof value === 'string' ? value.trim() : '');

/**
 * The box of an object in half-open pixels. VOC counts pixels from 1 and xmax is the last one inside; tools that count from 0 write
 * the edges of the box.
 */
export function vocBox({ xmin, ymin, xmax, ymax }: VocObject, zeroBased: boolean): Box {
  if (zeroBased) return { x0: xmin, y0: ymin, x1: xmax, y1: ymax };
  return { x0: Math.max(0, xmin - 1), y0: Math.max(0, ymin - 1), x1: xmax, y1: ymax };
}
