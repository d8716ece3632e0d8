import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cpuTargets, largestDeviation, runNode } from '../support/run_node.js';
import { readArrays } from './golden_arrays.mjs';

const { header, arrays } = readArrays(fileURLToPath(new URL('plan_ops.bin', import.meta.url)));
const golden = header as unknown as {
  norms: { name: string; relu: number }[];
  pools: {
    name: string;
    kind: 'max' | 'ties' | 'average' | 'average_inside';
    kernel: number[];
    stride: number[];
    padding: number[];
  }[];
};
const value = (name: string) => arrays.get(name)!;
const epsilon = 1e-5;

/** Both sides are in float32: a few roundings of numbers of about 1. */
const tolerance = 2e-6;

describe.each(cpuTargets)('as PyTorch, %s', (target) => {
  it.each(golden.norms.map((norm) => [norm.name, norm] as const))('%s', (name, { relu }) => {
    const [x, scale, bias, g] = ['x', 'scale', 'bias', 'g'].map((part) => value(`${name}/${part}`));
    const channels = scale.dims;
    const dims = [x.dims, channels, channels];
    const [y, mean, variance] = runNode(target, 'BatchNormTraining', [x, scale, bias], dims, { epsilon, relu });
    expect(largestDeviation(y, value(`${name}/y`).data, 1)).toBeLessThan(tolerance);
    const statistics = [mean, variance].map((data) => ({ data, dims: channels }));
    const inputs = [g, x, scale, bias, ...statistics];
    const gradients = runNode(target, 'BatchNormTrainingGradient', inputs, dims, { epsilon, relu });
    ['dx', 'dscale', 'dbias'].forEach((part, i) => {
      // Sums over a channel's values: about √count in size.
      const size = i === 0 ? 1 : Math.sqrt(x.data.length / channels[0]);
      expect(largestDeviation(gradients[i], value(`${name}/${part}`).data, size), part).toBeLessThan(tolerance);
    });
  });

  it.each(golden.pools.map((pool) => [pool.name, pool] as const))('%s', (name, { kind, kernel, stride, padding }) => {
    const [x, g, y, dx] = ['x', 'g', 'y', 'dx'].map((part) => value(`${name}/${part}`));
    // PyTorch's padding is the same on both sides; with ceil_mode windows reach beyond it.
    const windows = { kernel_shape: kernel, strides: stride, dilations: [1, 1], pads: [...padding, ...padding] };
    if (kind === 'max' || kind === 'ties') {
      const [pooled] = runNode(target, 'MaxPool', [x], [y.dims], windows);
      expect(largestDeviation(pooled, y.data, 0)).toBe(0);
      const [gradient] = runNode(target, 'MaxPoolGradient', [g, x, y], [x.dims], windows);
      expect(largestDeviation(gradient, dx.data, 1)).toBeLessThan(tolerance);
      return;
    }
    const options = { ...windows, count_include_pad: Number(kind === 'average'), shape: x.dims.slice(2) };
    const [pooled] = runNode(target, 'AveragePool', [x], [y.dims], options);
    expect(largestDeviation(pooled, y.data, 1)).toBeLessThan(tolerance);
    const [gradient] = runNode(target, 'AveragePoolGradient', [g], [x.dims], options);
    expect(largestDeviation(gradient, dx.data, 1)).toBeLessThan(tolerance);
  });
});
