import { f32 } from '../../constant.js';
import type { Dim } from '../../ir.js';
import { transposed } from '../value.js';
import type { Weight } from '../weights.js';
import { activated } from './activations.js';
import { imageOf, parameter, requireDims, unsupportedLayer, type LayerRule, type LayerView } from './rule.js';

/** How windows move over an image: attributes for the node, and the size that comes out. */
export interface Windows {
  attributes: Record<string, string | readonly number[]>;
  height: Dim;
  width: Dim;
}

/**
 * Windows as TensorFlow places them. 'same' gives ceil(size / stride) outputs with the odd pixel of padding at the end;
 * pads are written out where the image size is known.
 */
export function windowsOver(
  view: LayerView,
  size: readonly [Dim, Dim],
  kernel: readonly [number, number],
  strides: readonly [number, number],
  dilations: readonly [number, number] = [1, 1],
): Windows {
  const padding = view.config.text('padding', 'valid').toLowerCase();
  if (padding !== 'same' && padding !== 'valid') throw unsupportedLayer(view, `its padding is '${padding}'`);
  const attributes: Windows['attributes'] = { kernel_shape: [...kernel], strides: [...strides] };
  if (dilations.some((d) => d !== 1)) attributes.dilations = [...dilations];
  const extents = kernel.map((k, axis) => (k - 1) * dilations[axis] + 1);
  if (padding === 'valid') {
    const [height, width] = size.map((n, axis) => n && Math.floor((n - extents[axis]) / strides[axis]) + 1);
    if ([height, width].some((n) => n !== null && n < 1)) {
      throw unsupportedLayer(view, `its window of ${extents.join('×')} does not fit into ${size.join('×')} pixels`);
    }
    return { attributes, height, width };
  }
  const [height, width] = size.map((n, axis) => n && Math.ceil(n / strides[axis]));
  if (size.includes(null)) return { attributes: { ...attributes, auto_pad: 'SAME_UPPER' }, height, width };
  const totals = size.map((n, axis) => {
    const count = Math.ceil((n as number) / strides[axis]);
    return Math.max(0, (count - 1) * strides[axis] + extents[axis] - (n as number));
  });
  const begins = totals.map((total) => Math.floor(total / 2));
  const ends = totals.map((total, axis) => total - begins[axis]);
  if (totals.some((total) => total > 0)) attributes.pads = [...begins, ...ends];
  return { attributes, height, width };
}

function windowConfig(view: LayerView) {
  const { config } = view;
  return { strides: config.pair('strides', [1, 1]), dilations: config.pair('dilation_rate', [1, 1]) };
}

/** Keras's [height, width, …] kernel with its axes in ONNX's order. */
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

function biasParameter(view: LayerView, bias: Weight | undefined): string[] {
  return bias ? [parameter(view, 'bias', () => f32(bias.dims, bias.data))] : [];
}

const conv2d: LayerRule = (view) => {
  const { config, write } = view;
  const image = imageOf(view);
  const group = config.number('groups', 1);
  const [kernel, bias] = view.weights('kernel', config.flag('use_bias', true) && 'bias');
  const [kh, kw] = kernel.dims;
  requireDims(view, kernel, [kh, kw, image.channels / group, undefined]);
  const filters = kernel.dims[3];
  if (bias) requireDims(view, bias, [filters]);
  const { strides, dilations } = windowConfig(view);
  const windows = windowsOver(view, [image.height, image.width], [kh, kw], strides, dilations);
  const inputs = [image.name, kernelParameter(view, 'kernel', kernel, [3, 2, 0, 1]), ...biasParameter(view, bias)];
  const name = write.op('Conv', inputs, { ...windows.attributes, ...(group > 1 && { group }) });
  return activated(view, image.out(name, filters, windows.height, windows.width));
};

