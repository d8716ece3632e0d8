/**
 * Our side of explanations.mjs: a model compiled for one explanation, run on a batch held in memory.
 * As a program, `node explainer.mjs MODEL IMAGES THREADS` explains one batch of eight by Deep Taylor in a fresh process
 * and prints the time to compile and the peak memory.
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { openBackend } from '../../dist/backend/index.js';
import { tensor } from '../../dist/core/tensor.js';
import { DropoutScorer } from '../../dist/engine/dropout_scorer.js';
import { findExplanation } from '../../dist/explain/index.js';
import { readClassifier } from '../../dist/graph/classifier.js';
import { compile } from '../../dist/graph/compile.js';
import { openSession } from '../../dist/runtime/index.js';

const bounds = { low: [-5, -5, -5], high: [6, 6, 6] };
const size = [224, 224];

/** @returns run(): maps f32[B,H,W] of the predicted classes, or the variances f64[B] of Monte-Carlo dropout. */
export async function openExplainer({ onnx, what, images, batch, threads, passes }) {
  const image = tensor('f32', [batch, 3, ...size], images.subarray(0, batch * 3 * size[0] * size[1]));
  const class_index = tensor('i64', [batch], new BigInt64Array(batch).fill(-1n));
  if (what.startsWith('dropout')) return openDropout({ onnx, what, image, batch, threads, passes });
  const explanation = findExplanation(what);
  const begin = performance.now();
  const compiled = compile(readClassifier(onnx), { batch, size, passes: explanation.passes(bounds) });
  const compileSeconds = (performance.now() - begin) / 1000;
  const session = await openSession(compiled.onnx, { threads });
  const backend = await openBackend({ prefer: 'native', threads });
  return {
    compileSeconds,
    async run() {
      const again = (other) => session.run({ image: other, class_index });
      const outputs = await again(image);
      const { maps } = await explanation.maps({ images: image, outputs, again }, backend, {
        height: size[0],
        width: size[1],
        keep: false,
      });
      return maps;
    },
    async close() {
      backend.close();
      await session.close();
    },
  };
}

async function openDropout({ onnx, what, image, batch, threads, passes }) {
  const compiled = compile(readClassifier(onnx), {
    batch,
    size,
    dropout: { placement: what.split(' ')[1], rate: 0.2 },
  });
  const main = await openSession(compiled.onnx, { threads });
  const { onnx: tail, feeds, masks } = compiled.dropout;
  const shared = new SharedArrayBuffer(tail.length);
  new Uint8Array(shared).set(tail);
  const setup = { onnx: shared, feeds, masks, passes, seed: 1 };
  const scorer = await DropoutScorer.open(setup, { threads, provider: 'cpu', activation: 'softmax' });
  return {
    async run() {
      const names = ['mc_entropy', 'mc_epistemic', 'mc_aleatoric', 'bald'];
      const criteria = Object.fromEntries(names.map((name) => [name, new Float64Array(batch)]));
      await scorer.score(await main.run({ image }), batch, compiled.classes, criteria);
      return criteria.mc_epistemic;
    },
    close: () => main.close(),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [onnx, path, threads] = process.argv.slice(2);
  const bytes = readFileSync(path);
  const images = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const explainer = await openExplainer({ onnx, what: 'deep-taylor', images, batch: 8, threads: Number(threads) });
  await explainer.run();
  console.log(
    JSON.stringify({ compileSeconds: explainer.compileSeconds, bytes: process.resourceUsage().maxRSS * 1024 }),
  );
  process.exit(0);
}
