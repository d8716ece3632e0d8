import { f32 } from '../../constant.js';
import { channelsLast, inOrder, sameOrder, storedDims, transposed, type Value } from '../value.js';
import type { Weight } from '../weights.js';
import { activated } from './activations.js';
import { inputOf, parameter, requireDims, unsupportedLayer, type LayerRule } from './rule.js';

/** Rows of a dense kernel in the order in which the graph flattened what they multiply. */
function rowsFor(flattened: NonNullable<Value['flattened']>, { dims: [, units], data }: Weight): Float32Array {
  const dims = [...flattened.dims.slice(1), units];
  const perm = [...flattened.axes.slice(1).map((axis) => axis - 1), dims.length - 1];
  return transposed(data, dims, perm).data;
}

/** x · kernel + bias over the last of Keras's axes. */
const dense: LayerRule = (view) => {
  const { config, write } = view;
  const input = inputOf(view);
  const rank = input.dims.length;
  const features = input.dims[rank - 1];
  if (features === null || rank < 2) throw unsupportedLayer(view, 'its number of input features is not fixed');
  const [kernel, bias] = view.weights('kernel', config.flag('use_bias', true) && 'bias');
  const units = requireDims(view, kernel, [features, undefined]).dims[1];
  if (bias) requireDims(view, bias, [units]);
  const biases = bias ? [parameter(view, 'bias', () => f32([units], bias.data))] : [];
  const dims = [...input.dims.slice(0, -1), units];
  if (rank === 2) {
    const { flattened } = input;
    const kernelName = flattened ? `kernel/${storedDims(flattened).slice(1).join('x')}` : 'kernel';
    const weights = parameter(view, kernelName, () =>
      f32([features, units], flattened ? rowsFor(flattened, kernel) : kernel.data),
    );
    const name = write.op('Gemm', [input.name, weights, ...biases]);
    return activated(view, { name, dims, axes: [0, 1] });
  }
  // Over an image that is kept channels first, a dense layer is a convolution of 1×1.
  if (rank === 4 && sameOrder(input.axes, channelsLast(4))) {
    const turned = parameter(view, 'kernel/1x1', () => {
      const { data } = transposed(kernel.data, kernel.dims, [1, 0]);
      return f32([units, features, 1, 1], data);
    });
    const name = write.op('Conv', [input.name, turned, ...biases], { kernel_shape: [1, 1] });
    return activated(view, { name, dims, axes: input.axes });
  }
  const plain = write.inKerasOrder(input);
  const weights = parameter(view, 'kernel', () => f32(kernel.dims, kernel.data));
  const product = write.op('MatMul', [plain.name, weights]);
  const name = biases.length ? write.op('Add', [product, biases[0]]) : product;
  return activated(view, { name, dims, axes: inOrder(rank) });
};

export const denseLayers: Record<string, LayerRule> = { Dense: dense };
