/**
 * The input of a training as files, so that two programs train on the same numbers: batches in the order in which
 * Sightline's own feed gives them, decoded, augmented and normalised, epoch by epoch; whole parts in the manifest's order.
 */
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { tensor } from '../../dist/core/tensor.js';
import { openPool } from '../../dist/data/pool.js';
import { valuesOf } from '../../dist/graph/constant.js';
import { TrainingFeed } from '../../dist/training/feed/feed.js';
import { splitSamples } from '../../dist/training/feed/split.js';

const folds = { training: ['1', '2', '3'], validation: ['4'], test: ['5'] };

/**
 * @param {{manifest: string, folder: string, size: number, targets: object, augmentation: object | 'none',
 *   batch: number, epochs: number, seed: number}} settings
 * @returns arrays of each epoch (last short batch left out) and of the parts, and the names of the classes
 */
export async function writeInput({ manifest, folder, size, targets, augmentation, batch, epochs, seed }) {
  const split = splitSamples(await openPool(manifest), { by: 'fold', values: folds });
  const preprocessing = { channels: 1, height: size, width: size, mean: [0], std: [1], resize: 'stretch' };
  const common = { preprocessing, batch, seed, workers: 2 };
  const feed = await TrainingFeed.open({ ...common, samples: split.training, targets, augmentation });
  const given = { epochs: [], classes: feed.targets.classes };
  try {
    for (let epoch = 0; epoch < epochs; epoch++) {
      given.epochs.push(await write(join(folder, `epoch${epoch}`), feed.epoch(epoch)));
    }
    for (const part of ['validation', 'test']) {
      const samples = split[part];
      const plain = await TrainingFeed.open({ ...common, samples, targets: feed.targets, workers: feed.decoders });
      given[part] = await write(join(folder, part), plain.inOrder());
    }
  } finally {
    await feed.close();
  }
  return given;
}

async function write(path, batches) {
  const names = ['images', 'targets'];
  const files = Object.fromEntries(names.map((name) => [name, `${path}.${name}.f32`]));
  const open = Object.fromEntries(names.map((name) => [name, openSync(files[name], 'w')]));
  let count = 0;
  let dims;
  for await (const batch of batches) {
    for (const name of names) writeSync(open[name], bytes(batch[name].data));
    count += batch.images.dims[0];
    dims = { images: batch.images.dims.slice(1), targets: batch.targets.dims.slice(1) };
    batch.release();
  }
  for (const name of names) closeSync(open[name]);
  return { files, count, dims };
}

const bytes = (array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** Images and targets of a part, whole. */
export function readInput({ files, count, dims }) {
  return {
    images: readF32(files.images, [count, ...dims.images]),
    targets: readF32(files.targets, [count, ...dims.targets]),
  };
}

/** A file of float32 as a tensor. */
export function readF32(file, dims) {
  const { buffer, byteOffset, byteLength } = readFileSync(file);
  return tensor('f32', dims, new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength)));
}

/** All weights of a graph in one file; where each is. */
export function writeWeights(path, initializers) {
  const file = openSync(path, 'w');
  const index = [];
  for (const [name, constant] of initializers) {
    if (!/\.(weight|bias|running_mean|running_var)$/.test(name)) continue;
    writeSync(file, bytes(valuesOf(constant)));
    index.push({ name, dims: constant.dims });
  }
  closeSync(file);
  return index;
}

/** Lines of values, none of which has a comma. */
export function writeCsv(path, header, rows) {
  writeFileSync(path, `${[header, ...rows].map((line) => line.join(',')).join('\n')}\n`);
}
