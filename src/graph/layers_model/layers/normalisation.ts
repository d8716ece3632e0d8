import { f32 } from '../../constant.js';
import { inOrder, storedAxis, type Value } from '../value.js';
import { inputOf, parameter, requireDims, unsupportedLayer, type LayerRule, type LayerView } from './rule.js';

/** Keras's axes of a layer, counted from the front, ascending. */
function axesOf(view: LayerView, value: Value): number[] {
  const rank = value.dims.length;
  const axes = (view.config.numbers('axis') ?? [-1]).map((axis) => (axis < 0 ? axis + rank : axis));
  if (axes.some((axis) => axis < 1 || axis >= rank)) {
    throw unsupportedLayer(view, `its axis [${axes.join(', ')}] is outside an input of ${rank} dimensions`);
  }
  return axes.sort((a, b) => a - b);
}

function filled(length: number, value: number): Float32Array {
  return new Float32Array(length).fill(value);
}

const batchNormalization: LayerRule = (view) => {
  const { config, write } = view;
  const given = inputOf(view);
  const axes = axesOf(view, given);
  // Parameters follow Keras's order of features.
  const input = write.unflattened(given);
  const count = axes.length === 1 ? input.dims[axes[0]] : null;
  if (count === null) throw unsupportedLayer(view, 'it normalises over several axes, or one of open length');
  const scaled = config.flag('scale', true);
  const centred = config.flag('center', true);
  const weights = view.weights(scaled && 'gamma', centred && 'beta', 'moving_mean', 'moving_variance');
  weights.forEach((weight) => requireDims(view, weight, [count]));
  const [mean, variance] = weights.slice(-2);
  const scale = scaled ? weights[0].data : filled(count, 1);
  const shift = centred ? weights[scaled ? 1 : 0].data : filled(count, 0);
  const epsilon = config.number('epsilon', 1e-3);
  if (storedAxis(input, axes[0]) === 1) {
    const inputs = [scale, shift, mean.data, variance.data].map((data, i) =>
      parameter(view, ['gamma', 'beta', 'moving_mean', 'moving_variance'][i], () => f32([count], data)),
    );
    const name = write.op('BatchNormalization', [input.name, ...inputs], { epsilon: { float: epsilon } });
    return { ...input, name };
  }
  const factors = scale.map((s, c) => s / Math.sqrt(variance.data[c] + epsilon));
  return affine(
    view,
    input,
    axes,
    factors,
    shift.map((b, c) => b - mean.data[c] * factors[c]),
  );
};

/** x · factors + terms, both over Keras's `axes`. */
function affine(
  view: LayerView,
  input: Value,
  axes: readonly number[],
  factors: Float32Array,
  terms: Float32Array,
): Value {
  const dims = input.dims.map((dim, axis) => (axes.includes(axis) ? (dim as number) : 1));
  const along = (name: string, data: Float32Array) => view.write.alongside(input, `${view.path}/${name}`, dims, data);
  const scaled = view.write.op('Mul', [input.name, along('factors', factors)]);
  return { ...input, name: view.write.op('Add', [scaled, along('terms', terms)]) };
}

/** ONNX normalises over the last axes: an image is turned channels last for it, and back. */
const layerNormalization: LayerRule = (view) => {
  const { config, write } = view;
  const given = write.unflattened(inputOf(view));
  const input = write.inKerasOrder(given);
  const axes = axesOf(view, input);
  const rank = input.dims.length;
  if (axes.some((axis, i) => axis !== rank - axes.length + i)) {
    throw unsupportedLayer(view, `it normalises over axes [${axes.join(', ')}], which are not the last ones`);
  }
  if (config.flag('rms_scaling', false)) throw unsupportedLayer(view, 'it scales by the root mean square');
  const dims = axes.map((axis) => input.dims[axis]);
  if (dims.includes(null)) throw unsupportedLayer(view, 'it normalises over an axis of open length');
  const sizes = dims as number[];
  const count = sizes.reduce((a, b) => a * b, 1);
  const scaled = config.flag('scale', true);
  const centred = config.flag('center', true);
  const weights = view.weights(scaled && 'gamma', centred && 'beta').map((weight) => requireDims(view, weight, sizes));
  const gamma = scaled ? weights[0].data : filled(count, 1);
  const beta = centred ? weights[weights.length - 1].data : filled(count, 0);
  const name = write.op(
    'LayerNormalization',
    [input.name, parameter(view, 'gamma', () => f32(sizes, gamma)), parameter(view, 'beta', () => f32(sizes, beta))],
    { axis: axes[0], epsilon: { float: config.number('epsilon', 1e-3) } },
  );
  return write.arranged({ ...input, name }, given.axes);
};

