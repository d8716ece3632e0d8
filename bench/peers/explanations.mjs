/**
 * Explanations and Monte-Carlo dropout at 224 × 224 against zennit, Captum, pytorch-grad-cam and T full passes of PyTorch:
 * tensors in memory to saliency maps (or variances) in memory, each side at the batch size that suits it best, taking
 * turns. Maps are compared first. Then the time to compile, and the memory of a process that explains one batch of eight.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { Rng } from '../../dist/core/rng.js';
import { row, writeRows } from '../results.mjs';
import { median, ratios } from './end_to_end.mjs';
import { openPeer } from './environment.mjs';
import { openExplainer } from './explainer.mjs';

const rounds = 5;
const batches = [1, 4, 8];
const passes = 20;

/** network, what is done, who does it too. */
const jobs = [
  ['densenet121', 'deep-taylor', 'zennit'],
  ['densenet121', 'grad-cam', 'pytorch-grad-cam'],
  ['densenet121', 'dropout head', 'PyTorch'],
  ['densenet121', 'dropout blocks', 'PyTorch'],
  ['resnet50', 'deep-taylor', 'zennit'],
  ['resnet50', 'grad-cam', 'pytorch-grad-cam'],
  ['vgg16', 'deep-taylor', 'zennit'],
  ['vgg16', 'zennit-epsilon-plus', 'zennit'],
  ['vgg16', 'captum', 'Captum'],
  ['vgg16', 'grad-cam', 'pytorch-grad-cam'],
  ['vgg16', 'dropout head', 'PyTorch'],
];

/** Smooth blobs with noise on them, within the bounds that Deep Taylor is told. */
function makeImages(file, count) {
  const side = 224;
  const rng = new Rng(5);
  const data = Float32Array.from({ length: count * 3 * side * side }, () => 0.3 * rng.normal());
  for (let i = 0; i < count; i++) {
    for (let blob = 0; blob < 6; blob++) {
      const [x0, y0, width, height] = [
        side * rng.uniform(),
        side * rng.uniform(),
        10 + 30 * rng.uniform(),
        rng.normal(),
      ];
      for (let p = 0; p < side * side; p++) {
        const d2 = ((p % side) - x0) ** 2 + (Math.floor(p / side) - y0) ** 2;
        const value = height * Math.exp(-d2 / (2 * width * width));
        for (let c = 0; c < 3; c++) data[(i * 3 + c) * side * side + p] += value;
      }
    }
  }
  writeFileSync(file, new Uint8Array(data.buffer));
  return data;
}

