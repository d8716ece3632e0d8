// Run by gradients.py --full: the input gradients of model.onnx in the folder given, by Sightline (compiled into dist/)
// on ONNX Runtime's CPU provider, against PyTorch's in golden.bin, image by image; prints relative L2 errors as JSON. Writes
// compiled.onnx, the same graph without folding of batch norms, for gradients.py to evaluate in float64.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tensor } from '../../dist/core/tensor.js';
import { readClassifier } from '../../dist/graph/classifier.js';
import { compile } from '../../dist/graph/compile.js';
import { inputGradient } from '../../dist/graph/passes/input_gradient.js';
import { openSession } from '../../dist/runtime/index.js';

const folder = process.argv[2];
const { header, arrays } = read(join(folder, 'golden.bin'));
const { dims, data } = arrays.get('images');
const [count, , ...size] = dims;
const class_index = tensor('i64', [1], BigInt64Array.of(BigInt(header.class)));

const classifier = readClassifier(join(folder, 'model.onnx'));
const compiled = compile(classifier, { batch: 1, size, passes: [inputGradient()] });
const session = await openSession(compiled.onnx, { threads: 2 });
const report = {
  'logits against pytorch float64': [],
  'gradients against pytorch float32': [],
  'gradients against pytorch float64': [],
};
const one = (values, index) => values.subarray((index * values.length) / count, ((index + 1) * values.length) / count);
for (let index = 0; index < count; index++) {
  const outputs = await session.run({ image: tensor('f32', [1, ...dims.slice(1)], one(data, index)), class_index });
  const compare = (name, values, golden) => report[name].push(relativeL2(values, one(arrays.get(golden).data, index)));
  compare('logits against pytorch float64', outputs.logits.data, 'logits64');
  compare('gradients against pytorch float32', outputs.input_gradient.data, 'single');
  compare('gradients against pytorch float64', outputs.input_gradient.data, 'double');
}
await session.close();
const exact = compile(readClassifier(join(folder, 'unfolded.onnx')), {
  batch: 1,
  size,
  passes: [{ ...inputGradient(), foldsBatchNorm: false }],
});
writeFileSync(join(folder, 'compiled.onnx'), exact.onnx);
console.log(JSON.stringify(report));

function relativeL2(a, b) {
  if (a.length !== b.length) throw new Error(`lengths ${a.length} and ${b.length}`);
  let [difference, scale] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    scale += b[i] ** 2;
  }
  return Math.sqrt(difference / scale);
}

function read(path) {
  const bytes = readFileSync(path);
  const length = bytes.readUInt32LE(8);
  const header = JSON.parse(bytes.toString('utf8', 12, 12 + length));
  const data = new Float32Array(new Uint8Array(bytes.subarray(12 + length)).buffer);
  const arrays = header.arrays.map(({ name, dims, offset }) => {
    return [name, { dims, data: data.slice(offset, offset + dims.reduce((a, b) => a * b, 1)) }];
  });
  return { header, arrays: new Map(arrays) };
}
