import { expectArgument } from '../core/errors.js';
import type { Values } from '../metrics/inputs.js';

/**
 * p-values of several tests, corrected so that rejecting those below α keeps the probability of any false rejection below α
 * (Holm, Scandinavian Journal of Statistics 1979): with the m p-values ascending, the k-th becomes the largest of
 * (m − j + 1) p_j over j ≤ k, at most 1. Order is kept. NaN (a test that the data do not define) stays NaN and is not counted.
 * @throws SightlineError E_ARGUMENT for values outside [0, 1]
 */
export function holmCorrection(pValues: Values): Float64Array {
  const corrected = new Float64Array(pValues.length).fill(NaN);
  const order: number[] = [];
  for (let i = 0; i < pValues.length; i++) {
    if (Number.isNaN(pValues[i])) continue;
    expectArgument(pValues[i] >= 0 && pValues[i] <= 1, `pValues[${i}]`, 'a probability', pValues[i]);
    order.push(i);
  }
  order.sort((a, b) => pValues[a] - pValues[b]);
  let largest = 0;
  order.forEach((i, k) => {
    largest = Math.max(largest, Math.min(1, (order.length - k) * pValues[i]));
    corrected[i] = largest;
  });
  return corrected;
}