export async function benchExplanations(only) {
  const threads = availableParallelism();
  const folder = mkdtempSync(join(tmpdir(), 'sightline-bench-'));
  const path = join(folder, 'images.f32');
  const images = makeImages(path, Math.max(...batches));
  const rows = [];
  try {
    for (const network of new Set(jobs.map(([name]) => name))) {
      if (only && network !== only) continue;
      const peer = openPeer('explanations.py', threads);
      const onnx = join(folder, `${network}.onnx`);
      const { versions } = await peer.ask({ do: 'prepare', name: network, onnx, threads });
      for (const [name, what, who] of jobs) {
        if (name !== network) continue;
        const job = { network, what, who, onnx, images, path, folder, threads, versions };
        rows.push(await against(peer, job));
      }
      peer.close();
      rows.push(...(await costs({ network, onnx, path, threads, versions })));
      rmSync(onnx);
    }
    if (!only) writeRows('explanations', rows);
    else console.log(JSON.stringify(rows, null, 2));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function against(peer, job) {
  const { network, what, who, path, folder, threads, versions } = job;
  const ask = { do: 'run', peer: who, method: what.replace('dropout ', ''), path };
  const save = join(folder, 'theirs.f32');
  // Per image, at the batch size that is fastest for each side.
  const theirs = { perImage: Infinity };
  const ours = { perImage: Infinity };
  // Twenty passes over a batch take long enough to make the batch size matter little.
  for (const batch of what.startsWith('dropout') ? [4] : batches) {
    const { seconds } = await peer.ask({ ...ask, batch, save });
    if (seconds[0] / batch < theirs.perImage) Object.assign(theirs, { perImage: seconds[0] / batch, batch });
    const explainer = await openExplainer({ ...job, batch, passes });
    const maps = await explainer.run();
    const begin = performance.now();
    await explainer.run();
    const mine = (performance.now() - begin) / 1000;
    if (mine / batch < ours.perImage) Object.assign(ours, { perImage: mine / batch, batch });
    if (!what.startsWith('dropout')) compare(`${network}, ${what}`, maps, readFileSync(save));
    await explainer.close();
  }
  const explainer = await openExplainer({ ...job, batch: ours.batch, passes });
  await explainer.run();
  const [mine, others] = [[], []];
  for (let round = 0; round < (what.startsWith('dropout') ? 3 : rounds); round++) {
    const begin = performance.now();
    await explainer.run();
    mine.push((performance.now() - begin) / 1000 / ours.batch);
    others.push((await peer.ask({ ...ask, batch: theirs.batch })).seconds[0] / theirs.batch);
  }
  await explainer.close();
  const title = what.startsWith('dropout')
    ? `Monte-Carlo dropout, T = ${passes}, ${what.replace('dropout ', 'at ')}, ${network}`
    : `${what}, ${network} at 224²`;
  const result = row({
    bench: title,
    peer: who,
    ours: 1000 * median(mine),
    theirs: 1000 * median(others),
    unit: 'ms',
    threads,
    versions,
    detail: `per image; batch ${ours.batch} against ${theirs.batch}; ratios by round ${ratios(others, mine)}`,
  });
  console.log(`  ${title} against ${who}: ${result.ours} against ${result.theirs} ms, ratio ${result.ratio}`);
  return result;
}

/** Compile time of Deep Taylor, and peak memory of a fresh process on either side that explains a batch of eight. */
async function costs({ network, onnx, path, threads, versions }) {
  const script = fileURLToPath(new URL('explainer.mjs', import.meta.url));
  const child = () => {
    const { stdout, status } = spawnSync(process.execPath, [script, onnx, path, String(threads)], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${script} failed on ${network}`);
    return JSON.parse(stdout);
  };
  const own = child();
  const peer = openPeer('explanations.py', threads);
  await peer.ask({ do: 'prepare', name: network, threads });
  const before = (await peer.ask({ do: 'peak' })).bytes;
  await peer.ask({ do: 'run', peer: 'zennit', method: 'deep-taylor', path, batch: 8 });
  const { bytes } = await peer.ask({ do: 'peak' });
  peer.close();
  const megabytes = (n) => n / 1e6;
  console.log(
    `  ${network}: compiled in ${own.compileSeconds.toFixed(2)} s; peak ${megabytes(own.bytes).toFixed(0)} MB`,
  );
  return [
    row({
      bench: `reading and compiling ${network} with deep-taylor`,
      peer: 'the limit set for it',
      ours: own.compileSeconds,
      theirs: 2,
      unit: 's',
      threads: 1,
      versions,
    }),
    row({
      bench: `peak memory of a process, deep-taylor of a batch of 8, ${network} at 224²`,
      peer: 'zennit',
      ours: megabytes(own.bytes),
      theirs: megabytes(bytes),
      unit: 'MB',
      threads,
      versions,
      detail: `theirs was at ${megabytes(before).toFixed(0)} MB after building the network`,
    }),
  ];
}

/** The two must have done the same work. */
function compare(title, { data }, bytes) {
  const theirs = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  if (theirs.length !== data.length) throw new Error(`${title}: ${data.length} values against ${theirs.length}`);
  let [difference, size] = [0, 0];
  for (let i = 0; i < data.length; i++) {
    difference += (data[i] - theirs[i]) ** 2;
    size += theirs[i] ** 2;
  }
  const relative = Math.sqrt(difference / size);
  console.log(`  ${title}: maps differ by ${relative.toExponential(1)} (relative L2)`);
  // Resampling by OpenCV after scaling, and float32 on both sides.
  if (!(relative < 0.05)) throw new Error(`${title}: maps differ by ${relative}; not the same work`);
}