/** Mean and variance over the whole image and a group of channels, as ONNX normalises an instance. */
const groupNormalization: LayerRule = (view) => {
  const { config, write } = view;
  const given = write.unflattened(inputOf(view));
  const [axis] = axesOf(view, given);
  // The channels first, as ONNX groups them.
  const others = inOrder(given.dims.length).filter((at) => at !== 0 && at !== axis);
  const input = write.arranged(given, [0, axis, ...others]);
  const channels = input.dims[axis];
  if (channels === null) throw unsupportedLayer(view, 'it normalises over an axis of open length');
  const asked = config.number('groups', 32);
  const groups = asked === -1 ? channels : asked;
  if (groups < 1 || channels % groups !== 0) {
    throw unsupportedLayer(view, `its ${asked} groups do not divide ${channels} channels`);
  }
  const constant = (name: string, value: number) => parameter(view, name, () => f32([groups], filled(groups, value)));
  const grouped = write.op('Reshape', [input.name, write.ints([0, groups, -1])]);
  const inputs = [grouped, constant('ones', 1), constant('zeros', 0)];
  const epsilon = config.number('epsilon', 1e-3);
  const normal = write.op('InstanceNormalization', inputs, { epsilon: { float: epsilon } });
  const name = write.op('Reshape', [normal, write.op('Shape', [input.name])]);
  const scaled = config.flag('scale', true);
  const centred = config.flag('center', true);
  const weights = view.weights(scaled && 'gamma', centred && 'beta');
  weights.forEach((weight) => requireDims(view, weight, [channels]));
  const factors = scaled ? weights[0].data : filled(channels, 1);
  const terms = centred ? weights[weights.length - 1].data : filled(channels, 0);
  return affine(view, { ...input, name }, [axis], factors, terms);
};

/** x · gamma, one factor per channel (ConvNeXt). */
const layerScale: LayerRule = (view) => {
  const input = view.write.unflattened(inputOf(view));
  const channels = input.dims[input.dims.length - 1];
  const [gamma] = view.weights('gamma|variable');
  requireDims(view, gamma, [channels ?? undefined]);
  const factors = view.write.alongside(input, `${view.path}/gamma`, gamma.dims, gamma.data);
  return { ...input, name: view.write.op('Mul', [input.name, factors]) };
};

/** (x − mean) / max(√variance, 1e-7), from the config or from weights that adapt() made. */
const normalization: LayerRule = (view) => {
  const { config, write } = view;
  const input = write.unflattened(inputOf(view));
  const axes = config.fields.axis === null ? [] : axesOf(view, input);
  const count = axes.reduce((total, axis) => total * (input.dims[axis] ?? Number.NaN), 1);
  if (Number.isNaN(count)) throw unsupportedLayer(view, 'it normalises over an axis of open length');
  const [mean, variance] = config.has('mean')
    ? [nested(config.fields.mean), nested(config.fields.variance)]
    : view.weights('mean', 'variance').map((weight) => Array.from(weight.data));
  // One value stands for all positions of the axes.
  const at = (values: number[], i: number) => values[values.length === 1 ? 0 : i];
  if ([mean, variance].some((values) => values.length !== 1 && values.length !== count)) {
    throw unsupportedLayer(view, `its mean has ${mean.length} values for ${count} features`);
  }
  const deviation = Array.from({ length: count }, (_, i) => Math.max(Math.sqrt(at(variance, i)), 1e-7));
  if (config.flag('invert', false)) {
    const back = Float32Array.from(deviation, (_, i) => at(mean, i));
    return affine(view, input, axes, Float32Array.from(deviation), back);
  }
  const factors = Float32Array.from(deviation, (d) => 1 / d);
  return affine(
    view,
    input,
    axes,
    factors,
    Float32Array.from(deviation, (d, i) => -at(mean, i) / d),
  );
};

/** Numbers of a scalar or of nested lists, in order. */
function nested(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  return Array.isArray(value) ? value.flatMap(nested) : [];
}

export const normalisation: Record<string, LayerRule> = {
  BatchNormalization: batchNormalization,
  BatchNormalizationV1: batchNormalization,
  SyncBatchNormalization: batchNormalization,
  GroupNormalization: groupNormalization,
  LayerNormalization: layerNormalization,
  LayerScale: layerScale,
  Normalization: normalization,
};
