/** First order and GLCM of saliency maps against pyradiomics and Nyxus: interleaved, results compared first. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBackend } from '../../dist/backend/index.js';
import { loadAddon } from '../../dist/backend/native.js';
import { Rng } from '../../dist/core/rng.js';
import { tensor } from '../../dist/core/tensor.js';
import { firstOrder, firstOrderFeatures } from '../../dist/kernels/first_order.js';
import { glcm, glcmFeatures } from '../../dist/kernels/glcm.js';
import { glcmOffsets } from '../../dist/kernels/glcm_offsets.js';
import { row, writeRows } from '../results.mjs';
import { median, ratios } from './end_to_end.mjs';
import { openPeer } from './environment.mjs';
import { fastest } from './kernels.mjs';

const rounds = 5;
const [count, side] = [32, 320];

/** Smooth bumps with a little noise in [0, 1], as saliency maps of real networks are: all eleven grey levels occur. */
function makeMaps() {
  const rng = new Rng(12);
  const maps = new Float32Array(count * side * side);
  for (let b = 0; b < count; b++) {
    const [x0, y0, width] = [rng.uniform() * side, rng.uniform() * side, 30 + 60 * rng.uniform()];
    for (let i = 0; i < side * side; i++) {
      const [dx, dy] = [(i % side) - x0, Math.floor(i / side) - y0];
      const bump = Math.exp(-(dx * dx + dy * dy) / (2 * width * width));
      maps[b * side * side + i] = Math.min(1, Math.max(0, bump + 0.03 * rng.normal()));
    }
  }
  return maps;
}

export async function benchRadiomics() {
  const addon = loadAddon();
  if ('available' in addon) throw new Error(addon.note);
  const native = await openBackend({ prefer: 'native' });
  const maps = makeMaps();
  const masks = new Uint8Array(maps.length).fill(1);
  const offsets = glcmOffsets([1, side, side], [1]);
  const inputs = { maps: tensor('f32', [count, side * side], maps), masks: tensor('u8', [count, side * side], masks) };
  const volume = {
    maps: tensor('f32', [count, 1, side, side], maps),
    masks: tensor('u8', [count, 1, side, side], masks),
    offsets: tensor('i32', [offsets.length / 3, 3], offsets),
    weights: tensor('f32', [offsets.length / 3], new Float32Array(offsets.length / 3).fill(1)),
  };
  const settings = { scale: 255, binWidth: 25, levels: 11 };
  const run = async () => [
    (await native.run(firstOrder, inputs, settings)).features,
    (await native.run(glcm, volume, settings)).features,
  ];

  const folder = mkdtempSync(join(tmpdir(), 'sightline-bench-'));
  const rows = [];
  try {
    const file = join(folder, 'maps');
    writeFileSync(file, new Uint8Array(maps.buffer));
    for (const threads of new Set([1, availableParallelism()])) {
      addon.setThreads(threads);
      const peer = openPeer('radiomics_features.py', threads);
      const { versions } = await peer.ask({ do: 'load', files: { maps: [file, '<f4', [count, side, side]] }, threads });
      const save = join(folder, 'result');
      await peer.ask({ do: 'run', peer: 'pyradiomics', save });
      agree(await run(), readFileSync(save));
      for (const [name, what] of [
        ['pyradiomics (feature classes)', 'pyradiomics'],
        ['Nyxus', 'nyxus'],
      ]) {
        const [ours, theirs] = [[], []];
        await peer.ask({ do: 'run', peer: what });
        for (let round = 0; round < rounds; round++) {
          ours.push((await fastest(run)) / count);
          theirs.push((1000 * Math.min(...(await peer.ask({ do: 'run', peer: what, repeat: 2 })).seconds)) / count);
        }
        const measured = { ours: median(ours), theirs: median(theirs) };
        const detail = `per map; ratios by round ${ratios(theirs, ours)}`;
        const bench = `first order and GLCM, ${side}² maps, 11 levels: native ${addon.cpuTarget()}`;
        rows.push(row({ bench, peer: name, unit: 'ms', threads, versions, ...measured, detail }));
        console.log(
          `${name}, ${threads} threads: ours ${measured.ours.toFixed(3)} ms, theirs ${measured.theirs.toFixed(2)} ms a map: ${(measured.theirs / measured.ours).toFixed(1)}×`,
        );
      }
      peer.close();
    }
    writeRows('radiomics', rows);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** pyradiomics' numbers are ours, feature by feature. */
function agree([first, cooccurrence], file) {
  const theirs = new Float64Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));
  const names = [...firstOrderFeatures, ...glcmFeatures];
  for (let b = 0; b < count; b++) {
    names.forEach((name, i) => {
      const ours =
        i < firstOrderFeatures.length
          ? first.data[b * firstOrderFeatures.length + i]
          : cooccurrence.data[b * glcmFeatures.length + i - firstOrderFeatures.length];
      const expected = theirs[b * names.length + i];
      if (!(Math.abs(ours - expected) <= 1e-5 * Math.abs(expected) + 1e-7)) {
        throw new Error(`map ${b}, ${name}: ours ${ours}, pyradiomics ${expected}`);
      }
    });
  }
}
