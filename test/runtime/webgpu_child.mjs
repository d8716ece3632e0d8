// Runs one compiled model on the cpu and on the webgpu provider and prints how far their outputs are apart. A process of
// its own: the Vulkan driver is found when a process starts, and a failing driver must not take the tests with it.
import { tensor } from '../../dist/core/tensor.js';
import { readClassifier } from '../../dist/graph/classifier.js';
import { compile } from '../../dist/graph/compile.js';
import { layerGradient } from '../../dist/graph/passes/layer_gradient.js';
import { openSession } from '../../dist/runtime/index.js';

const [model, layer] = process.argv.slice(2);
const compiled = compile(readClassifier(model), { batch: 2, passes: [layerGradient(layer)] });
const { batch, channels, height, width } = compiled;
const pixels = Float32Array.from(
  { length: batch * channels * height * width },
  (_, i) => Math.sin(i * 0.37) + Math.cos(i * 0.011),
);
const inputs = {
  image: tensor('f32', [batch, channels, height, width], pixels),
  class_index: tensor('i64', [batch], BigInt64Array.of(-1n, 2n)),
};
const outputs = {};
for (const provider of ['cpu', 'webgpu']) {
  const session = await openSession(compiled.onnx, { provider });
  outputs[provider] = await session.run(inputs);
  await session.close();
}
const report = {};
for (const [name, { data }] of Object.entries(outputs.cpu)) {
  const other = outputs.webgpu[name].data;
  report[name] = {
    difference: data.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i])), 0),
    largest: data.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
  };
}
console.log(JSON.stringify(report));
