import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { sizeOf, tensor, type Tensor } from '../../src/core/tensor.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { compile, type CompiledGraph } from '../../src/graph/compile.js';
import { guidedGradient, inputGradient } from '../../src/graph/passes/input_gradient.js';
import { layerGradient } from '../../src/graph/passes/layer_gradient.js';
import type { GraphPass } from '../../src/graph/passes/pass.js';
import { relevance } from '../../src/graph/passes/relevance.js';
import { relevancePresets } from '../../src/graph/relevance/presets.js';
import { expectAgreement, runOnce } from './tfjs_agreement.js';

const folder = fileURLToPath(new URL('../golden/gradcam/', import.meta.url));
const models = readdirSync(folder).filter((name) => name.endsWith('.onnx'));
const backends = ['wasm', 'cpu'] as const;
const size = [64, 64] as const;
const range = { low: [-2.2, -2.1, -1.9], high: [2.3, 2.5, 2.7] };

function compiledWith(model: string, passes: GraphPass[], batch = 2): CompiledGraph {
  const classifier = readClassifier(folder + model);
  return compile(classifier, { batch, size: classifier.size ?? size, passes, dropout: { placement: 'blocks' } });
}

function inputsOf({ batch, channels, height, width }: CompiledGraph): Record<string, Tensor> {
  // An image on which every preset is fairly well conditioned: on others captum's, of the ResNet, is not at all.
  const rng = new Rng(17, 'image');
  const dims = [batch, channels, height, width];
  const pixels = Float32Array.from({ length: sizeOf(dims) }, () => -2 + 4 * rng.uniform());
  const classes = BigInt64Array.from({ length: batch }, (_, b) => (b === 0 ? -1n : 1n));
  return { image: tensor('f32', dims, pixels), class_index: tensor('i64', [batch], classes) };
}

/** What ONNX Runtime makes of pixels that differ by what rounding in all layers comes to, 2·10⁻⁶, four times. */
async function shakenOutputs(onnx: Uint8Array, { image, ...others }: Record<string, Tensor>) {
  const rng = new Rng(7, 'shake');
  const results: Record<string, Tensor>[] = [];
  for (let i = 0; i < 4; i++) {
    const pixels = Float32Array.from(image.data as Float32Array, (v) => v * (1 + 4e-6 * (rng.uniform() - 0.5)));
    results.push(await runOnce(onnx, { image: tensor('f32', image.dims, pixels), ...others }));
  }
  return results;
}

describe.each(backends)('committed models on TensorFlow.js, %s', (provider) => {
  // Plain JavaScript convolves slowly: one exporter's.
  it.each(provider === 'cpu' ? models.filter((model) => model.endsWith('_dynamo.onnx')) : models)(
    '%s: logits, layer gradient, gradient, guided gradient, dropout tail',
    async (model) => {
      const compiled = compiledWith(model, [layerGradient(), inputGradient(), guidedGradient()], 2);
      const inputs = inputsOf(compiled);
      const expected = await runOnce(compiled.onnx, inputs);
      expectAgreement(await runOnce(compiled.onnx, inputs, { runtime: 'tfjs', provider }), expected);

      const { onnx, feeds, masks } = compiled.dropout as NonNullable<CompiledGraph['dropout']>;
      const rng = new Rng(6, 'masks');
      const drop = ({ name, dims }: { name: string; dims: readonly number[] }) =>
        [
          name,
          tensor(
            'f32',
            dims,
            Float32Array.from({ length: sizeOf(dims) }, () => (rng.uniform() < 0.3 ? 0 : 1 / 0.7)),
          ),
        ] as const;
      const tail = {
        ...Object.fromEntries(Object.entries(feeds).map(([from, to]) => [to, expected[from]])),
        ...Object.fromEntries(masks.map(drop)),
      };
      expectAgreement(await runOnce(onnx, tail, { runtime: 'tfjs', provider }), await runOnce(onnx, tail));
    },
  );

  // One image: plain JavaScript convolves slowly, and every preset runs on every architecture.
  const architectures = models.filter((model) => model.endsWith('_dynamo.onnx'));
  const presets = relevancePresets.flatMap((preset) =>
    architectures.map((model) => [preset.name, model, preset] as const),
  );
  it.each(presets)('relevance by %s, %s', async (_name, model, preset) => {
    const compiled = compiledWith(model, [relevance(preset, range)], 1);
    const inputs = inputsOf(compiled);
    const found = await runOnce(compiled.onnx, inputs, { runtime: 'tfjs', provider });
    const expected = await runOnce(compiled.onnx, inputs);
    const shaken = await shakenOutputs(compiled.onnx, inputs);
    // Every layer divides and rounds: ONNX Runtime's own providers are up to 6·10⁻⁴ apart here.
    expectAgreement(found, expected, shaken, 3e-4);
  });
});

describe('the WebGPU backend and the webgpu provider', () => {
  const child = fileURLToPath(new URL('tfjs_child.mjs', import.meta.url));
  const softwareVulkan = fileURLToPath(new URL('../support/run.mjs', import.meta.url));

  // Compiling shaders in software takes half a minute per model: the two whose ops differ most, from either exporter. The
  // others' are among theirs; SIGHTLINE_ALL_MODELS runs each architecture.
  const chosen = ['densenet_torchscript', 'mobilenet_dynamo'];
  if (process.env.SIGHTLINE_ALL_MODELS) chosen.push('resnet_torchscript', 'vgg_dynamo');
  const files = chosen.map((name) => `${name}.onnx`);
  it.each(files)("%s: ONNX Runtime's cpu numbers", { timeout: 300_000 }, async (model) => {
    const { stdout } = await promisify(execFile)(process.execPath, [softwareVulkan, '--script', child, folder + model]);
    const report = JSON.parse(stdout) as Record<string, Record<string, { found: number; allowed: number }>>;
    expect(Object.keys(report)).toEqual(['onnxruntime', 'tfjs']);
    for (const [runtime, outputs] of Object.entries(report)) {
      expect(Object.keys(outputs)).toEqual(['logits', 'activation', 'gradient', 'input_gradient', 'relevance']);
      for (const [name, { found, allowed }] of Object.entries(outputs)) {
        expect(found, `${runtime} ${name}`).toBeLessThan(allowed);
        expect(allowed, name).toBeLessThan(0.3);
      }
    }
  });
});
