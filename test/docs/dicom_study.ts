import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PhantomArtist, type Phantom } from '../../src/data/phantom_image.js';
import { depth16, imageItem, words, writeDicom } from '../data/dicom_writer.js';

/** An image of the folder with what an expert would say about it. */
export interface StudyCase extends Pick<Phantom, 'label' | 'patient' | 'split'> {
  /** Relative to the folder above `dicom/`; also how the manifest names it. */
  path: string;
  /** As in a manifest: `x0;y0;x1;y1`, several joined by `|`; empty for normals. */
  boxes: string;
  phantom: Phantom;
}

/** Side in pixels, and which of the images a bad transfer has cut short. */
const [side, truncated] = [64, 45];

/** Of the first patients so many images, at least, are for validation and test; the rest is the pool. */
const reserved = [
  ['validation', 10],
  ['test', 24],
] as const;

/**
 * A folder as a PACS export leaves it: `dicom/<patient>/IM0001.dcm`, every third file without an extension, one truncated and
 * beside them a text file. 12-bit pixels with a window; names and identifiers in the headers, which nobody may read.
 * @param folder gets `dicom/`
 */
export async function writeStudy(folder: string, count: number): Promise<StudyCase[]> {
  const artist = new PhantomArtist(11, side);
  const cases: StudyCase[] = [];
  for (let i = 0; i < count; i++) {
    const phantom = artist.draw(i);
    const { label, patient } = phantom;
    const sameAsLast = cases.at(-1)?.patient === patient;
    const split = sameAsLast ? cases.at(-1)!.split : (reserved.find(([, until]) => i < until)?.[0] ?? 'pool');
    const number = `IM${String(i + 1).padStart(4, '0')}`;
    const path = `dicom/${patient}/${i % 3 === 2 ? number : `${number}.dcm`}`;
    const boxes = phantom.boxes.map(({ x0, y0, x1, y1 }) => [x0, y0, x1, y1].join(';')).join('|');
    const bytes = dicomOf(phantom);
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, i === truncated ? bytes.subarray(0, bytes.length / 3) : bytes);
    cases.push({ path, label, patient, split, boxes, phantom });
  }
  await writeFile(join(folder, 'dicom', 'README.txt'), 'Exported for the study.\n');
  return cases;
}

/** 8-bit values as 12-bit ones that a window brings back. */
function dicomOf({ pixels, size }: Phantom): Buffer {
  const item = imageItem(size, size, {
    ...depth16(12),
    '00281050': ['DS', '2040'],
    '00281051': ['DS', '4080'],
    '7fe00010': ['OW', words(Array.from(pixels, (value) => 16 * value))],
  });
  return writeDicom(item);
}
