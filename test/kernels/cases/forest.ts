import type { Op } from '../../../src/backend/index.js';
import { Rng } from '../../../src/core/rng.js';
import { tensor, type Tensor } from '../../../src/core/tensor.js';
import { forestFit, nodeCapacity } from '../../../src/kernels/forest_fit.js';
import { forestPredict } from '../../../src/kernels/forest_predict.js';
import { constant, f32, normal, view, withNaN, type Case, type Fill, type KernelCases } from './case.js';

type FitParams = Partial<Record<keyof typeof forestFit.params, number>>;

/** Labels follow the first feature, with noise, so that trees have both structure and depth. */
function labelsOf(samples: Tensor<'f32'>, classes: number, rng: Rng): Tensor<'u32'> {
  const [rows, width] = samples.dims;
  const label = (i: number) => Math.floor(Math.abs(samples.data[i * width] * 1.3 + rng.normal() * 0.5)) % classes;
  return tensor(
    'u32',
    [rows],
    Uint32Array.from({ length: rows }, (_, i) => label(i)),
  );
}

function fitCase(name: string, samples: Tensor<'f32'>, given: FitParams, labels?: Tensor<'u32'>): Case {
  const [rows, width] = samples.dims;
  const params: Record<string, number> = {
    ...forestFit.params,
    trees: 3,
    maxFeatures: Math.max(1, Math.floor(Math.sqrt(width))),
    seedLow: 17,
    words: Math.ceil(rows / 32),
    ...given,
  };
  params.nodes ||= nodeCapacity(rows, params as never);
  return { name, inputs: { samples, labels: labels ?? labelsOf(samples, params.classes, new Rng(3, name)) }, params };
}

/** Few distinct values: ties everywhere. */
const coarse: Fill = (rng) => rng.int(4) - 1;
const zeros: Fill = (rng) => [0, -0, 1e-30, -1e-30][rng.int(4)];
const u32 = (values: number[]) => tensor('u32', [values.length], Uint32Array.from(values));

export const forestFitCases: KernelCases = {
  op: forestFit as unknown as Op,
  fixed: [
    fitCase('one sample', f32([1, 1], normal), {}),
    fitCase('two samples, no bootstrap', f32([2, 1], normal), { bootstrap: 0 }, u32([0, 1])),
    fitCase('two classes, 333×9', f32([333, 9], normal), { seedHigh: 5 }),
    fitCase('five classes, 400×20', f32([400, 20], normal), { classes: 5 }),
    fitCase('entropy, two classes', f32([333, 9], normal), { criterion: 1 }),
    fitCase('entropy, five classes', f32([333, 9], normal), { criterion: 1, classes: 5 }),
    fitCase('few distinct values', f32([500, 6], coarse), { classes: 3 }),
    fitCase('few distinct values, entropy, leaves of 5', f32([500, 6], coarse), { criterion: 1, minSamplesLeaf: 5 }),
    fitCase('all features', f32([200, 5], normal), { maxFeatures: 5, classes: 3 }),
    fitCase('no bootstrap, all features', f32([150, 5], normal), { maxFeatures: 5, bootstrap: 0 }),
    fitCase('depth 3', f32([300, 4], normal), { maxDepth: 3, classes: 4 }),
    fitCase('depth 0', f32([30, 4], normal), { maxDepth: 0 }),
    fitCase('leaves of 7, splits from 20', f32([300, 4], normal), { minSamplesLeaf: 7, minSamplesSplit: 20 }),
    fitCase('leaves larger than the bag', f32([20, 3], normal), { minSamplesLeaf: 15 }),
    fitCase('later trees', f32([100, 4], normal), { firstTree: 1000, trees: 2 }),
    fitCase('no trees', f32([10, 2], normal), { trees: 0 }),
    fitCase('one class', f32([60, 3], normal), { classes: 1 }, u32(new Array<number>(60).fill(0))),
    fitCase('one class of three', f32([60, 3], normal), { classes: 3 }, u32(new Array<number>(60).fill(2))),
    fitCase('all features constant', f32([40, 3], constant(2)), {}, u32(Array.from({ length: 40 }, (_, i) => i % 2))),
    fitCase(
      'one of many features varies',
      f32([80, 40], (rng, i) => (i % 40 === 7 ? rng.normal() : 1)),
      {
        maxFeatures: 1,
      },
    ),
    fitCase('duplicate rows with other labels', f32([90, 2], coarse), { classes: 4, maxFeatures: 2 }),
    fitCase('zeros of both signs and tiny numbers', f32([100, 3], zeros), { classes: 2 }),
    fitCase(
      'huge and tiny numbers',
      f32([120, 3], (rng) => rng.normal() * 10 ** (rng.int(76) - 38)),
      {},
    ),
    fitCase(
      '300 classes',
      f32([400, 3], normal),
      { classes: 300, trees: 2 },
      u32([...Array(400).keys()].map((i) => (i * 7) % 300)),
    ),
    fitCase('samples in an unaligned view', view(f32([65, 3], normal), 1), {}),
  ],
  random(seed) {
    const rng = new Rng(seed, 'forest');
    const [rows, width] = [1 + rng.int(250), 1 + rng.int(8)];
    const fill = [normal, coarse, (r: Rng) => Math.round(r.normal() * 20)][rng.int(3)];
    return fitCase(`random ${seed}`, f32([rows, width], fill, seed), {
      classes: 1 + rng.int(5),
      trees: 1 + rng.int(3),
      criterion: rng.int(2),
      maxFeatures: 1 + rng.int(width),
      maxDepth: rng.int(2) ? Infinity : rng.int(10),
      minSamplesSplit: 2 + rng.int(2) * rng.int(10),
      minSamplesLeaf: 1 + rng.int(2) * rng.int(6),
      bootstrap: Number(rng.int(4) > 0),
      seedLow: rng.uint32(),
      seedHigh: rng.uint32(),
    });
  },
  bench: () => fitCase('2000×20, 10 trees', f32([2000, 20], normal), { trees: 10 }),
};

