// Runs one compiled model on ONNX Runtime's cpu and webgpu providers and on TensorFlow.js's WebGPU backend, and prints how
// far the last two are from the first, relative to the largest value, and how far they may be. A process of its own: the Vulkan driver is found
// when a process starts, and a failing driver must not take the tests with it.
import { tensor } from '../../dist/core/tensor.js';
import { readClassifier } from '../../dist/graph/classifier.js';
import { compile } from '../../dist/graph/compile.js';
import { inputGradient } from '../../dist/graph/passes/input_gradient.js';
import { layerGradient } from '../../dist/graph/passes/layer_gradient.js';
import { relevance } from '../../dist/graph/passes/relevance.js';
import { relevancePresets } from '../../dist/graph/relevance/presets.js';
import { openSession } from '../../dist/runtime/index.js';

const [model] = process.argv.slice(2);
const classifier = readClassifier(model);
const range = { low: [-2.2, -2.1, -1.9], high: [2.3, 2.5, 2.7] };
const compiled = compile(classifier, {
  batch: 2,
  size: classifier.size ?? [64, 64],
  passes: [layerGradient(), inputGradient(), relevance(relevancePresets[0], range)],
});
const { batch, channels, height, width } = compiled;
const pixels = Float32Array.from(
  { length: batch * channels * height * width },
  (_, i) => Math.sin(i * 0.37) + Math.cos(i * 0.011),
);
const inputs = {
  image: tensor('f32', [batch, channels, height, width], pixels),
  class_index: tensor('i64', [batch], BigInt64Array.of(-1n, 1n)),
};

async function outputsOn(options, image = inputs.image) {
  const session = await openSession(compiled.onnx, options);
  const outputs = await session.run({ ...inputs, image });
  await session.close();
  return outputs;
}

function deviation({ data }, other) {
  const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
  return data.reduce((most, value, i) => Math.max(most, Math.abs(value - other.data[i])), 0) / largest;
}

const expected = await outputsOn({ provider: 'cpu' });
// What divides by nearly nothing differs from itself for pixels that differ by what rounding comes to.
const shaken = [];
for (const step of [1, 2, 3, 5]) {
  const other = pixels.map((value, i) => value * (1 + 2e-6 * Math.sin(i * step)));
  shaken.push(await outputsOn({ provider: 'cpu' }, tensor('f32', inputs.image.dims, other)));
}
const report = {};
for (const runtime of ['onnxruntime', 'tfjs']) {
  const outputs = await outputsOn({ runtime, provider: 'webgpu' });
  report[runtime] = Object.fromEntries(
    Object.entries(expected).map(([name, value]) => {
      const allowed = Math.max(1e-4, ...shaken.map((other) => 10 * deviation(value, other[name])));
      return [name, { found: deviation(value, outputs[name]), allowed }];
    }),
  );
}
console.log(JSON.stringify(report));
