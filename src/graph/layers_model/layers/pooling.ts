import { featuresOf, type LayerRule } from './rule.js';
import { windowsOver } from './windows.js';

type Rank = 1 | 2;

/** Padding never counts: the maximum ignores it and the average divides by the real pixels, in Keras as in ONNX. */
function pooled(op: 'MaxPool' | 'AveragePool', rank: Rank): LayerRule {
  return (view) => {
    const features = featuresOf(view, rank);
    const window = view.config.sizes('pool_size', rank, 2);
    const strides = view.config.sizes('strides', rank, window);
    const windows = windowsOver(view, features.size, window, strides);
    const name = view.write.op(op, [features.name], windows.attributes);
    return features.out(name, features.channels, windows.size);
  };
}

function globallyPooled(op: 'GlobalMaxPool' | 'GlobalAveragePool', rank: Rank): LayerRule {
  return (view) => {
    const features = featuresOf(view, rank);
    const { batch, channels } = features;
    const name = view.write.op(op, [features.name]);
    if (view.config.flag('keepdims', false)) return features.out(name, channels, new Array<number>(rank).fill(1));
    const flat = view.write.op('Flatten', [name], { axis: 1 });
    return { name: flat, dims: [batch, channels], axes: [0, 1] };
  };
}

function familyOf(rank: Rank): Record<string, LayerRule> {
  return {
    [`MaxPooling${rank}D`]: pooled('MaxPool', rank),
    [`MaxPool${rank}D`]: pooled('MaxPool', rank),
    [`AveragePooling${rank}D`]: pooled('AveragePool', rank),
    [`AvgPool${rank}D`]: pooled('AveragePool', rank),
    [`GlobalMaxPooling${rank}D`]: globallyPooled('GlobalMaxPool', rank),
    [`GlobalMaxPool${rank}D`]: globallyPooled('GlobalMaxPool', rank),
    [`GlobalAveragePooling${rank}D`]: globallyPooled('GlobalAveragePool', rank),
    [`GlobalAvgPool${rank}D`]: globallyPooled('GlobalAveragePool', rank),
  };
}

export const pooling: Record<string, LayerRule> = { ...familyOf(1), ...familyOf(2) };
