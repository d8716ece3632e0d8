import { f32 } from '../../constant.js';
import type { Dim } from '../../ir.js';
import { inOrder, transposed } from '../value.js';
import type { Weight } from '../weights.js';
import { activated } from './activations.js';
import { featuresOf, parameter, requireDims, unsupportedLayer, type LayerRule, type LayerView } from './rule.js';
import { windowsOver } from './windows.js';

type Rank = 1 | 2;

function steps(view: LayerView, rank: Rank) {
  const { config } = view;
  return { strides: config.sizes('strides', rank, 1), dilations: config.sizes('dilation_rate', rank, 1) };
}

/** Keras's [...window, …] kernel with its axes in ONNX's order. */
function kernelParameter(
  view: LayerView,
  name: string,
  weight: Weight,
  perm: readonly number[],
  dims?: number[],
): string {
  return parameter(view, name, () => {
    const moved = transposed(weight.data, weight.dims, perm);
    return f32(dims ?? moved.dims, moved.data);
  });
}

/** Keras's order [...window, a, b] turned to [b, a, ...window]. */
function windowLast(rank: Rank): number[] {
  return [rank + 1, rank, ...inOrder(rank)];
}

function biasParameter(view: LayerView, bias: Weight | undefined, filters: number): string[] {
  if (!bias) return [];
  requireDims(view, bias, [filters]);
  return [parameter(view, 'bias', () => f32(bias.dims, bias.data))];
}

function convolved(rank: Rank): LayerRule {
  return (view) => {
    const { config, write } = view;
    const features = featuresOf(view, rank);
    const group = config.number('groups', 1);
    const [kernel, bias] = view.weights('kernel', config.flag('use_bias', true) && 'bias');
    const window = kernel.dims.slice(0, rank);
    requireDims(view, kernel, [...window, features.channels / group, undefined]);
    const filters = kernel.dims[rank + 1];
    const { strides, dilations } = steps(view, rank);
    const windows = windowsOver(view, features.size, window, strides, dilations);
    const weights = kernelParameter(view, 'kernel', kernel, windowLast(rank));
    const inputs = [features.name, weights, ...biasParameter(view, bias, filters)];
    const name = write.op('Conv', inputs, { ...windows.attributes, ...(group > 1 && { group }) });
    return activated(view, features.out(name, filters, windows.size));
  };
}

/** Keras's depthwise kernel [...window, in, multiplier] → ONNX [in · multiplier, 1, ...window], a group per channel. */
function depthwise(view: LayerView, rank: Rank, kernel: Weight, bias: Weight | undefined) {
  const features = featuresOf(view, rank);
  const window = kernel.dims.slice(0, rank);
  const multiplier = requireDims(view, kernel, [...window, features.channels, undefined]).dims[rank + 1];
  const filters = features.channels * multiplier;
  const { strides, dilations } = steps(view, rank);
  const windows = windowsOver(view, features.size, window, strides, dilations);
  const perm = [rank, rank + 1, ...inOrder(rank)];
  const weights = kernelParameter(view, 'depthwise_kernel', kernel, perm, [filters, 1, ...window]);
  const inputs = [features.name, weights, ...biasParameter(view, bias, filters)];
  const name = view.write.op('Conv', inputs, { ...windows.attributes, group: features.channels });
  return { features, value: features.out(name, filters, windows.size), filters, size: windows.size };
}

function depthwiseConvolved(rank: Rank): LayerRule {
  return (view) => {
    const [kernel, bias] = view.weights('depthwise_kernel|kernel', view.config.flag('use_bias', true) && 'bias');
    return activated(view, depthwise(view, rank, kernel, bias).value);
  };
}

function separablyConvolved(rank: Rank): LayerRule {
  return (view) => {
    const [kernel, pointwise, bias] = view.weights(
      'depthwise_kernel',
      'pointwise_kernel',
      view.config.flag('use_bias', true) && 'bias',
    );
    const { features, value, filters, size } = depthwise(view, rank, kernel, undefined);
    const ones = new Array<number>(rank).fill(1);
    const out = requireDims(view, pointwise, [...ones, filters, undefined]).dims[rank + 1];
    const weights = kernelParameter(view, 'pointwise_kernel', pointwise, windowLast(rank));
    const inputs = [value.name, weights, ...biasParameter(view, bias, out)];
    const name = view.write.op('Conv', inputs, { kernel_shape: ones });
    return activated(view, features.out(name, out, size));
  };
}

/** Output size of a transposed convolution as Keras computes it. */
function transposedSize(size: Dim, kernel: number, stride: number, same: boolean, extra: number | undefined): Dim {
  if (size === null) return null;
  if (extra !== undefined) return (size - 1) * stride + kernel - (same ? 2 * Math.floor(kernel / 2) : 0) + extra;
  return same ? size * stride : size * stride + Math.max(kernel - stride, 0);
}

function transposedConvolved(rank: Rank): LayerRule {
  return (view) => {
    const { config, write } = view;
    const features = featuresOf(view, rank);
    const [kernel, bias] = view.weights('kernel', config.flag('use_bias', true) && 'bias');
    const window = kernel.dims.slice(0, rank);
    requireDims(view, kernel, [...window, undefined, features.channels]);
    const filters = kernel.dims[rank];
    const { strides, dilations } = steps(view, rank);
    const same = config.text('padding', 'valid').toLowerCase() === 'same';
    const extra = config.has('output_padding') ? config.sizes('output_padding', rank, 0) : undefined;
    const extents = window.map((k, axis) => (k - 1) * dilations[axis] + 1);
    const sizeAt = (size: Dim, axis: number) => transposedSize(size, extents[axis], strides[axis], same, extra?.[axis]);
    // The whole extent minus the output is cropped as 'same' pads: the odd pixel at the end; a negative rest is added.
    const rests = extents.map((extent, axis) => extent - (sizeAt(1, axis) as number));
    const begins = rests.map((rest) => Math.floor(Math.max(rest, 0) / 2));
    const ends = rests.map((rest, axis) => Math.max(rest, 0) - begins[axis]);
    const added = rests.map((rest) => Math.max(-rest, 0));
    if (added.some((count, axis) => count >= Math.max(strides[axis], dilations[axis]))) {
      throw unsupportedLayer(view, `its output padding ${extra?.join('×')} is not smaller than its stride`);
    }
    const weights = kernelParameter(view, 'kernel', kernel, windowLast(rank));
    const inputs = [features.name, weights, ...biasParameter(view, bias, filters)];
    const name = write.op('ConvTranspose', inputs, {
      kernel_shape: window,
      strides,
      dilations,
      pads: [...begins, ...ends],
      output_padding: added,
    });
    return activated(view, features.out(name, filters, features.size.map(sizeAt)));
  };
}

/** By Keras's class names, old ones included. */
export const convolution: Record<string, LayerRule> = {
  Conv1D: convolved(1),
  Convolution1D: convolved(1),
  Conv2D: convolved(2),
  Convolution2D: convolved(2),
  DepthwiseConv1D: depthwiseConvolved(1),
  DepthwiseConv2D: depthwiseConvolved(2),
  SeparableConv1D: separablyConvolved(1),
  SeparableConvolution1D: separablyConvolved(1),
  SeparableConv2D: separablyConvolved(2),
  SeparableConvolution2D: separablyConvolved(2),
  Conv1DTranspose: transposedConvolved(1),
  Conv2DTranspose: transposedConvolved(2),
  Convolution2DTranspose: transposedConvolved(2),
};
