/**
 * Scores a phantom pool through the library. After `npm ci && npm run demo`, which leaves a model and a pool behind:
 *   node --experimental-strip-types examples/score_pool.ts      (Node ≥ 22.6)
 *   npx tsx examples/score_pool.ts                               (any)
 */
import { drawSelection, score } from 'sightline';

const options = {
  model: 'sightline-demo/classifier.onnx',
  pool: 'sightline-demo/pool/manifest.csv',
  out: 'sightline-demo/example',
  strategy: 'xal',
  top: 12,
  overwrite: true,
};

const summary = await score({
  ...options,
  onProgress: ({ stage, done, total, rate }) =>
    process.stderr.write(`\r${stage} ${done}/${total} ${rate.toFixed(0)}/s   `),
});
for (const { rank, id, score: value, criteria } of summary.selection) {
  console.log(rank, id, value.toFixed(3), `dice ${criteria.dice.toFixed(2)}`);
}
const pictures = await drawSelection(summary, options);
console.log(pictures?.contactSheet);
