import { SightlineError } from '../core/errors.js';
import { defineOp, spec } from '../backend/op.js';
import { checkDiscretisation, discretise } from './discretise.js';
import { glcmFeaturesOf } from './glcm_features.js';

/** Columns of the output, named and ordered as pyradiomics does. */
export const glcmFeatures = [
  'Autocorrelation',
  'ClusterProminence',
  'ClusterShade',
  'ClusterTendency',
  'Contrast',
  'Correlation',
  'DifferenceAverage',
  'DifferenceEntropy',
  'DifferenceVariance',
  'Id',
  'Idm',
  'Idmn',
  'Idn',
  'Imc1',
  'Imc2',
  'InverseVariance',
  'JointAverage',
  'JointEnergy',
  'JointEntropy',
  'MCC',
  'MaximumProbability',
  'SumAverage',
  'SumEntropy',
  'SumSquares',
] as const;

export type GlcmFeature = (typeof glcmFeatures)[number];

/** Bound of the parameter `levels`: a matrix of 4096² counts takes 64 MiB. */
const mostLevels = 4096;

const inFloat32 = { relative: 1e-4, absolute: 1e-5 };

/** ClusterShade sums terms as large as the levels' cube, of either sign. */
const float32Columns = glcmFeatures.map((name) =>
  name === 'ClusterShade' ? { relative: 1e-4, absolute: 5e-3 } : inFloat32,
);

/**
 * Features of the grey-level co-occurrence matrices of each image inside its mask (non-zero = inside), as pyradiomics
 * 3.0.1 defines them (glcm.py; Haralick et al., "Textural features for image classification", 1973).
 *
 * Values v = maps·scale in float64 become grey levels (discretise.ts). For each offset (dz, dy, dx) the matrix counts
 * the pairs (level of a pixel, level of the pixel at that offset) with both inside the mask; `symmetric` adds its
 * transpose; divided by its sum it is p. Levels keep their numbers, and Ng is the highest one in the ROI, empty levels included.
 *   merge 0  features of each offset's matrix (formulas in glcm_features.ts), then their mean; an offset without a pair
 *            has no part in it. `weights` are not used.
 *   merge 1  features of one matrix, Σ weights[a]·counts[a]: pyradiomics' weightingNorm
 * No pair at all: every feature NaN, but MCC 1 where the ROI has a single level. An empty mask, a NaN or infinite pixel
 * inside it, or more than `levels` levels (up to 4096): every feature NaN.
 */
