import { intAttribute, intsAttribute, type Node } from '../ir.js';
import { windowsOf } from './convolution.js';
import { ShapeMismatch, type OpRules } from './rules.js';
import type { ValueShape } from '../ir.js';

const like = (shape: ValueShape, dims: readonly number[]): ValueShape => ({ type: shape.type, dims });

/** Spatial dims that a gradient with respect to an input has, from the attribute `shape`. */
function inputShape(node: Node): number[] {
  const shape = intsAttribute(node, 'shape');
  if (!shape) throw new ShapeMismatch('the attribute shape is missing');
  return shape;
}

/**
 * Ops of our own domain. All are f32, channels first; window attributes are those of the standard op that they belong
 * to, with every default resolved (`pads`, `strides`, `dilations`, `kernel_shape`, `group`; never auto_pad). A plan's
 * kernels are in native/nodes_*.cc; ONNX Runtime never sees these ops (graph/training lowers to standard ones for it).
 *
 * - ConvInputGradient(g[N,M,…out], w[M,C/group,…kernel]; shape = […spatial]) → dx[N,C,…spatial]
 * - ConvWeightGradient(g[N,M,…out], x[N,C,…spatial]; kernel_shape) → dw[M,C/group,…kernel]
 * - ChannelSum(g[N,C,…]) → [C]
 * - BatchNormTraining(x, scale[C], bias[C]; epsilon, relu) → y, mean[C], variance[C]: over all but the channels, the
 *   variance biased; relu = 1: y is cut at 0
 * - BatchNormTrainingGradient(g, x, scale, bias, mean, variance; epsilon, relu) → dx, dscale[C], dbias[C]
 * - BatchNormGradient(g, x, scale, mean, variance; epsilon) → dx, dscale[C], dbias[C]: statistics are constants
 * - ReluGradient(g, y) → g where y > 0, else 0
 * - MaxPoolGradient(g, x, y) → dx: g goes to the first pixel of its window, in scan order, that equals y
 * - AveragePoolGradient(g; count_include_pad, shape) → dx
 */
export const training: Record<string, OpRules> = {
  ConvInputGradient: {
    shape: (view) => {
      const [g, w] = [view.input(0), view.input(1)];
      const channels = w.dims[1] * intAttribute(view.node, 'group', 1);
      return [like(g, [g.dims[0], channels, ...inputShape(view.node)])];
    },
  },
  ConvWeightGradient: {
    shape: (view) => {
      const [g, x] = [view.input(0), view.input(1)];
      const kernel = intsAttribute(view.node, 'kernel_shape') ?? [];
      const { out } = windowsOf(view.node, x.dims.slice(2), kernel);
      if (out.join() !== g.dims.slice(2).join())
        throw new ShapeMismatch(`windows ${out.join('×')} do not fit the gradient`);
      return [like(g, [g.dims[1], x.dims[1] / intAttribute(view.node, 'group', 1), ...kernel])];
    },
  },
  ChannelSum: { shape: (view) => [like(view.input(0), [view.input(0).dims[1]])] },
  BatchNormTraining: {
    shape: (view) => {
      const x = view.input(0);
      return [x, like(x, [x.dims[1]]), like(x, [x.dims[1]])];
    },
    gradient: ({ emit, node, arriving }) => {
      const g = arriving(0);
      if (!g) return [];
      const [x, scale, bias] = node.inputs;
      const [, mean, variance] = node.outputs;
      return emit.own('BatchNormTrainingGradient', [g, x, scale, bias, mean, variance], node.attributes, 3);
    },
  },
  BatchNormTrainingGradient: {
    shape: (view) => {
      const x = view.input(1);
      return [x, like(x, [x.dims[1]]), like(x, [x.dims[1]])];
    },
  },
  BatchNormGradient: {
    shape: (view) => {
      const x = view.input(1);
      return [x, like(x, [x.dims[1]]), like(x, [x.dims[1]])];
    },
  },
  ReluGradient: { shape: (view) => [view.input(0)] },
  MaxPoolGradient: { shape: (view) => [view.input(1)] },
  AveragePoolGradient: {
    shape: (view) => {
      const g = view.input(0);
      return [like(g, [...g.dims.slice(0, 2), ...inputShape(view.node)])];
    },
  },
};
