import { readFile, writeFile } from 'node:fs/promises';
import { openPool } from '../../../src/data/pool.js';
import { writePhantoms } from '../../../src/data/phantom.js';
import type { Preprocessing, Sample } from '../../../src/data/types.js';
import type { FeedBatch } from '../../../src/training/feed/feed.js';
import type { GivenAugmentation } from '../../../src/data/augment_settings.js';

/** Three channels of grey pictures, as for most architectures. */
export const preprocessing: Preprocessing = {
  channels: 3,
  height: 24,
  width: 32,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
  resize: 'pad',
};

export const augmentation: GivenAugmentation = {
  preset: 'ideal',
  translation: 3,
  flipHorizontal: 0.5,
  brightness: 0.2,
  blur: [0, 1],
  noise: [0.01, 0.05],
};

/** Phantoms on disk, and the pool of their manifest. */
export async function phantomSet(out: string, count: number, size = 40): Promise<Sample[]> {
  const { manifest } = await writePhantoms({ out, count, size, seed: 3 });
  return openPool(manifest);
}

/** Makes a file one that cannot be decoded. */
export async function damage({ path }: Sample): Promise<void> {
  await writeFile(path, (await readFile(path)).subarray(0, 60));
}

/** A batch's content, which outlives its slot. */
export interface Kept {
  iteration: number;
  ids: string[];
  images: Float32Array;
  imageDims: readonly number[];
  targets: Float32Array;
  targetDims: readonly number[];
  rois?: Float32Array;
}

/** All batches of a stream, each released at once. */
export async function collect(stream: AsyncIterable<FeedBatch>): Promise<Kept[]> {
  const kept: Kept[] = [];
  for await (const { iteration, ids, images, targets, rois, release } of stream) {
    kept.push({
      iteration,
      ids,
      images: images.data.slice(),
      imageDims: images.dims,
      targets: targets.data.slice(),
      targetDims: targets.dims,
      ...(rois && { rois: rois.data.slice() }),
    });
    release();
  }
  return kept;
}

/** Equality of bits, NaN and −0 included, without printing a million numbers when it fails. */
export function sameBatches(a: readonly Kept[], b: readonly Kept[]): boolean {
  const bytes = (v: Float32Array | undefined) =>
    Buffer.from(v?.buffer ?? new ArrayBuffer(0), v?.byteOffset, v?.byteLength);
  const same = (x: Kept, y: Kept) =>
    x.iteration === y.iteration &&
    x.ids.join() === y.ids.join() &&
    x.imageDims.join() === y.imageDims.join() &&
    x.targetDims.join() === y.targetDims.join() &&
    bytes(x.images).equals(bytes(y.images)) &&
    bytes(x.targets).equals(bytes(y.targets)) &&
    bytes(x.rois).equals(bytes(y.rois));
  return a.length === b.length && a.every((batch, i) => same(batch, b[i]));
}
