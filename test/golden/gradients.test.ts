import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { compile } from '../../src/graph/compile.js';
import { inputGradient } from '../../src/graph/passes/input_gradient.js';
import { layerGradient } from '../../src/graph/passes/layer_gradient.js';
import { openSession } from '../../src/runtime/index.js';
import { agreement, readGradients, type GradientGolden } from './read_golden.js';

const folder = fileURLToPath(new URL('gradients/', import.meta.url));
const goldens = readdirSync(folder)
  .filter((name) => name.endsWith('.bin'))
  .map((name) => readGradients(folder + name));

/** Outputs of the graph compiled with both gradients, for the golden images taken in the order given. */
async function run(golden: GradientGolden, file: string, samples: readonly number[]) {
  const images = golden.arrays.get('images') as Tensor<'f32'>;
  const dims = [samples.length, ...images.dims.slice(1)];
  const passes = [inputGradient(), layerGradient(golden.onnx[file])];
  const compiled = compile(readClassifier(folder + file), { batch: samples.length, size: [dims[2], dims[3]], passes });
  expect(compiled.batch).toBe(samples.length);
  const session = await openSession(compiled.onnx);
  const outputs = await session.run({
    image: tensor('f32', dims, pick(images, samples)),
    class_index: tensor('i64', [samples.length], BigInt64Array.from(samples, (b) => BigInt(golden.classes[b]))),
  });
  await session.close();
  return outputs;
}

function pick({ dims, data }: Tensor<'f32'>, samples: readonly number[]): Float32Array {
  const size = data.length / dims[0];
  const out = new Float32Array(samples.length * size);
  samples.forEach((from, to) => out.set(data.subarray(from * size, (from + 1) * size), to * size));
  return out;
}

/** ‖ours − PyTorch float64‖₂ / ‖PyTorch float64‖₂ of each output. */
async function errors(golden: GradientGolden, file: string, samples: readonly number[]) {
  const outputs = await run(golden, file, samples);
  const error = (output: string, name: string) =>
    agreement(outputs[output].data as Float32Array, pick(golden.arrays.get(name) as Tensor<'f32'>, samples)).relativeL2;
  return {
    logits: error('logits', 'logits'),
    gradient: error('input_gradient', 'gradient'),
    activation: error('activation', 'activation'),
    layerGradient: error('gradient', 'layer_gradient'),
  };
}

describe('gradients against PyTorch autograd in float64, committed models', () => {
  it('has goldens for ten architectures of torchvision and four of timm, from both exporters, opset 11 to 23', () => {
    expect(goldens.map(({ model }) => model).sort()).toEqual(
      'convnext densenet efficientnet inception mobilenet regnet resnet swin timm_convnext timm_maxvit timm_resnetd timm_vit vgg vit'.split(
        ' ',
      ),
    );
    const files = goldens.flatMap(({ onnx }) => Object.keys(onnx));
    for (const kind of 'torchscript11 torchscript13 torchscript17 dynamo18 dynamo20 dynamo23'.split(' '))
      expect(files.some((file) => file.endsWith(`_${kind}.onnx`))).toBe(true);
  });

  const cases = goldens.flatMap((golden) => Object.keys(golden.onnx).map((file) => [file, golden] as const));
  it.each(cases)('%s', async (file, golden) => {
    const found = await errors(golden, file, [0, 1]);
    for (const [output, error] of Object.entries(found)) expect(error, output).toBeLessThan(1e-4);
  });

  it.each(cases)('%s: at other batch sizes', async (file, golden) => {
    for (const samples of [[1], [1, 0, 1]]) {
      const found = await errors(golden, file, samples);
      for (const [output, error] of Object.entries(found)) expect(error, `${output}, ${samples}`).toBeLessThan(1e-4);
    }
  });
});
