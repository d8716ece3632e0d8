import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writePhantoms } from '../../src/data/phantom.js';
import { openPool } from '../../src/data/pool.js';
import { trainPhantomClassifier } from '../../src/engine/phantom_model.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { GraphBuilder } from '../../src/models/builder.js';

export interface PhantomSet {
  folder: string;
  manifest: string;
  model: string;
  count: number;
}

const cache = fileURLToPath(new URL('../../node_modules/.cache/sightline/test-phantoms/', import.meta.url));

/** A small phantom pool with a classifier fitted on it: made anew once per test file, the same every time. */
export async function phantomSet(count = 200): Promise<PhantomSet> {
  const folder = join(cache, `${count}-${process.pid}`);
  await mkdir(folder, { recursive: true });
  const { manifest } = await writePhantoms({ out: folder, count, size: 128, seed: 5 });
  const model = join(folder, 'classifier.onnx');
  await trainPhantomClassifier((await openPool(manifest)).slice(0, 60), model);
  return { folder, manifest, model, count };
}

/** A classifier whose graph has no spatial activation: flatten, then dense. */
export async function spatiallessModel(folder: string): Promise<string> {
  const b = new GraphBuilder('flat');
  const flat = b.op('Flatten', [b.input('image', [null, 1, 16, 16])], { axis: 1 });
  const weights = Float32Array.from({ length: 256 * 2 }, (_, i) => Math.sin(i));
  b.output(b.dense(flat, weights, new Float32Array(2)), 'logits', [null, 2]);
  const file = join(folder, 'flat.onnx');
  await writeFile(file, exportOnnx(b.graph));
  return file;
}