/** Samples for the forest of a case of {@link forestFitCases}, packed as forest_predict reads it. */
function predictCase(name: string, fit: Case, samples: Tensor<'f32'>, excluded = false): Case {
  const outputs = Object.fromEntries(
    Object.entries(forestFit.outputs).map(([output, { dtype, dims }]) => [
      output,
      tensor(
        dtype,
        dims.map(
          (letter) => ({ ...fit.params, N: fit.inputs.samples.dims[0], D: fit.inputs.samples.dims[1] })[letter]!,
        ),
      ),
    ]),
  ) as { [K in keyof typeof forestFit.outputs]: Tensor<(typeof forestFit.outputs)[K]['dtype']> };
  const arrays = Object.fromEntries(Object.entries(outputs).map(([output, t]) => [output, t.data]));
  const [N, D] = fit.inputs.samples.dims;
  const [x, y] = [fit.inputs.samples.data as Float32Array, fit.inputs.labels.data as Uint32Array];
  forestFit.reference({ samples: x, labels: y }, arrays as never, { N, D }, fit.params as never);
  const trees = fit.params!.trees;
  const pack = <T extends 'u32' | 'i32' | 'f32'>(t: Tensor<T>, counts: Uint32Array): Tensor<T> => {
    const rows = Array.from({ length: trees }, (_, i) => t.data.subarray(i * t.dims[1], i * t.dims[1] + counts[i]));
    const total = counts.reduce((a, c) => a + c, 0);
    const packed = tensor(t.dtype, [total]);
    let at = 0;
    for (const row of rows) {
      packed.data.set(row as never, at);
      at += row.length;
    }
    return packed;
  };
  const starts = (counts: Uint32Array) => {
    let sum = 0;
    return tensor(
      'u32',
      [trees],
      counts.map((c) => (sum += c) - c),
    );
  };
  const [nodes, entries] = [outputs.nodeCounts.data, outputs.entryCounts.data];
  return {
    name,
    inputs: {
      samples,
      nodeStarts: starts(nodes),
      features: pack(outputs.features, nodes),
      thresholds: pack(outputs.thresholds, nodes),
      children: pack(outputs.children, nodes),
      entryStarts: starts(entries),
      leafClasses: pack(outputs.leafClasses, entries),
      leafCounts: pack(outputs.leafCounts, entries),
      excluded: excluded ? outputs.inBag : tensor('u32', [trees, 0]),
    },
    params: { classes: fit.params!.classes },
  };
}

const deep = fitCase('forest', f32([120, 4], normal), { classes: 4, trees: 5 });
const shallow = fitCase('forest', f32([120, 4], normal), { classes: 3, trees: 5, maxDepth: 2, minSamplesLeaf: 4 });
const stump = fitCase('forest', f32([5, 2], constant(1)), { classes: 2, trees: 2 }, u32([0, 1, 0, 1, 1]));

export const forestPredictCases: KernelCases = {
  op: forestPredict as unknown as Op,
  fixed: [
    predictCase('four classes, 33 samples', deep, f32([33, 4], normal, 9)),
    predictCase('impure leaves, 257 samples', shallow, f32([257, 4], normal, 9)),
    predictCase('out of bag', deep, deep.inputs.samples as Tensor<'f32'>, true),
    predictCase('out of bag, impure leaves', shallow, shallow.inputs.samples as Tensor<'f32'>, true),
    predictCase('trees of one leaf', stump, f32([3, 2], normal)),
    predictCase('one sample', deep, f32([1, 4], normal)),
    predictCase('no sample', deep, f32([0, 4], normal)),
    predictCase('no tree', fitCase('forest', f32([9, 4], normal), { trees: 0 }), f32([3, 4], normal)),
    predictCase('NaN features', deep, f32([17, 4], withNaN(6))),
    predictCase(
      'infinite features',
      deep,
      f32([17, 4], (rng, i) => (i % 3 ? rng.normal() : i % 2 ? Infinity : -Infinity)),
    ),
  ],
  random(seed) {
    const fit = forestFitCases.random(seed);
    const [rows, width] = fit.inputs.samples.dims;
    return predictCase(`random ${seed}`, fit, f32([rows, width], normal, seed + 1), seed % 2 === 1);
  },
  bench: () => predictCase('20,000 samples, 5 trees', deep, f32([20000, 4], normal)),
};

/** C++ only: trees do not grow on a GPU. */
export const forestCases: KernelCases[] = [forestFitCases, forestPredictCases];
