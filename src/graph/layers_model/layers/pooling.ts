import type { Value } from '../value.js';
import { inOrder } from '../value.js';
import { windowsOver } from './convolution.js';
import { imageOf, inputOf, unsupportedLayer, type LayerRule } from './rule.js';

/** Padding never counts: the maximum ignores it and the average divides by the real pixels, in Keras as in ONNX. */
function pooled(op: 'MaxPool' | 'AveragePool'): LayerRule {
  return (view) => {
    const image = imageOf(view);
    const size = view.config.pair('pool_size', [2, 2]);
    const strides = view.config.pair('strides', size);
    const windows = windowsOver(view, [image.height, image.width], size, strides);
    const name = view.write.op(op, [image.name], windows.attributes);
    return image.out(name, image.channels, windows.height, windows.width);
  };
}

function globallyPooled(op: 'GlobalMaxPool' | 'GlobalAveragePool'): LayerRule {
  return (view) => {
    const image = imageOf(view);
    const name = view.write.op(op, [image.name]);
    if (view.config.flag('keepdims', false)) return image.out(name, image.channels, 1, 1);
    const flat = view.write.op('Flatten', [name], { axis: 1 });
    return { name: flat, dims: [image.batch, image.channels], axes: [0, 1] };
  };
}

/** Mean over the tokens of [batch, tokens, features]. */
const globalAverage1d: LayerRule = (view) => {
  const input = view.write.inKerasOrder(inputOf(view));
  if (input.dims.length !== 3) throw unsupportedLayer(view, `its input has ${input.dims.length} dimensions, not 3`);
  const steps = view.config.text('data_format', 'channels_last') === 'channels_first' ? 2 : 1;
  const keepdims = view.config.flag('keepdims', false);
  const name = view.write.op('ReduceMean', [input.name], { axes: [steps], keepdims: keepdims ? 1 : 0 });
  const dims = input.dims.flatMap((dim, axis) => (axis !== steps ? [dim] : keepdims ? [1] : []));
  return { name, dims, axes: inOrder(dims.length) } satisfies Value;
};

export const pooling: Record<string, LayerRule> = {
  MaxPooling2D: pooled('MaxPool'),
  MaxPool2D: pooled('MaxPool'),
  AveragePooling2D: pooled('AveragePool'),
  AvgPool2D: pooled('AveragePool'),
  GlobalMaxPooling2D: globallyPooled('GlobalMaxPool'),
  GlobalMaxPool2D: globallyPooled('GlobalMaxPool'),
  GlobalAveragePooling2D: globallyPooled('GlobalAveragePool'),
  GlobalAvgPool2D: globallyPooled('GlobalAveragePool'),
  GlobalAveragePooling1D: globalAverage1d,
};
