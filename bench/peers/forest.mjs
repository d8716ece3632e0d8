/** Random forests against scikit-learn: interleaved, accuracies compared first. */
import { performance } from 'node:perf_hooks';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBackend } from '../../dist/backend/index.js';
import { loadAddon } from '../../dist/backend/native.js';
import { Rng } from '../../dist/core/rng.js';
import { tensor } from '../../dist/core/tensor.js';
import { compareSubsets, selectFeatures } from '../../dist/forest/feature_selection.js';
import { OnlineForest } from '../../dist/forest/online_forest.js';
import { RandomForest } from '../../dist/forest/random_forest.js';
import { row, writeRows } from '../results.mjs';
import { median, ratios } from './end_to_end.mjs';
import { openPeer } from './environment.mjs';

const rounds = 5;
const trees = 100;

/** Ours always gives the out-of-bag estimate, theirs only in the exhaustive search, which needs it. */
const jobs = {
  two: { title: '10,000 × 50, 2 classes', kind: 'classification', rows: 10_000, width: 50, classes: 2 },
  ten: { title: '10,000 × 50, 10 classes', kind: 'classification', rows: 10_000, width: 50, classes: 10 },
  noise: { title: '10,000 × 50, noise', kind: 'noise', rows: 10_000, width: 50, classes: 2 },
  search: { title: '725 × 4, out of bag', kind: 'classification', rows: 725, width: 4, classes: 2, outOfBag: true },
};

