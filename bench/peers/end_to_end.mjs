/**
 * PNG files → Grad-CAM → dual-criterion scores with DenseNet-121 at 224 × 224: Sightline against PyTorch.
 * Ours is a whole `score` call: opening the model, compiling, decoding, store and export included. Theirs is the loop over
 * the pool alone, with model and libraries in memory, in the fastest of several batch sizes and worker counts.
 */
import { performance } from 'node:perf_hooks';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { score, writePhantoms } from '../../dist/index.js';
import { row, writeRows } from '../results.mjs';
import { openPeer } from './environment.mjs';

const size = 224;
const count = 128;
const rounds = 5;

export async function benchEndToEnd() {
  const threads = availableParallelism();
  const folder = mkdtempSync(join(tmpdir(), 'sightline-bench-'));
  const peer = openPeer('end_to_end.py', threads);
  try {
    const { samples, pool } = await makePool(folder);
    const model = join(folder, 'densenet121.onnx');
    const { versions } = await peer.ask({ do: 'prepare', onnx: model, pool, size, threads });
    const ours = async () => {
      const options = {
        model,
        pool,
        out: join(folder, 'out'),
        mean: [0.5, 0.5, 0.5],
        std: [0.25, 0.25, 0.25],
        overwrite: true,
      };
      const start = performance.now();
      const summary = await score({ ...options, top: count });
      return { seconds: (performance.now() - start) / 1000, selection: summary.selection };
    };
    const ways = ['pytorch-grad-cam', 'by hand'];
    const settings = {};
    for (const way of ways) settings[way] = await fastestSetting(peer, way, threads);

    const seconds = { ours: [] };
    let last;
    for (let round = 0; round < rounds; round++) {
      last = await ours();
      seconds.ours.push(last.seconds);
      for (const way of ways) {
        const theirs = await peer.ask({ do: 'score', way, ...settings[way] });
        (seconds[way] ??= []).push(theirs.seconds);
        if (round === 0) compare(way, samples, last.selection, theirs);
      }
      console.log(
        `  round ${round + 1}: ${Object.entries(seconds)
          .map(([name, s]) => `${name} ${s.at(-1).toFixed(2)} s`)
          .join(', ')}`,
      );
    }
    const rate = (name) => count / median(seconds[name]);
    writeRows(
      'end_to_end',
      ways.map((way) =>
        row({
          bench: `PNG → DenseNet-121 at ${size}² → Grad-CAM → dual criterion, ${count} images`,
          peer: `PyTorch, ${way} (batch ${settings[way].batch}, ${settings[way].workers} loader workers)`,
          ours: rate('ours'),
          theirs: rate(way),
          unit: 'images/s',
          threads,
          versions,
          detail: `ratios by round ${ratios(seconds[way], seconds.ours)}`,
        }),
      ),
    );
  } finally {
    peer.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Phantoms with a region of interest each: lesions only, so that every sample has both criteria. */
async function makePool(folder) {
  const { manifest } = await writePhantoms({ out: join(folder, 'phantoms'), count: 3 * count, size: 512, seed: 3 });
  const [header, ...lines] = readFileSync(manifest, 'utf8').trim().split('\n');
  const names = header.split(',');
  const samples = lines
    .map((line) => Object.fromEntries(line.split(',').map((value, i) => [names[i], value])))
    .filter(({ mask }) => mask)
    .slice(0, count)
    .map(({ id, path, mask }) => ({ id, path: join(folder, 'phantoms', path), mask: join(folder, 'phantoms', mask) }));
  if (samples.length < count) throw new Error('too few phantoms with a lesion');
  const pool = join(folder, 'pool.jsonl');
  writeFileSync(pool, samples.map((s) => `${JSON.stringify(s)}\n`).join(''));
  return { samples, pool };
}

async function fastestSetting(peer, way, threads) {
  let best = { seconds: Infinity };
  for (const batch of [1, 8, 32]) {
    for (const workers of [0, threads]) {
      const { seconds } = await peer.ask({ do: 'score', way, batch, workers });
      console.log(`  ${way}, batch ${batch}, ${workers} loader workers: ${seconds.toFixed(2)} s`);
      if (seconds < best.seconds) best = { seconds, batch, workers };
    }
  }
  return { batch: best.batch, workers: best.workers };
}

/** The two must have done the same work: scores agree but for the libraries' different resizing of the image. */
function compare(way, samples, selection, theirs) {
  const ours = new Map(selection.map((s) => [s.id, s.score]));
  const differences = samples.map(({ id }, i) => Math.abs(ours.get(id) - theirs.scores[i]));
  const typical = median(differences);
  if (!(typical < 0.02)) throw new Error(`${way}: scores differ by ${typical} in the median; not the same work`);
  console.log(
    `  ${way}: scores differ by ${typical.toFixed(5)} in the median, ${Math.max(...differences).toFixed(4)} at most`,
  );
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

export function ratios(theirs, ours) {
  return theirs.map((t, i) => (t / ours[i]).toPrecision(3)).join(', ');
}