/** Keras's depthwise kernel [kh, kw, in, multiplier] → ONNX [in · multiplier, 1, kh, kw], one group per channel. */
function depthwise(view: LayerView, kernel: Weight, bias: Weight | undefined) {
  const image = imageOf(view);
  const [kh, kw, channels, multiplier] = requireDims(view, kernel, [
    kernel.dims[0],
    kernel.dims[1],
    image.channels,
    undefined,
  ]).dims;
  const filters = channels * multiplier;
  if (bias) requireDims(view, bias, [filters]);
  const { strides, dilations } = windowConfig(view);
  const windows = windowsOver(view, [image.height, image.width], [kh, kw], strides, dilations);
  const weights = kernelParameter(view, 'depthwise_kernel', kernel, [2, 3, 0, 1], [filters, 1, kh, kw]);
  const attributes = { ...windows.attributes, group: channels };
  const name = view.write.op('Conv', [image.name, weights, ...biasParameter(view, bias)], attributes);
  return { image, value: image.out(name, filters, windows.height, windows.width), filters };
}

const depthwiseConv2d: LayerRule = (view) => {
  const [kernel, bias] = view.weights('depthwise_kernel|kernel', view.config.flag('use_bias', true) && 'bias');
  return activated(view, depthwise(view, kernel, bias).value);
};

const separableConv2d: LayerRule = (view) => {
  const [kernel, pointwise, bias] = view.weights(
    'depthwise_kernel',
    'pointwise_kernel',
    view.config.flag('use_bias', true) && 'bias',
  );
  const { image, value, filters } = depthwise(view, kernel, undefined);
  requireDims(view, pointwise, [1, 1, filters, undefined]);
  const out = pointwise.dims[3];
  if (bias) requireDims(view, bias, [out]);
  const weights = kernelParameter(view, 'pointwise_kernel', pointwise, [3, 2, 0, 1]);
  const [height, width] = [value.dims[image.axes[2]], value.dims[image.axes[3]]];
  const name = view.write.op('Conv', [value.name, weights, ...biasParameter(view, bias)], { kernel_shape: [1, 1] });
  return activated(view, image.out(name, out, height, width));
};

/** Output size of a transposed convolution as Keras computes it. */
function transposedSize(
  size: number,
  kernel: number,
  stride: number,
  same: boolean,
  extra: number | undefined,
): number {
  if (extra !== undefined) return (size - 1) * stride + kernel - (same ? 2 * Math.floor(kernel / 2) : 0) + extra;
  return same ? size * stride : size * stride + Math.max(kernel - stride, 0);
}

const conv2dTranspose: LayerRule = (view) => {
  const { config, write } = view;
  const image = imageOf(view);
  const [kernel, bias] = view.weights('kernel', config.flag('use_bias', true) && 'bias');
  requireDims(view, kernel, [kernel.dims[0], kernel.dims[1], undefined, image.channels]);
  const [kh, kw, filters] = kernel.dims;
  if (bias) requireDims(view, bias, [filters]);
  const { strides, dilations } = windowConfig(view);
  const same = config.text('padding', 'valid').toLowerCase() === 'same';
  const extra = config.has('output_padding') ? config.pair('output_padding', [0, 0]) : undefined;
  const extents = [kh, kw].map((k, axis) => (k - 1) * dilations[axis] + 1);
  // The whole extent minus the output is cropped as 'same' pads: the odd pixel at the end; a negative rest is added.
  const rests = extents.map((extent, axis) => {
    const out = transposedSize(8, extent, strides[axis], same, extra?.[axis]);
    return 7 * strides[axis] + extent - out;
  });
  const begins = rests.map((rest) => Math.floor(Math.max(rest, 0) / 2));
  const ends = rests.map((rest, axis) => Math.max(rest, 0) - begins[axis]);
  const name = write.op(
    'ConvTranspose',
    [image.name, kernelParameter(view, 'kernel', kernel, [3, 2, 0, 1]), ...biasParameter(view, bias)],
    {
      kernel_shape: [kh, kw],
      strides,
      dilations,
      pads: [...begins, ...ends],
      output_padding: rests.map((rest) => Math.max(-rest, 0)),
    },
  );
  const [height, width] = [image.height, image.width].map(
    (size, axis) => size && transposedSize(size, extents[axis], strides[axis], same, extra?.[axis]),
  );
  return activated(view, image.out(name, filters, height, width));
};

export const convolution: Record<string, LayerRule> = {
  Conv2D: conv2d,
  Convolution2D: conv2d,
  DepthwiseConv2D: depthwiseConv2d,
  SeparableConv2D: separableConv2d,
  Conv2DTranspose: conv2dTranspose,
};
