import { sizeOf, type Values } from './run_node.js';

/*
 * Batch normalisation in float64, as src/graph/ops/training.ts defines it. Statistics are handed on as float32, as the
 * graph's values are.
 */

/** Calls `visit(channel, index)` for all values of [N, C, …]. */
function eachValue(dims: readonly number[], visit: (channel: number, index: number) => void): void {
  const pixels = sizeOf(dims.slice(2));
  for (let plane = 0; plane < dims[0] * dims[1]; plane++) {
    for (let p = 0; p < pixels; p++) visit(plane % dims[1], plane * pixels + p);
  }
}

/** Mean and biased variance of each channel, in two passes. */
export function channelStatistics({ data, dims }: Values): { mean: Float64Array; variance: Float64Array } {
  const count = data.length / dims[1];
  const [mean, variance] = [new Float64Array(dims[1]), new Float64Array(dims[1])];
  eachValue(dims, (c, i) => (mean[c] += data[i] / count));
  eachValue(dims, (c, i) => (variance[c] += (data[i] - mean[c]) ** 2 / count));
  return { mean, variance };
}

export function normalised(
  { data, dims }: Values,
  parameters: { scale: Values; bias: Values; mean: ArrayLike<number>; variance: ArrayLike<number> },
  epsilon: number,
  relu: boolean,
): Float64Array {
  const { scale, bias, mean, variance } = parameters;
  const y = new Float64Array(data.length);
  eachValue(dims, (c, i) => {
    const v = ((data[i] - mean[c]) / Math.sqrt(variance[c] + epsilon)) * scale.data[c] + bias.data[c];
    y[i] = relu && v < 0 ? 0 : v;
  });
  return y;
}

/** Gradients of x, scale and bias. `passed`: which values of g arrive, for a ReLU behind; `training`: statistics follow x. */
export function normalisationGradient(
  g: Values,
  x: Values,
  scale: Values,
  statistics: { mean: ArrayLike<number>; variance: ArrayLike<number> },
  epsilon: number,
  options: { training: boolean; passed?: (index: number) => boolean },
): [Float64Array, Float64Array, Float64Array] {
  const { mean, variance } = statistics;
  const channels = x.dims[1];
  const count = x.data.length / channels;
  const [dx, dscale, dbias] = [new Float64Array(x.data.length), new Float64Array(channels), new Float64Array(channels)];
  const arriving = (i: number) => (options.passed && !options.passed(i) ? 0 : g.data[i]);
  const standard = (c: number, i: number) => (x.data[i] - mean[c]) / Math.sqrt(variance[c] + epsilon);
  eachValue(x.dims, (c, i) => {
    dscale[c] += arriving(i) * standard(c, i);
    dbias[c] += arriving(i);
  });
  eachValue(x.dims, (c, i) => {
    const through = options.training ? dbias[c] / count + (standard(c, i) * dscale[c]) / count : 0;
    dx[i] = ((arriving(i) - through) * scale.data[c]) / Math.sqrt(variance[c] + epsilon);
  });
  return [dx, dscale, dbias];
}
