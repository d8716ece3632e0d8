// Run by gradients.py --full: the input gradient of model.onnx in the folder given, by Sightline (compiled into dist/) on
// ONNX Runtime's CPU provider, against PyTorch's in golden.bin; prints relative L2 errors as JSON. Writes compiled.onnx,
// the same graph without folding of batch norms, for gradients.py to evaluate in float64.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tensor } from '../../dist/core/tensor.js';
import { readClassifier } from '../../dist/graph/classifier.js';
import { compile } from '../../dist/graph/compile.js';
import { inputGradient } from '../../dist/graph/passes/input_gradient.js';
import { openSession } from '../../dist/runtime/index.js';

const folder = process.argv[2];
const { header, arrays } = read(join(folder, 'golden.bin'));
const images = arrays.get('images');
const [batch, , ...size] = images.dims;
const classIndex = tensor('i64', [batch], BigInt64Array.from(header.classes, BigInt));

const classifier = readClassifier(join(folder, 'model.onnx'));
const compiled = compile(classifier, { batch, size, passes: [inputGradient()] });
const session = await openSession(compiled.onnx, { threads: 2 });
const outputs = await session.run({ image: tensor('f32', images.dims, images.data), class_index: classIndex });
await session.close();
const exact = compile(readClassifier(join(folder, 'unfolded.onnx')), {
  batch,
  size,
  passes: [{ ...inputGradient(), foldsBatchNorm: false }],
});
writeFileSync(join(folder, 'compiled.onnx'), exact.onnx);

const gradient = outputs.input_gradient.data;
console.log(
  JSON.stringify({
    'logits against pytorch float64': relativeL2(outputs.logits.data, arrays.get('logits64').data),
    'against pytorch float32': relativeL2(gradient, arrays.get('single').data),
    'against pytorch float64': relativeL2(gradient, arrays.get('double').data),
  }),
);

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
