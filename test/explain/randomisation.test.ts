import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openBackend } from '../../src/backend/index.js';
import { Rng } from '../../src/core/rng.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { findExplanation } from '../../src/explain/index.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { compile } from '../../src/graph/compile.js';
import { constantOf, valuesOf } from '../../src/graph/constant.js';
import { importOnnx } from '../../src/graph/onnx_import.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { openSession } from '../../src/runtime/index.js';
import { readArrays } from '../golden/golden_arrays.mjs';

/**
 * The model-parameter randomisation check of Adebayo et al. (NeurIPS 2018): a map that shows what the model has learnt
 * must change when the weights are replaced by random ones, from the head downwards.
 */
const folder = fileURLToPath(new URL('../golden/gradcam/', import.meta.url));

/** The model with the last `share` of its weight tensors drawn anew, each with its own mean and deviation. */
function randomised(file: string, share: number): Uint8Array {
  const graph = importOnnx(folder + file);
  const order = graph.nodes.flatMap((node) => node.inputs.filter((name) => graph.initializers.has(name)));
  const weights = [...new Set(order)].filter((name) => {
    const constant = graph.initializers.get(name);
    return constant?.type === 'f32' && constant.dims.length >= 2;
  });
  for (const name of weights.slice(Math.floor(weights.length * (1 - share)))) {
    const constant = graph.initializers.get(name);
    if (!constant) continue;
    const values = Array.from(valuesOf(constant));
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
    const rng = new Rng(17, name);
    const drawn = values.map(() => mean + deviation * rng.normal());
    graph.initializers.set(name, constantOf(constant.type, constant.dims, drawn));
  }
  return exportOnnx(graph);
}

async function mapsOf(model: Uint8Array, name: string, images: Tensor<'f32'>): Promise<Float32Array> {
  const [batch, channels, height, width] = images.dims;
  const explanation = findExplanation(name);
  const range = { low: new Array<number>(channels).fill(-5), high: new Array<number>(channels).fill(6) };
  const compiled = compile(readClassifier(model), { batch, passes: explanation.passes(range) });
  const session = await openSession(compiled.onnx);
  const class_index = tensor('i64', [batch], new BigInt64Array(batch).fill(-1n));
  const again = (image: Tensor<'f32'>) => session.run({ image, class_index });
  const backend = await openBackend({ prefer: 'reference' });
  const run = { images, outputs: await again(images), again };
  const { maps } = await explanation.maps(run, backend, { height, width, keep: false });
  backend.close();
  await session.close();
  return (maps as Tensor<'f32'>).data;
}

/** Spearman's rank correlation, as the paper measures likeness. */
function rankCorrelation(a: Float32Array, b: Float32Array): number {
  const ranks = (values: Float32Array) => {
    const order = Array.from(values.keys()).sort((i, j) => values[i] - values[j]);
    const result = new Float64Array(values.length);
    // Equal values share their mean rank.
    for (let from = 0; from < order.length;) {
      let to = from;
      while (to < order.length && values[order[to]] === values[order[from]]) to++;
      for (let k = from; k < to; k++) result[order[k]] = (from + to - 1) / 2;
      from = to;
    }
    return result;
  };
  const [ra, rb] = [ranks(a), ranks(b)];
  const middle = (a.length - 1) / 2;
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (ra[i] - middle) * (rb[i] - middle);
    aa += (ra[i] - middle) ** 2;
    bb += (rb[i] - middle) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

describe.each(['resnet', 'densenet', 'vgg'])('randomised weights change the map: %s', (network) => {
  const { arrays } = readArrays(`${folder}${network}.bin`);
  const { dims, data } = arrays.get('images') as { dims: number[]; data: Float32Array };
  const images = tensor('f32', dims, data);
  const file = `${network}_torchscript.onnx`;

  const likenesses = async (name: string, ...shares: number[]) => {
    const original = await mapsOf(randomised(file, 0), name, images);
    const maps = [];
    for (const share of shares) maps.push(await mapsOf(randomised(file, share), name, images));
    return maps.map((map) => rankCorrelation(original, map));
  };

  it.each(['grad-cam', 'hires-cam', 'gradient', 'integrated-gradients', 'lrp-epsilon'])(
    '%s: from the head on',
    async (name) => {
      const [same, head, all] = await likenesses(name, 0, 0.1, 1);
      expect(same).toBe(1);
      expect(head).toBeLessThan(0.8);
      expect(all).toBeLessThan(0.85);
    },
  );

  // Rules that only let positive contributions pass hardly notice the head: known of guided backpropagation (Adebayo) and
  // of z⁺ (Sixt et al., ICML 2020). What they show is what the features respond to; with those gone, it is gone.
  it.each(['deep-taylor', 'zennit-epsilon-plus', 'guided-backprop'])('%s: with the features', async (name) => {
    const [head, all] = await likenesses(name, 0.1, 1);
    expect(head).toBeLessThan(0.999);
    expect(all).toBeLessThan(0.7);
  });
});
