/** The C++ kernels against NumPy, SciPy, scikit-learn, MONAI and pytorch-grad-cam: interleaved, results compared first. */
import { performance } from 'node:perf_hooks';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBackend } from '../../dist/backend/index.js';
import { loadAddon } from '../../dist/backend/native.js';
import { tensor } from '../../dist/core/tensor.js';
import { Rng } from '../../dist/core/rng.js';
import { dice, gradcam, histogram, nearest, pairwise } from '../../dist/index.js';
import { row, writeRows } from '../results.mjs';
import { median, ratios } from './end_to_end.mjs';
import { openPeer } from './environment.mjs';

const rounds = 7;
const [maps, side] = [256, 224];
const [queries, centres, depth] = [5000, 1000, 512];
const [batch, channels, area] = [32, 1024, 7];

/** Smooth bumps in [0, 1], as saliency maps are, and boxes as masks. */
function makeInputs() {
  const rng = new Rng(11);
  const pixels = side * side;
  const saliency = new Float32Array(maps * pixels);
  const masks = new Uint8Array(maps * pixels);
  for (let b = 0; b < maps; b++) {
    const [x0, y0, width] = [rng.uniform() * side, rng.uniform() * side, 15 + 40 * rng.uniform()];
    for (let i = 0; i < pixels; i++) {
      const [dx, dy] = [(i % side) - x0, Math.floor(i / side) - y0];
      saliency[b * pixels + i] = Math.exp(-(dx * dx + dy * dy) / (2 * width * width));
      masks[b * pixels + i] = Number(Math.abs(dx + 10) < width && Math.abs(dy) < width);
    }
  }
  const random = (length) => Float32Array.from({ length }, () => rng.normal());
  return {
    maps: tensor('f32', [maps, pixels], saliency),
    masks: tensor('u8', [maps, pixels], masks),
    a: tensor('f32', [queries, depth], random(queries * depth)),
    b: tensor('f32', [centres, depth], random(centres * depth)),
    activations: tensor('f32', [batch, channels, area, area], random(batch * channels * area * area)),
    gradients: tensor('f32', [batch, channels, area, area], random(batch * channels * area * area)),
  };
}