export const glcm = defineOp({
  name: 'glcm',
  inputs: {
    maps: spec('f32', 'B', 'D', 'H', 'W'),
    masks: spec('u8', 'B', 'D', 'H', 'W'),
    offsets: spec('i32', 'A', 3),
    weights: spec('f32', 'A'),
  },
  params: { scale: 1, binWidth: 25, binCount: 0, levels: 64, symmetric: 1, merge: 0 },
  outputs: { features: spec('f32', 'B', glcmFeatures.length) },

  check(_, params) {
    checkDiscretisation('glcm', params);
    const expect = (name: keyof typeof params, holds: boolean, expected: string) => {
      if (holds) return;
      const what = `expected ${expected}, received ${params[name]}`;
      throw new SightlineError('E_ARGUMENT', { where: `glcm.${name}`, what });
    };
    expect('levels', params.levels <= mostLevels, `at most ${mostLevels}`);
    expect('symmetric', [0, 1].includes(params.symmetric), '0 or 1');
    expect('merge', [0, 1].includes(params.merge), '0 or 1');
  },

  reference({ maps, masks, offsets, weights }, { features }, { B, D, H, W, A }, params) {
    const { scale, binWidth, binCount, levels: bound, symmetric, merge } = params;
    const P = D * H * W;
    for (let b = 0; b < B; b++) {
      const out = features.subarray(b * glcmFeatures.length, (b + 1) * glcmFeatures.length).fill(NaN);
      const inside: number[] = [];
      for (let i = 0; i < P; i++) if (masks[b * P + i] !== 0) inside.push(i);
      const values = Float64Array.from(inside, (i) => maps[b * P + i] * scale);
      if (values.length === 0 || !values.every(Number.isFinite)) continue;
      const { levels, highest } = discretise(values, binWidth, binCount);
      if (highest > bound) continue;
      const present = [...new Set(levels)].sort((a, c) => a - c);
      const image = new Int32Array(P); // 0 = outside
      inside.forEach((i, k) => (image[i] = levels[k]));

      const n = highest + 1;
      const matrices: Float64Array[] = [];
      for (let a = 0; a < A; a++) {
        const counts = cooccurrences(image, [D, H, W], offsets.subarray(3 * a, 3 * a + 3), n);
        if (symmetric) addTranspose(counts, n);
        if (!merge) matrices.push(counts);
        else {
          matrices[0] ??= new Float64Array(n * n);
          for (let i = 0; i < n * n; i++) matrices[0][i] += weights[a] * counts[i];
        }
      }
      const rows = matrices
        .filter((counts) => counts.some((c) => c !== 0))
        .map((counts) => glcmFeaturesOf(counts, n, present, symmetric === 1));
      glcmFeatures.forEach((name, f) => {
        out[f] = rows.length > 0 ? rows.reduce((sum, row) => sum + row[name], 0) / rows.length : NaN;
      });
      if (present.length === 1) out[glcmFeatures.indexOf('MCC')] = 1;
    }
  },

  native: true,
  wgsl: {
    overrides(_, { levels, symmetric }) {
      const side = tableSides(symmetric).find((n) => n >= levels) ?? tableSides(symmetric)[0];
      return {
        WORKGROUP: 256,
        LEVELS: side,
        CELLS: symmetric ? (side * (side + 1)) / 2 : side * side,
      };
    },
    uniforms: [
      ['B', 'u32'],
      ['D', 'u32'],
      ['H', 'u32'],
      ['W', 'u32'],
      ['A', 'u32'],
      // The levels of values on an edge need more digits of scale and width than a float32 has.
      ['scale', 'f32'],
      ['scaleRest', 'f32', (_, { scale }) => scale - Math.fround(scale)],
      ['binWidth', 'f32'],
      ['binWidthRest', 'f32', (_, { binWidth }) => binWidth - Math.fround(binWidth)],
      ['binCount', 'u32'],
      ['levels', 'u32'],
      ['symmetric', 'u32'],
      ['merge', 'u32'],
    ],
    workgroups: ({ B }) => [B],
    obstacle(_, { levels, symmetric }) {
      const most = Math.max(...tableSides(symmetric));
      if (levels <= most) return undefined;
      return `a matrix of ${levels} levels does not fit 16 KiB of workgroup memory, ${most} do: lower "levels"`;
    },
    splitBy: 'B',
  },
  tolerance: { native: { relative: 1e-6, absolute: 1e-7 }, webgpu: { ...inFloat32, byColumn: float32Columns } },
  bytes: ({ B, D, H, W }) => 5 * B * D * H * W,
  flops: ({ B, D, H, W, A }) => B * D * H * W * (4 + 2 * A),
});

/** Sides of the tables that WGSL is compiled for; of a symmetric matrix it keeps half. */
function tableSides(symmetric: number): number[] {
  return symmetric ? [32, 64] : [24, 48];
}

/** Pairs of levels at one offset, [n, n] row by row; level 0 is outside. */
function cooccurrences(image: Int32Array, size: readonly number[], offset: Int32Array, n: number): Float64Array {
  const [D, H, W] = size;
  const [dz, dy, dx] = offset;
  const counts = new Float64Array(n * n);
  for (let z = Math.max(0, -dz); z < Math.min(D, D - dz); z++) {
    for (let y = Math.max(0, -dy); y < Math.min(H, H - dy); y++) {
      for (let x = Math.max(0, -dx); x < Math.min(W, W - dx); x++) {
        const i = image[(z * H + y) * W + x];
        const j = image[((z + dz) * H + y + dy) * W + x + dx];
        if (i > 0 && j > 0) counts[i * n + j]++;
      }
    }
  }
  return counts;
}

function addTranspose(counts: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const both = counts[i * n + j] + counts[j * n + i];
      counts[i * n + j] = both;
      counts[j * n + i] = both;
    }
  }
}
