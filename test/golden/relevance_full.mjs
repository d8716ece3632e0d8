// Run by relevance.py --full: compares Sightline's relevance (compiled into dist/) with zennit's on
// the full-size models in the folder given, and prints how far they are apart as JSON.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { tensor } from '../../dist/core/tensor.js';
import { readClassifier } from '../../dist/graph/classifier.js';
import { compile } from '../../dist/graph/compile.js';
import { relevance } from '../../dist/graph/passes/relevance.js';
import { relevancePresets } from '../../dist/graph/relevance/presets.js';
import { openSession } from '../../dist/runtime/index.js';
import { agreement, readArrays } from './golden_arrays.mjs';

const folder = process.argv[2];
const report = {};
for (const file of readdirSync(folder).filter((name) => name.endsWith('.bin')).sort()) {
  const { header, arrays } = readArrays(join(folder, file));
  const images = arrays.get('images');
  const [batch, channels, height, width] = images.dims;
  for (const onnx of Object.keys(header.onnx)) {
    const classifier = readClassifier(join(folder, onnx));
    report[onnx] = {};
    for (const [name, theirs] of arrays) {
      if (!name.startsWith('relevance:')) continue;
      const preset = relevancePresets.find((p) => p.name === name.slice('relevance:'.length));
      const range = { low: new Array(channels).fill(header.low), high: new Array(channels).fill(header.high) };
      const started = performance.now();
      const compiled = compile(classifier, { batch, size: [height, width], passes: [relevance(preset, range)] });
      const compileSeconds = (performance.now() - started) / 1000;
      const session = await openSession(compiled.onnx, { threads: 2 });
      const outputs = await session.run({
        image: tensor('f32', images.dims, images.data),
        class_index: tensor('i64', [batch], new BigInt64Array(batch).fill(BigInt(header.class))),
      });
      await session.close();
      report[onnx][preset.name] = {
        ...agreement(outputs.relevance.data, theirs.data),
        theirOwnRounding: header.float32[preset.name],
        logit: outputs.logits.data[header.class],
        sum: outputs.relevance.data.reduce((a, b) => a + b, 0),
        theirSum: theirs.data.reduce((a, b) => a + b, 0),
        compileSeconds: Number(compileSeconds.toFixed(2)),
      };
    }
  }
}
console.log(JSON.stringify(report));
