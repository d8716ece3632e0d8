import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePhantoms } from '../../src/data/phantom.js';
import { openPool } from '../../src/data/pool.js';
import { trainPhantomClassifier } from '../../src/engine/phantom_model.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { GraphBuilder } from '../../src/models/builder.js';
import { sharedFolder } from './files.js';

export interface PhantomSet {
  folder: string;
  manifest: string;
  model: string;
  count: number;
}

/** A small phantom pool with a classifier fitted on it: the same every time. For `beforeAll`. */
export async function phantomSet(count = 200): Promise<PhantomSet> {
  const folder = await sharedFolder();
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
