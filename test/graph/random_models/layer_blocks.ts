import { float, type AttributeValue } from '../../../src/graph/emitter.js';
import type { Block } from './blocks.js';
import type { Drawing } from './model.js';

interface Windows {
  attributes: Record<string, AttributeValue>;
  /**
   * Whether ceil_mode may be set: ONNX Runtime's kernels drop a last window that would start beyond the image, its shape
   * inference does not, so that it refuses graphs with such a node.
   */
  mayCeil: boolean;
}

/** Windows that fit a map: padding only as far as the kernel reaches, as pooling wants it. */
function windows(d: Drawing, x: string, dilates: boolean): Windows {
  // ONNX Runtime merges a Pad into the pooling behind it, and then refuses pads as large as the kernel.
  const most = d.emit.graph.nodes.some((node) => node.op === 'Pad' && node.outputs.includes(x)) ? 0 : 1;
  const axes = d.emit
    .dims(x)
    .slice(2)
    .map((n) => {
      const kernel = d.whole(1, 3);
      const dilation = dilates ? d.pick([1, 1, 2]) : 1;
      const extent = (kernel - 1) * dilation + 1;
      const begin = d.whole(0, Math.min(most, kernel - 1));
      const end = Math.max(d.whole(0, Math.min(most, kernel - 1)), extent - n - begin);
      const stride = d.whole(1, 2);
      const steps = Math.ceil((n + begin + end - extent) / stride);
      // Every window sees some of the image.
      const sees = (window: number) =>
        Array.from({ length: kernel }, (_, tap) => window * stride + tap * dilation - begin).some(
          (at) => at >= 0 && at < n,
        );
      const fits =
        end < kernel && (most > 0 || end === 0) && Array.from({ length: steps + 1 }, (_, window) => window).every(sees);
      return { kernel, dilation, begin, end, stride, fits, drops: steps * stride >= n + begin };
    });
  if (axes.some((axis) => !axis.fits))
    return { attributes: { kernel_shape: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0] }, mayCeil: false };
  const common = { kernel_shape: axes.map((a) => a.kernel), strides: axes.map((a) => a.stride) };
  if (d.chance(0.15) && axes.every((a) => a.kernel >= a.stride))
    return { attributes: { ...common, auto_pad: d.pick(['SAME_UPPER', 'SAME_LOWER']) }, mayCeil: false };
  const pads = [...axes.map((a) => a.begin), ...axes.map((a) => a.end)];
  const dilations: Record<string, number[]> = dilates ? { dilations: axes.map((a) => a.dilation) } : {};
  return { attributes: { ...common, pads, ...dilations }, mayCeil: !axes.some((a) => a.drops) };
}

function kernelOf(attributes: Record<string, AttributeValue>): number[] {
  return attributes.kernel_shape as number[];
}

function divisors(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1).filter((k) => n % k === 0);
}

const conv: Block = (d, x) => {
  const [, channels] = d.emit.dims(x);
  const group = d.pick(divisors(channels));
  const attributes = { ...windows(d, x, true).attributes, group };
  const features = group * d.whole(1, 3);
  const kernel = kernelOf(attributes);
  const weights = d.weights([features, channels / group, ...kernel], (channels / group) * kernel[0] * kernel[1]);
  return d.emit.op('Conv', d.chance(0.5) ? [x, weights, d.weights([features])] : [x, weights], attributes);
};

const batchNorm: Block = (d, x) => {
  const c = [d.emit.dims(x)[1]];
  const inputs = [x, d.weights(c), d.weights(c), d.weights(c), d.between(c, 0.3, 2)];
  return d.emit.op('BatchNormalization', inputs, { epsilon: float(1e-3) });
};

const activations: Record<string, (d: Drawing, x: string) => string> = {
  LeakyRelu: ({ emit }, x) => emit.op('LeakyRelu', [x], { alpha: float(0.2) }),
  Elu: ({ emit }, x) => emit.op('Elu', [x]),
  Selu: ({ emit }, x) => emit.op('Selu', [x]),
  Celu: ({ emit }, x) => (emit.opset < 12 ? emit.op('Elu', [x]) : emit.op('Celu', [x])),
  Sigmoid: ({ emit }, x) => emit.op('Sigmoid', [x]),
  Tanh: ({ emit }, x) => emit.op('Tanh', [x]),
  Softplus: ({ emit }, x) => emit.op('Softplus', [x]),
  Softsign: ({ emit }, x) => emit.op('Softsign', [x]),
  HardSigmoid: ({ emit }, x) => emit.op('HardSigmoid', [x]),
  HardSwish: ({ emit }, x) =>
    emit.opset < 14 ? emit.mul(x, emit.op('HardSigmoid', [x], { alpha: float(1 / 6) })) : emit.op('HardSwish', [x]),
  SiLU: ({ emit }, x) => emit.mul(x, emit.op('Sigmoid', [x])),
  Mish: ({ emit }, x) =>
    emit.opset < 18 ? emit.mul(x, emit.op('Tanh', [emit.op('Softplus', [x])])) : emit.op('Mish', [x]),
  // As PyTorch exports it below operator set 20.
  Gelu: ({ emit }, x) =>
    emit.opset < 9
      ? emit.mul(x, emit.op('Sigmoid', [emit.scale(x, 1.702)]))
      : emit.opset < 20
        ? emit.scale(emit.mul(x, emit.add(emit.op('Erf', [emit.scale(x, Math.SQRT1_2)]), emit.scalar(x, 1))), 0.5)
        : emit.op('Gelu', [x]),
  PRelu: (d, x) => d.emit.op('PRelu', [x, d.weights([d.emit.dims(x)[1], 1, 1])]),
  Clip: ({ emit }, x) =>
    emit.opset < 11
      ? emit.op('Clip', [x], { min: float(0), max: float(6) })
      : emit.op('Clip', [x, emit.scalar(x, 0), emit.scalar(x, 6)]),
  ThresholdedRelu: ({ emit }, x) =>
    emit.opset < 10 ? emit.op('Relu', [x]) : emit.op('ThresholdedRelu', [x], { alpha: float(0.3) }),
  Abs: ({ emit }, x) => emit.op('Abs', [x]),
};

