import type { GlcmFeature } from './glcm.js';
import { maximalCorrelation } from './maximal_correlation.js';

/** numpy.spacing(1), which pyradiomics adds to every argument of a logarithm. */
const epsilon = 2.220446049250313e-16;

/**
 * The 24 features of one co-occurrence matrix, as pyradiomics computes them (glcm.py). Entropies in bits, and bits too
 * in Imc2's exponent. Where pyradiomics returns rounding noise this does not:
 *   Imc2         0 where its mutual information is not above 0 (there NaN when rounding makes it negative; its
 *                documentation says 0)
 *   Correlation  1 where all pairs share one first or one second level (there 1 only if rounding leaves σxσy at 0)
 *   MCC          see maximal_correlation.ts
 *
 * @param counts [n, n] row by row, indexed by level, not all 0; row and column 0 are empty
 * @param n the highest level in the ROI plus 1
 * @param present levels that the ROI has, in pairs or not
 * @param symmetric whether `counts` equals its transpose
 */
export function glcmFeaturesOf(
  counts: Float64Array,
  n: number,
  present: readonly number[],
  symmetric: boolean,
): Record<GlcmFeature, number> {
  const Ng = n - 1;
  const total = counts.reduce((sum, c) => sum + c, 0);
  const p = counts.map((c) => c / total);
  const px = new Float64Array(n);
  const py = new Float64Array(n);
  const plus = new Float64Array(2 * n); // p₊(k), k = i + j
  const minus = new Float64Array(n); // p₋(k), k = |i − j|
  each(n, (i, j) => {
    px[i] += p[i * n + j];
    py[j] += p[i * n + j];
    plus[i + j] += p[i * n + j];
    minus[Math.abs(i - j)] += p[i * n + j];
  });
  /** Σ f(i, j), Σ f(k): over all levels and over all k. */
  const sum = (f: (i: number, j: number, pij: number) => number) => {
    let s = 0;
    each(n, (i, j) => (s += f(i, j, p[i * n + j])));
    return s;
  };
  const overSums = (f: (k: number) => number) => plus.reduce((s, pk, k) => s + f(k) * pk, 0);
  const overDifferences = (f: (k: number) => number) => minus.reduce((s, pk, k) => s + f(k) * pk, 0);
  const entropy = (q: Float64Array) => q.reduce((s, v) => s - v * Math.log2(v + epsilon), 0);

  const ux = sum((i, _, pij) => i * pij);
  const uy = sum((_, j, pij) => j * pij);
  const sigmas = Math.sqrt(sum((i, _, pij) => (i - ux) ** 2 * pij) * sum((_, j, pij) => (j - uy) ** 2 * pij));
  const spread = count(px) > 1 && count(py) > 1 && sigmas > 0;
  const covariance = sum((i, j, pij) => pij * (i - ux) * (j - uy));
  const cluster = (power: number) => sum((i, j, pij) => (i + j - ux - uy) ** power * pij);
  const differenceAverage = overDifferences((k) => k);

  const HX = entropy(px);
  const HY = entropy(py);
  const HXY = entropy(p);
  const HXY1 = sum((i, j, pij) => -pij * Math.log2(px[i] * py[j] + epsilon));
  const HXY2 = sum((i, j) => -px[i] * py[j] * Math.log2(px[i] * py[j] + epsilon));
  const divisor = Math.max(HX, HY);

  return {
    Autocorrelation: sum((i, j, pij) => pij * i * j),
    ClusterProminence: cluster(4),
    ClusterShade: cluster(3),
    ClusterTendency: cluster(2),
    Contrast: sum((i, j, pij) => (i - j) ** 2 * pij),
    Correlation: spread ? covariance / (sigmas + epsilon) : 1,
    DifferenceAverage: differenceAverage,
    DifferenceEntropy: entropy(minus),
    DifferenceVariance: overDifferences((k) => (k - differenceAverage) ** 2),
    Id: overDifferences((k) => 1 / (1 + k)),
    Idm: overDifferences((k) => 1 / (1 + k ** 2)),
    Idmn: overDifferences((k) => 1 / (1 + k ** 2 / Ng ** 2)),
    Idn: overDifferences((k) => 1 / (1 + k / Ng)),
    Imc1: divisor === 0 ? 0 : (HXY - HXY1) / divisor,
    Imc2: HXY2 > HXY ? Math.sqrt(1 - Math.exp(-2 * (HXY2 - HXY))) : 0,
    InverseVariance: overDifferences((k) => (k === 0 ? 0 : 1 / k ** 2)),
    JointAverage: ux,
    JointEnergy: sum((_i, _j, pij) => pij ** 2),
    JointEntropy: HXY,
    MCC: maximalCorrelation(p, n, present, symmetric),
    MaximumProbability: p.reduce((most, pij) => Math.max(most, pij), 0),
    SumAverage: overSums((k) => k),
    SumEntropy: entropy(plus),
    SumSquares: sum((i, _, pij) => (i - ux) ** 2 * pij),
  };
}

function each(n: number, visit: (i: number, j: number) => void): void {
  for (let i = 1; i < n; i++) for (let j = 1; j < n; j++) visit(i, j);
}

function count(q: Float64Array): number {
  return q.reduce((c, v) => c + Number(v > 0), 0);
}