export async function benchKernels() {
  const addon = loadAddon();
  if ('available' in addon) throw new Error(addon.note);
  const native = await openBackend({ prefer: 'native' });
  const inputs = makeInputs();
  const { a, b, activations, gradients } = inputs;
  const thresholds = tensor('f32', [maps], new Float32Array(maps).fill(0.5));
  const raw = { maps: inputs.maps };
  const column = (data, width, at) =>
    Float32Array.from({ length: data.length / width }, (_, i) => data[i * width + at]);
  const jobs = [
    {
      title: `dice, ${maps} × ${side}², thresholded`,
      run: () => native.run(dice, { ...raw, masks: inputs.masks, thresholds }, { mode: 0 }),
      result: (out) => out.dice.data,
      peers: { NumPy: 'dice_numpy', SciPy: 'dice_scipy', 'scikit-learn': 'dice_sklearn', MONAI: 'dice_monai' },
    },
    {
      title: `kurtosis of pixels, ${maps} × ${side}²`,
      run: () => native.run(histogram, raw, { bins: 256, low: 0, high: 1 }),
      result: (out) => column(out.raw.data, 4, 3),
      peers: { NumPy: 'kurtosis_numpy', SciPy: 'kurtosis_scipy' },
    },
    {
      title: `kurtosis of histogram, ${maps} × ${side}²`,
      run: () => native.run(histogram, raw, { bins: 256, low: 0, high: 1 }),
      result: (out) => column(out.binned.data, 5, 3),
      peers: { NumPy: 'kurtosis_histogram_numpy' },
    },
    {
      title: `L2 distances, ${queries} × ${centres} × ${depth}`,
      run: () => native.run(pairwise, { a, b }, { metric: 0 }),
      result: (out) => out.distances.data,
      peers: {
        NumPy: 'pairwise_numpy',
        SciPy: 'pairwise_scipy',
        'scikit-learn': 'pairwise_sklearn',
        PyTorch: 'pairwise_torch',
      },
    },
    {
      title: `cosine distances, ${queries} × ${centres} × ${depth}`,
      run: () => native.run(pairwise, { a, b }, { metric: 2 }),
      result: (out) => out.distances.data,
      peers: { SciPy: 'cosine_scipy', 'scikit-learn': 'cosine_sklearn' },
    },
    {
      title: `nearest centre, ${queries} × ${centres} × ${depth}, L2`,
      run: () => native.run(nearest, { a, centres: b }, { metric: 0 }),
      result: (out) => out.distance.data,
      peers: { SciPy: 'nearest_scipy', 'scikit-learn': 'nearest_sklearn' },
    },
    {
      title: `Grad-CAM reduction, ${batch} × [${channels},${area},${area}] → ${side}²`,
      run: () => native.run(gradcam, { activations, gradients }, { height: side, width: side, normalise: 1 }),
      result: (out) => out.maps.data,
      tolerance: 2e-2, // OpenCV interpolates with weights of 11 bits, after scaling
      peers: { 'pytorch-grad-cam': 'gradcam_pytorch_grad_cam' },
    },
  ];

  const folder = mkdtempSync(join(tmpdir(), 'sightline-bench-'));
  const files = {};
  for (const [name, t] of Object.entries(inputs)) {
    const file = join(folder, name);
    writeFileSync(file, new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength));
    files[name] = [file, t.dtype === 'u8' ? 'u1' : '<f4', t.dims];
  }
  const rows = [];
  try {
    for (const threads of new Set([1, availableParallelism()])) {
      addon.setThreads(threads);
      const peer = openPeer('kernels.py', threads);
      const { versions } = await peer.ask({ do: 'load', files });
      for (const job of jobs) {
        console.log(`${job.title}, ${threads} threads`);
        const expected = job.result(await job.run());
        for (const [name, what] of Object.entries(job.peers)) {
          const save = join(folder, 'result');
          await peer.ask({ do: 'run', peer: what, save });
          agree(`${name}, ${job.title}`, readFileSync(save), expected, job.tolerance ?? 1e-3);
          const [ours, theirs] = [[], []];
          for (let round = 0; round < rounds; round++) {
            ours.push(await fastest(job.run));
            theirs.push(1000 * Math.min(...(await peer.ask({ do: 'run', peer: what, repeat: 3 })).seconds));
          }
          const measured = {
            ours: median(ours),
            theirs: median(theirs),
            detail: `ratios by round ${ratios(theirs, ours)}`,
          };
          rows.push(
            row({
              bench: `${job.title}: native ${addon.cpuTarget()}`,
              peer: name,
              unit: 'ms',
              threads,
              versions,
              ...measured,
            }),
          );
          console.log(
            `  ${name.padEnd(18)} ours ${measured.ours.toFixed(2)} ms, theirs ${measured.theirs.toFixed(2)} ms: ${(measured.theirs / measured.ours).toFixed(2)}×`,
          );
        }
      }
      peer.close();
    }
    writeRows('peer_kernels', rows);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Best of three in ms, as on the other side. */
export async function fastest(run) {
  let best = Infinity;
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    await run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

function agree(what, file, expected, tolerance) {
  const result = new Float32Array(file.buffer, file.byteOffset, file.byteLength / 4);
  if (result.length !== expected.length)
    throw new Error(`${what}: ${result.length} values instead of ${expected.length}`);
  for (let i = 0; i < result.length; i++) {
    if (!(Math.abs(result[i] - expected[i]) <= tolerance * (1 + Math.abs(expected[i])))) {
      throw new Error(`${what}: value ${i} is ${result[i]}, ours ${expected[i]}`);
    }
  }
}
