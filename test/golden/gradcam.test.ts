import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openBackend } from '../../src/backend/index.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { findExplanation } from '../../src/explain/index.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { compile } from '../../src/graph/compile.js';
import { layerGradient } from '../../src/graph/passes/layer_gradient.js';
import { openSession } from '../../src/runtime/index.js';
import { largestDifference, readGolden, type GradCamGolden } from './read_golden.js';

const folder = fileURLToPath(new URL('gradcam/', import.meta.url));
const goldens = readdirSync(folder).filter((name) => name.endsWith('.bin')).map((name) => readGolden(folder + name));

/** Runs `images` (repeated or cut to the compiled batch) and returns logits and maps of the first samples. */
async function explained(golden: GradCamGolden, file: string, layer: string | undefined, classes: number[], batch: number) {
  const images = golden.arrays.get('images') as Tensor<'f32'>;
  const [count, channels, height, width] = images.dims;
  const compiled = compile(readClassifier(folder + file), { batch, passes: [layerGradient(layer)] });
  expect(compiled.batch).toBe(batch);
  const sample = channels * height * width;
  const input = new Float32Array(batch * sample);
  for (let b = 0; b < batch; b++) input.set(images.data.subarray((b % count) * sample, ((b % count) + 1) * sample), b * sample);
  const session = await openSession(compiled.onnx);
  const outputs = await session.run({
    image: tensor('f32', [batch, channels, height, width], input),
    class_index: tensor('i64', [batch], BigInt64Array.from({ length: batch }, (_, b) => BigInt(classes[b % count]))),
  });
  await session.close();
  const backend = await openBackend({ prefer: 'reference' });
  const again = () => Promise.reject(new Error('Grad-CAM needs one run'));
  const run = { images, outputs, again };
  const { maps, flat } = await findExplanation('grad-cam').maps(run, backend, { height, width, keep: false });
  backend.close();
  return { compiled, logits: outputs.logits.data as Float32Array, maps: (maps as Tensor<'f32'>).data, flat: flat.data };
}

describe('Grad-CAM against pytorch-grad-cam, committed models', () => {
  it('has goldens for four architectures and both exporters', () => {
    expect(goldens.map((golden) => golden.model).sort()).toEqual(['densenet', 'mobilenet', 'resnet', 'vgg']);
    for (const golden of goldens) expect(Object.keys(golden.onnx)).toHaveLength(2);
  });

  const cases = goldens.flatMap((golden) =>
    Object.entries(golden.onnx).flatMap(([file, values]) => golden.layers.map((layer) => ({ golden, file, layer, value: values[layer.module] }))),
  );
  it.each(cases.map((test) => [`${test.file} at ${test.layer.module}`, test] as const))('%s', async (_name, test) => {
    const { golden, file, layer, value } = test;
    const { logits, maps, flat } = await explained(golden, file, value, layer.classes, 2);
    expect(largestDifference(logits, (golden.arrays.get('logits') as Tensor).data as Float32Array)).toBeLessThan(1e-3);
    expect([...flat]).toEqual([0, 0]);
    expect(largestDifference(maps, (golden.arrays.get(`cam:${layer.module}`) as Tensor<'f32'>).data)).toBeLessThan(1e-4);
  });

  it.each(goldens.flatMap((golden) => Object.keys(golden.onnx).map((file) => [file, golden] as const)))(
    '%s: the automatic target is the last feature map, at any batch size',
    async (file, golden) => {
      const last = golden.layers[golden.layers.length - 1];
      const classifier = readClassifier(folder + file);
      expect(classifier.targetLayer?.name).toBe(golden.onnx[file][last.module]);
      const expected = (golden.arrays.get(`cam:${last.module}`) as Tensor<'f32'>).data;
      for (const batch of [1, 3]) {
        const { maps } = await explained(golden, file, undefined, last.classes, batch);
        for (let b = 0; b < batch; b++) {
          const plane = expected.length / 2;
          const want = expected.subarray((b % 2) * plane, ((b % 2) + 1) * plane);
          expect(largestDifference(maps.subarray(b * plane, (b + 1) * plane), want)).toBeLessThan(1e-4);
        }
      }
    },
  );

  it('explains the predicted class for index -1', async () => {
    const golden = goldens[0];
    const file = Object.keys(golden.onnx)[0];
    const first = await explained(golden, file, undefined, [-1, -1], 2);
    const k = first.compiled.classes;
    const top = [0, 1].map((b) => {
      const row = [...first.logits.subarray(b * k, (b + 1) * k)];
      return row.indexOf(Math.max(...row));
    });
    const named = await explained(golden, file, undefined, top, 2);
    expect(first.maps).toEqual(named.maps);
    const other = await explained(golden, file, undefined, top.map((t) => (t + 1) % k), 2);
    expect(other.maps).not.toEqual(first.maps);
  });

  it('finds TorchScript layers by their PyTorch module path', () => {
    const classifier = readClassifier(`${folder}resnet_torchscript.onnx`, { targetLayer: 'layer3' });
    const golden = goldens.find(({ model }) => model === 'resnet');
    expect(classifier.targetLayer?.name).toBe(golden?.onnx['resnet_torchscript.onnx'].layer3);
  });
});