export async function benchForest() {
  const addon = loadAddon();
  if ('available' in addon) throw new Error(addon.note);
  const native = await openBackend({ prefer: 'native' });
  const folder = mkdtempSync(join(tmpdir(), 'sightline-bench-'));
  const rows = [];
  try {
    for (const threads of new Set([1, availableParallelism()])) {
      addon.setThreads(threads);
      const peer = openPeer('forest.py', threads);
      const { versions } = await peer.ask({ do: 'make', folder, jobs });
      for (const [name, job] of Object.entries(jobs)) {
        console.log(`${job.title}, ${threads} threads`);
        const data = readSet(folder, name, job);
        const times = { fit: [[], []], predict: [[], []] };
        const accuracies = [0, 0];
        for (let seed = 0; seed < rounds; seed++) {
          const ours = await roundOfOurs(native, data, job.classes, seed);
          const fitted = await peer.ask({ do: 'fit', name, seed, threads, out_of_bag: job.outOfBag ?? false });
          const predicted = await peer.ask({ do: 'predict', name });
          times.fit[0].push(ours.fit);
          times.fit[1].push(1000 * fitted.seconds);
          times.predict[0].push(ours.predict);
          times.predict[1].push(1000 * predicted.seconds);
          accuracies[0] += ours.accuracy / rounds;
          accuracies[1] += predicted.accuracy / rounds;
        }
        if (!(Math.abs(accuracies[0] - accuracies[1]) <= 0.01)) {
          throw new Error(`${job.title}: accuracy ${accuracies[0]}, scikit-learn's ${accuracies[1]}`);
        }
        for (const [what, [ours, theirs]] of Object.entries(times)) {
          const detail = `accuracy ${accuracies.map((a) => a.toFixed(3)).join(' and ')}, ratios by round ${ratios(theirs, ours)}`;
          const measured = { ours: median(ours), theirs: median(theirs), detail };
          const bench = `random forest, ${trees} trees, ${job.title}: ${what}`;
          rows.push(row({ bench, peer: 'scikit-learn', unit: 'ms', threads, versions, ...measured }));
          console.log(
            `  ${what.padEnd(8)} ours ${measured.ours.toFixed(1)} ms, theirs ${measured.theirs.toFixed(1)} ms: ${(measured.theirs / measured.ours).toFixed(2)}×, ${detail}`,
          );
        }
      }
      peer.close();
    }
    rows.push(await learnOnline(folder), await searchExhaustively());
    writeRows('forest', rows);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The online forest after the same samples as scikit-learn's, whose accuracy the rounds before measured. */
async function learnOnline(folder) {
  const job = jobs.two;
  const { samples, labels, heldSamples, heldLabels } = readSet(folder, 'two', job);
  const [epochs, seed] = [10, 0];
  const peer = openPeer('forest.py', 1);
  const { versions } = await peer.ask({ do: 'make', folder, jobs: { two: job } });
  await peer.ask({ do: 'fit', name: 'two', seed, threads: 1, out_of_bag: false });
  const theirs = 100 * (await peer.ask({ do: 'predict', name: 'two' })).accuracy;
  peer.close();
  const start = performance.now();
  const forest = OnlineForest.fit(samples, labels, { epochs, seed, trees });
  const perSecond = (1000 * epochs * job.rows) / (performance.now() - start);
  const { data } = forest.predict(heldSamples);
  const ours = (100 * data.reduce((count, k, i) => count + Number(k === heldLabels[i]), 0)) / data.length;
  if (!(ours >= theirs - 1)) throw new Error(`online forest: ${ours} % right, the batch forest ${theirs} %`);
  console.log(
    `online forest: ${ours.toFixed(1)} % right, batch ${theirs.toFixed(1)} %; ${perSecond.toFixed(0)} samples/s`,
  );
  return row({
    bench: `online forest, ${trees} trees, ${job.title}, ${epochs} passes: accuracy on as many new samples`,
    peer: 'scikit-learn, batch forest',
    ours,
    theirs,
    unit: '% right',
    threads: 1,
    versions,
    detail: `${perSecond.toFixed(0)} samples/s learnt, one at a time`,
  });
}

/** Table I of IDEAL in its size: every subset of up to 4 of the 19 first-order features, on 725 samples. */
async function searchExhaustively() {
  const [samples, features, maxSize, limit] = [725, 19, 4, 300];
  const rng = new Rng(4);
  const labels = Uint32Array.from({ length: samples }, () => rng.int(2));
  // A few features tell the classes apart a little, and all are mixed with noise.
  const values = Float32Array.from({ length: samples * features }, (_, i) => {
    const [sample, feature] = [Math.floor(i / features), i % features];
    return rng.normal() + (feature < 4 ? labels[sample] * 0.6 : 0);
  });
  const data = {
    samples: tensor('f32', [samples, features], values),
    labels: tensor('u32', [samples], labels),
    classes: 2,
  };
  const start = performance.now();
  const found = await selectFeatures(data, { maxSize, trees });
  const seconds = (performance.now() - start) / 1000;
  const threads = availableParallelism();
  const [best] = [...found.bySize].sort(compareSubsets);
  console.log(`exhaustive search, ${found.scored} subsets: ${seconds.toFixed(1)} s on ${threads} threads`);
  return row({
    bench: `feature selection, all ${found.scored} subsets of up to ${maxSize} of ${features} features, ${samples} samples, ${trees} trees`,
    peer: 'the limit set for it',
    ours: seconds,
    theirs: limit,
    unit: 's',
    threads,
    versions: {},
    detail: `${found.fits} forests; best out-of-bag accuracy ${best.accuracy.toFixed(3)} with features ${best.features.join(', ')} (0 to 3 tell the classes apart)`,
  });
}

/** The first half to fit on, the second to predict. */
function readSet(folder, name, { rows, width }) {
  const values = (suffix) => new Uint8Array(readFileSync(join(folder, `${name}.${suffix}`))).buffer;
  const samples = new Float32Array(values('samples'));
  const labels = new Uint32Array(values('labels'));
  return {
    samples: tensor('f32', [rows, width], samples.slice(0, rows * width)),
    labels: tensor('u32', [rows], labels.slice(0, rows)),
    heldSamples: tensor('f32', [rows, width], samples.slice(rows * width)),
    heldLabels: labels.slice(rows),
  };
}

async function roundOfOurs(backend, { samples, labels, heldSamples, heldLabels }, classes, seed) {
  const start = performance.now();
  const forest = await RandomForest.fit(backend, samples, labels, classes, { trees, seed });
  const fitted = performance.now();
  await forest.predictProbabilities(backend, heldSamples);
  const done = performance.now();
  const { data } = await forest.predict(backend, heldSamples);
  const right = data.reduce((count, k, i) => count + Number(k === heldLabels[i]), 0);
  return { fit: fitted - start, predict: done - fitted, accuracy: right / data.length };
}
