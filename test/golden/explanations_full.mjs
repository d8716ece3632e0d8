// Run by explanations.py --full: Sightline's explanations (compiled into dist/) of model.onnx in the folder given, against
// the libraries' maps in golden.bin, as JSON. The libraries ran in float64 and, as `float32:…`, in float32.
import { join } from 'node:path';
import { openBackend } from '../../dist/backend/index.js';
import { tensor } from '../../dist/core/tensor.js';
import { findExplanation } from '../../dist/explain/index.js';
import { readClassifier } from '../../dist/graph/classifier.js';
import { compile } from '../../dist/graph/compile.js';
import { openSession } from '../../dist/runtime/index.js';
import { agreement, readArrays } from './golden_arrays.mjs';

const folder = process.argv[2];
const { header, arrays } = readArrays(join(folder, 'golden.bin'));
const backend = await openBackend({ prefer: 'reference' });
const images = tensor('f32', arrays.get('images').dims, arrays.get('images').data);
const [batch, , height, width] = images.dims;
const [values] = Object.values(header.onnx);
const classifier = readClassifier(join(folder, 'model.onnx'));
const modules = Object.keys(values);
const report = { automatic: modules.find((module) => values[module] === classifier.targetLayer?.name) ?? null, maps: {} };
for (const { method, layer, classes, array } of header.maps) {
  const explanation = findExplanation(method);
  const settings = { layer: layer === null ? undefined : values[layer], low: [-5, -5, -5], high: [5, 5, 5] };
  const compiled = compile(classifier, { batch, size: [height, width], passes: explanation.passes(settings) });
  const session = await openSession(compiled.onnx, { threads: 2 });
  const class_index = tensor('i64', [batch], BigInt64Array.from(classes, BigInt));
  const again = (image) => session.run({ image, class_index });
  const outputs = await again(images);
  const { maps } = await explanation.maps({ images, outputs, again }, backend, { height, width, keep: false });
  await session.close();
  const [double, single] = [arrays.get(array).data, arrays.get(`float32:${array}`).data];
  report.maps[layer ? `${method} at ${layer}` : method] = {
    'against float64': agreement(maps.data, double),
    'library in float32 against float64': agreement(single, double),
  };
}
backend.close();
console.log(JSON.stringify(report));
