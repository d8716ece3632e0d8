// Run by gradients.py --full: the input gradients of model.onnx in the folder given, by Sightline (compiled into dist/)
// on ONNX Runtime's CPU provider, against PyTorch's in golden.bin, image by image; prints relative L2 errors as JSON. Writes
// compiled.onnx, the same graph without folding of batch norms, for gradients.py to evaluate in float64.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tensor } from '../../dist/core/tensor.js';
import { readClassifier } from '../../dist/graph/classifier.js';
import { compile } from '../../dist/graph/compile.js';
import { inputGradient } from '../../dist/graph/passes/input_gradient.js';
import { openSession } from '../../dist/runtime/index.js';
import { agreement, readArrays } from './golden_arrays.mjs';

const folder = process.argv[2];
const { header, arrays } = readArrays(join(folder, 'golden.bin'));
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
  const compare = (name, values, golden) => 
    report[name].push(agreement(values, one(arrays.get(golden).data, index)).relativeL2);
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
