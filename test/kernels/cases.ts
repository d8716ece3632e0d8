import type { Op } from '../../src/backend/index.js';
import type { Tolerance } from '../../src/backend/op.js';
import type { Case, KernelCases } from './cases/case.js';
import { diceCases } from './cases/dice.js';
import { distanceTo, nearestCases, pairwiseCases } from './cases/distances.js';
import { glcmCases } from './cases/glcm.js';
import { gradcamCases } from './cases/gradcam.js';
import { histogramCases } from './cases/histogram.js';
import { firstOrderCases } from './cases/first_order.js';
import { quantileCases } from './cases/quantile.js';
import { shape2dCases } from './cases/shape2d.js';

export { f32, type Case, type KernelCases } from './cases/case.js';
export { dropoutCases } from './cases/dropout.js';
export { forestCases } from './cases/forest.js';
export { optimiserCases } from './cases/optimiser.js';
/** C++ only; values against Pillow and torch are in test/data/resize.test.ts. */
export { resizeCases } from './cases/resize.js';
/** C++ only; values against torch are in test/golden/warp.test.ts. */
export { warpCases } from './cases/warp.js';

/** Every kernel on every backend. */
export const kernelCases: KernelCases[] = [
  gradcamCases,
  diceCases,
  histogramCases,
  pairwiseCases,
  nearestCases,
  firstOrderCases,
  quantileCases,
  glcmCases,
  shape2dCases,
];

type Arrays = Record<string, { readonly length: number; readonly [i: number]: number | bigint }>;

/**
 * What keeps `actual` from being the op's outputs within the tolerance of `expected`, or undefined: NaN must meet NaN,
 * infinities each other; another index than the reference's is right only when its centre is as near.
 */
export function disagreement(
  op: Op,
  c: Case,
  actual: Arrays,
  expected: Arrays,
  tolerance: Tolerance,
): string | undefined {
  for (const name of Object.keys(op.outputs)) {
    const [x, y] = [actual[name], expected[name]];
    if (x.length !== y.length) return `${op.name}.${name}: ${x.length} values, reference ${y.length}`;
    const columns = op.outputs[name].dims.at(-1);
    let worst = 1;
    let at = -1;
    for (let i = 0; i < y.length; i++) {
      let [a, b] = [Number(x[i]), Number(y[i])];
      if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
      if (op.name === 'nearest' && name === 'index') [a, b] = [a, b].map((j) => distanceTo(c, i, j));
      const column = tolerance.byColumn?.length === columns ? i % tolerance.byColumn!.length : -1;
      const { relative, absolute } = tolerance.byColumn?.[column] ?? tolerance;
      const deviation = Math.abs(a - b) / (absolute + relative * Math.abs(b));
      if (!(deviation <= worst)) [worst, at] = [Number.isNaN(deviation) ? Infinity : deviation, i];
    }
    if (at >= 0) return `${op.name}.${name}[${at}]: ${x[at]}, reference ${y[at]}, ${worst} times what is allowed`;
  }
  return undefined;
}
