// Run by gradcam.py --full: compares Sightline's Grad-CAM (compiled into dist/) with pytorch-grad-cam's on full-size
// torchvision models in the folder given, and prints the largest absolute differences as JSON.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openBackend } from '../../dist/backend/index.js';
import { tensor } from '../../dist/core/tensor.js';
import { findExplanation } from '../../dist/explain/index.js';
import { readClassifier } from '../../dist/graph/classifier.js';
import { compile } from '../../dist/graph/compile.js';
import { layerGradient } from '../../dist/graph/passes/layer_gradient.js';
import { openSession } from '../../dist/runtime/index.js';
import { readArrays } from './golden_arrays.mjs';

const folder = process.argv[2];
const backend = await openBackend({ prefer: 'reference' });
const report = {};
for (const file of readdirSync(folder).filter((name) => name.endsWith('.bin')).sort()) {
  const { header, arrays } = readArrays(join(folder, file));
  for (const [onnx, values] of Object.entries(header.onnx)) {
    const model = (report[onnx] = { automatic: null, logits: null, layers: {} });
    const classifier = readClassifier(join(folder, onnx));
    model.automatic = Object.keys(values).find((module) => values[module] === classifier.targetLayer?.name) ?? null;
    for (const { module, classes } of header.layers) {
      const images = arrays.get('images');
      const [batch, , height, width] = images.dims;
      const compiled = compile(classifier, { batch, size: [height, width], passes: [layerGradient(values[module])] });
      const session = await openSession(compiled.onnx, { threads: 2 });
      const outputs = await session.run({
        image: tensor('f32', images.dims, images.data),
        class_index: tensor('i64', [batch], BigInt64Array.from(classes, BigInt)),
      });
      await session.close();
      const { maps } = await findExplanation('grad-cam').maps({ outputs }, backend, { height, width, keep: false });
      model.logits = largest(outputs.logits.data, arrays.get('logits').data);
      model.layers[module] = { onnx: values[module], shape: compiled.dims.activation.slice(1), ...differences(maps.data, arrays, module) };
    }
  }
}
backend.close();
console.log(JSON.stringify(report));

function differences(maps, arrays, module) {
  const [single, double] = [arrays.get(`cam:${module}`).data, arrays.get(`cam64:${module}`).data];
  return { maps: largest(maps, single), mapsAgainstFloat64: largest(maps, double), pytorchAgainstFloat64: largest(single, double) };
}

function largest(a, b) {
  if (a.length !== b.length) throw new Error(`lengths ${a.length} and ${b.length}`);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}