export const fromLayers: Record<string, Block> = {
  Conv: conv,
  'Conv Relu': (d, x) => {
    const y = conv(d, x);
    return y && d.emit.op('Relu', [y]);
  },
  'Conv BatchNorm Relu': (d, x) => {
    const y = conv(d, x);
    const normalised = y && batchNorm(d, y);
    return normalised && d.emit.op('Relu', [normalised]);
  },
  // DenseNet's order.
  'BatchNorm Relu Conv': (d, x) => {
    const normalised = batchNorm(d, x);
    return normalised && conv(d, d.emit.op('Relu', [normalised]));
  },
  ConvTranspose: (d, x) => {
    const [, channels] = d.emit.dims(x);
    const group = d.pick(divisors(channels));
    const kernel = [d.whole(1, 3), d.whole(1, 3)];
    const strides = [d.whole(1, 2), d.whole(1, 2)];
    const pads = [0, 1, 2, 3].map((i) => (kernel[i % 2] > 2 ? d.whole(0, 1) : 0));
    const output_padding = strides.map((stride) => d.whole(0, stride - 1));
    const perGroup = d.whole(1, 2);
    const weights = d.weights([channels, perGroup, ...kernel], channels * 2);
    const inputs = d.chance(0.5) ? [x, weights, d.weights([perGroup * group])] : [x, weights];
    return d.emit.op('ConvTranspose', inputs, { kernel_shape: kernel, strides, pads, output_padding, group });
  },
  Relu: (d, x) => d.emit.op('Relu', [x]),
  Activation: (d, x) => activations[d.pick(Object.keys(activations))](d, x),
  MaxPool: (d, x) => {
    // Dilations and ceil_mode came with operator set 10.
    const newer = d.emit.opset >= 10;
    const { attributes, mayCeil } = windows(d, x, newer);
    return d.emit.op('MaxPool', [x], newer && mayCeil ? { ...attributes, ceil_mode: d.whole(0, 1) } : attributes);
  },
  AveragePool: (d, x) => {
    const { attributes, mayCeil } = windows(d, x, false);
    const counted = { ...attributes, count_include_pad: d.whole(0, 1) };
    return d.emit.op(
      'AveragePool',
      [x],
      d.emit.opset >= 10 && mayCeil ? { ...counted, ceil_mode: d.whole(0, 1) } : counted,
    );
  },
  LpPool: (d, x) => d.emit.op('LpPool', [x], windows(d, x, false).attributes),
  BatchNorm: batchNorm,
  InstanceNorm: (d, x) => {
    const [, channels, height, width] = d.emit.dims(x);
    // One pixel has no variance: all that would be left is rounding.
    if (height * width < 4) return undefined;
    return d.emit.op('InstanceNormalization', [x, d.weights([channels]), d.weights([channels])], {
      epsilon: float(0.01),
    });
  },
  // ConvNeXt's: over channels, of an image turned channels last.
  LayerNorm: (d, x) => {
    const { emit } = d;
    const [, channels] = emit.dims(x);
    if (emit.opset < 17 || channels < 3) return undefined;
    const inputs = [emit.transpose(x, [0, 2, 3, 1]), d.weights([channels]), d.weights([channels])];
    return emit.transpose(emit.op('LayerNormalization', inputs, { epsilon: float(0.01) }), [0, 3, 1, 2]);
  },
  LRN: (d, x) => d.emit.op('LRN', [x], { size: d.pick([1, 3, 5]), alpha: float(0.1) }),
  Dropout: (d, x) => d.emit.op('Dropout', [x]),
  'Squeeze-and-excitation': (d, x) => {
    const { emit } = d;
    const [, c] = emit.dims(x);
    const pooled = emit.op('GlobalAveragePool', [x]);
    const squeezed = emit.op('Relu', [emit.op('Conv', [pooled, d.weights([2, c, 1, 1], c)])]);
    const gate = emit.op('Conv', [squeezed, d.weights([c, 2, 1, 1], 2), d.weights([c])]);
    return emit.mul(x, emit.op(d.pick(['Sigmoid', 'HardSigmoid']), [gate]));
  },
  // Over pixels as tokens; the grid is put together again.
  Attention: (d, x) => {
    const { emit } = d;
    const [, c, height, width] = emit.dims(x);
    const tokens = emit.transpose(emit.reshape(x, [1, c, height * width]), [0, 2, 1]);
    const part = () => emit.op('MatMul', [tokens, d.weights([c, c], c)]);
    const scores = emit.scale(emit.op('MatMul', [part(), emit.transpose(part(), [0, 2, 1])]), 1 / Math.sqrt(c));
    const mixed = emit.op('MatMul', [emit.op('Softmax', [scores], { axis: 2 }), part()]);
    return emit.reshape(emit.transpose(emit.add(tokens, mixed), [0, 2, 1]), [1, c, height, width]);
  },
};
