import { meanRanks } from './ranks.js';

/** Spearman's rank correlation, −1 … 1, ties with their mean rank; NaN where a side does not vary. */
export function rankCorrelation(a: Float64Array, b: Float64Array): number {
  const [x, y] = [meanRanks(a), meanRanks(b)];
  const mean = (values: Float64Array) => values.reduce((sum, v) => sum + v, 0) / values.length;
  const [xMean, yMean] = [mean(x), mean(y)];
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    xy += (x[i] - xMean) * (y[i] - yMean);
    xx += (x[i] - xMean) ** 2;
    yy += (y[i] - yMean) ** 2;
  }
  return xy / Math.sqrt(xx * yy);
}
