import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { expect } from 'vitest';
import type { SightlineError } from '../../../src/core/errors.js';
import { importDataset, type ImportOptions, type ImportSummary } from '../../../src/data/datasets/import_dataset.js';
import { openPool } from '../../../src/data/pool.js';
import { decodeSample } from '../../../src/data/decode.js';
import type { Sample } from '../../../src/data/types.js';
import { temporaryFolder } from '../../support/files.js';

/** Files of a data set in miniature: text or bytes by path. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** A folder that holds them, removed when the test ends. */
export async function unpacked(files: Files): Promise<string> {
  const root = await temporaryFolder();
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

/** A grey PNG with a gradient. */
export function png(width: number, height = width): Promise<Uint8Array> {
  const data = Uint8Array.from({ length: width * height }, (_, i) => (i * 7) % 256);
  return sharp(data, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
}

export interface Imported {
  summary: ImportSummary;
  /** What `openPool` makes of the manifest: what every other command gets to see. */
  samples: Sample[];
  byId: ReadonlyMap<string, Sample>;
  notices: string[];
}

/** Imports a folder and reads the manifest back. */
export async function imported(name: string, root: string, options: Partial<ImportOptions> = {}): Promise<Imported> {
  const notices: string[] = [];
  const out = await temporaryFolder();
  const summary = await importDataset(name, { root, out, onNotice: (text) => notices.push(text), ...options });
  const samples = await openPool(summary.manifest);
  return { summary, samples, byId: new Map(samples.map((sample) => [sample.id, sample])), notices };
}

/** The error of an import that must fail. */
export async function importError(
  name: string,
  root: string,
  options: Partial<ImportOptions> = {},
): Promise<SightlineError> {
  const failed = await imported(name, root, options).then(
    () => undefined,
    (error: SightlineError) => error,
  );
  expect(failed, 'the import should fail').toBeDefined();
  return failed!;
}

/** Decodes a sample as scoring and training do: grey, stretched to size × size. @returns pixels and region inside */
export async function decoded(sample: Sample, size: number, channels = 1) {
  const image = new Float32Array(channels * size * size);
  const roi = new Uint8Array(size * size);
  const preprocessing = {
    ...{ channels, height: size, width: size, resize: 'stretch' as const },
    ...{ mean: Array<number>(channels).fill(0), std: Array<number>(channels).fill(1) },
  };
  const about = await decodeSample(sample, preprocessing, image, roi);
  return { ...about, image, roi };
}
