import { valuesOf } from '../constant.js';
import type { Emitter } from '../emitter.js';
import { floatAttribute, intAttribute, intsAttribute } from '../ir.js';
import { applyAlong, matrix, transposed } from './axes.js';
import { axisOf, product, unsupportedOp, type GradientView, type OpRules } from './rules.js';

/** A value standardised over `axes`: (x − mean)/σ, and σ. */
interface Standardised {
  xhat: string;
  sigma: string;
  mean: (value: string) => string;
}

function standardised(emit: Emitter, x: string, axes: readonly number[], epsilon: number): Standardised {
  const count = axes.reduce((n, axis) => n * emit.dims(x)[axis], 1);
  const mean = (value: string) => emit.scale(emit.reduceSum(value, axes, true), 1 / count);
  const centred = emit.sub(x, mean(x));
  const variance = mean(emit.mul(centred, centred));
  const sigma = emit.op('Sqrt', [emit.add(variance, emit.scalar(x, epsilon))]);
  return { xhat: emit.div(centred, sigma), sigma, mean };
}

/** What arrives before standardising: (ĝ − mean(ĝ) − x̂·mean(ĝ·x̂)) / σ. */
function throughStandardised(emit: Emitter, { xhat, sigma, mean }: Standardised, ghat: string): string {
  const inner = emit.sub(emit.sub(ghat, mean(ghat)), emit.mul(xhat, mean(emit.mul(ghat, xhat))));
  return emit.div(inner, sigma);
}

/** Gradients of x, scale and bias of y = scale·x̂ + bias; `spread` shapes a parameter to broadcast to x. */
function affineGradients(
  view: GradientView,
  g: string,
  axes: readonly number[],
  spread: (parameter: string) => string,
): (string | undefined)[] {
  const { emit, node } = view;
  const [x, scale] = node.inputs;
  const standard = standardised(emit, x, axes, floatAttribute(node, 'epsilon', 1e-5));
  return [
    view.wants(0) ? throughStandardised(emit, standard, emit.mul(g, spread(scale))) : undefined,
    ...parameterGradients(view, g, standard.xhat, spread),
  ];
}

/** Gradients of scale and bias of y = scale·x̂ + bias. */
function parameterGradients(
  view: GradientView,
  g: string,
  xhat: string,
  spread: (parameter: string) => string,
): (string | undefined)[] {
  const { emit, node } = view;
  return [1, 2].map((index) => {
    const parameter = node.inputs[index];
    if (!parameter || !view.wants(index)) return undefined;
    const sums = emit.unbroadcast(index === 1 ? emit.mul(g, xhat) : g, emit.dims(spread(parameter)));
    return emit.reshape(sums, emit.dims(parameter));
  });
}

/** A parameter vector [C] shaped to broadcast along axis 1 of `x`. */
function alongChannels({ emit }: GradientView, parameter: string, x: string): string {
  const dims = emit.dims(x);
  return emit.reshape(parameter, [dims[1], ...dims.slice(2).map(() => 1)]);
}

/** Axes from a node's `axis` to the last one. */
function trailingAxes({ emit, node }: GradientView): number[] {
  const rank = emit.dims(node.inputs[0]).length;
  const first = axisOf(intAttribute(node, 'axis', -1), rank);
  return Array.from({ length: rank - first }, (_, i) => first + i);
}

/** scale/σ of a batch normalisation as one constant, where its parameters are. */
function channelFactors({ emit, node }: GradientView, g: string, epsilon: number): string | undefined {
  const scales = emit.constantOf(node.inputs[1]);
  const variances = emit.constantOf(node.inputs[4]);
  if (!scales || !variances) return undefined;
  const v = valuesOf(variances);
  const factors = Array.from(valuesOf(scales), (s, c) => s / Math.sqrt(v[c] + epsilon));
  const spatial = emit.dims(g).slice(2);
  return emit.like(g, [factors.length, ...spatial.map(() => 1)], factors);
}

export const normalisation: Record<string, OpRules> = {
  BatchNormalization: {
    shape: (view) => {
      const x = view.input(0);
      return view.node.outputs.map((_, i) => (i === 0 ? x : { type: x.type, dims: [x.dims[1]] }));
    },
    // Inference: y = scale·(x − mean)/√(var + ε) + bias, so the gradient is a factor per channel.
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { emit, node } = view;
      if (intAttribute(node, 'training_mode', 0) === 1) {
        throw unsupportedOp(
          node,
          'it is in training mode, where samples of a batch influence each other',
          'Call model.eval() before exporting.',
        );
      }
      const [x, scale, , mean, variance] = node.inputs;
      const epsilon = floatAttribute(node, 'epsilon', 1e-5);
      const spread = (parameter: string) => alongChannels(view, parameter, x);
      const sigma = () => spread(emit.op('Sqrt', [emit.add(variance, emit.scalar(variance, epsilon))]));
      const wantsStatistics = view.wants(3) || view.wants(4);
      const xhat = () => emit.div(emit.sub(x, spread(mean)), sigma());
      const perChannel = (value: string) =>
        emit.reshape(emit.unbroadcast(value, emit.dims(spread(mean))), emit.dims(mean));
      const factored = wantsStatistics ? emit.div(emit.mul(g, spread(scale)), sigma()) : '';
      return [
        view.wants(0) ? emit.mul(g, channelFactors(view, g, epsilon) ?? emit.div(spread(scale), sigma())) : undefined,
        ...parameterGradients(view, g, view.wants(1) ? xhat() : '', spread),
        view.wants(3) ? emit.op('Neg', [perChannel(factored)]) : undefined,
        view.wants(4) ? perChannel(emit.scale(emit.div(emit.mul(factored, xhat()), sigma()), -0.5)) : undefined,
      ];
    },
  },
  LayerNormalization: {
    shape: (view) => {
      const x = view.input(0);
      const axis = axisOf(intAttribute(view.node, 'axis', -1), x.dims.length);
      const reduced = { type: x.type, dims: x.dims.map((dim, i) => (i < axis ? dim : 1)) };
      return view.node.outputs.map((_, i) => (i === 0 ? x : reduced));
    },
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const axes = trailingAxes(view);
      return affineGradients(view, g, axes, (parameter) => parameter);
    },
  },
  RMSNormalization: {
    shape: (view) => [view.input(0)],
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { emit, node } = view;
      const [x, scale] = node.inputs;
      const axes = trailingAxes(view);
      const count = axes.reduce((n, axis) => n * emit.dims(x)[axis], 1);
      const mean = (value: string) => emit.scale(emit.reduceSum(value, axes, true), 1 / count);
      const epsilon = emit.scalar(x, floatAttribute(node, 'epsilon', 1e-5));
      const rms = emit.op('Sqrt', [emit.add(mean(emit.mul(x, x)), epsilon)]);
      const xhat = emit.div(x, rms);
      const ghat = emit.mul(g, scale);
      const inner = () => emit.sub(ghat, emit.mul(xhat, mean(emit.mul(ghat, xhat))));
      return [
        view.wants(0) ? emit.div(inner(), rms) : undefined,
        ...parameterGradients(view, g, xhat, (parameter) => parameter),
      ];
    },
  },
  InstanceNormalization: {
    shape: (view) => [view.input(0)],
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const [x] = view.node.inputs;
      const axes = view.emit
        .dims(x)
        .slice(2)
        .map((_, i) => i + 2);
      return affineGradients(view, g, axes, (parameter) => alongChannels(view, parameter, x));
    },
  },
  GroupNormalization: {
    shape: (view) => [view.input(0)],
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { emit, node } = view;
      const [x, scale] = node.inputs;
      const dims = emit.dims(x);
      const groups = intAttribute(node, 'num_groups', 1);
      const channels = dims[1];
      const grouped = [dims[0], groups, channels / groups, product(dims.slice(2))];
      // Operator sets 18 to 20 have one scale per group, 21 one per channel.
      const perGroup = emit.dims(scale)[0] === groups && groups !== channels;
      const spread = (parameter: string) =>
        emit.reshape(parameter, perGroup ? [groups, 1, 1] : [groups, channels / groups, 1]);
      const arrived = emit.reshape(g, grouped);
      const standard = standardised(emit, emit.reshape(x, grouped), [2, 3], floatAttribute(node, 'epsilon', 1e-5));
      return [
        view.wants(0)
          ? emit.reshape(throughStandardised(emit, standard, emit.mul(arrived, spread(scale))), dims)
          : undefined,
        ...parameterGradients(view, arrived, standard.xhat, spread),
      ];
    },
  },
  LRN: {
    shape: (view) => [view.input(0)],
    // y = x·D^−β with D = k + α/n·Σ x² over n neighbouring channels.
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { emit, node } = view;
      const [x] = node.inputs;
      const channels = emit.dims(x)[1];
      const size = intAttribute(node, 'size', 1);
      const beta = floatAttribute(node, 'beta', 0.75);
      const alpha = floatAttribute(node, 'alpha', 1e-4) / size;
      const band = matrix(channels, channels);
      for (let c = 0; c < channels; c++) {
        const first = Math.max(0, c - Math.floor((size - 1) / 2));
        const last = Math.min(channels - 1, c + Math.ceil((size - 1) / 2));
        for (let other = first; other <= last; other++) band.values[c * channels + other] = 1;
      }
      const sums = applyAlong(emit, emit.mul(x, x), 1, band);
      const root = emit.add(emit.scale(sums, alpha), emit.scalar(x, floatAttribute(node, 'bias', 1)));
      const scaled = emit.mul(g, emit.op('Pow', [root, emit.scalar(x, -beta)]));
      const neighbours = applyAlong(emit, emit.div(emit.mul(scaled, x), root), 1, transposed(band));
      return [emit.sub(scaled, emit.scale(emit.mul(x, neighbours), 2 * alpha * beta))];
    },
  },
  LpNormalization: {
    shape: (view) => [view.input(0)],
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { emit, node } = view;
      const [x] = node.inputs;
      const [y] = node.outputs;
      const axes = [axisOf(intAttribute(node, 'axis', -1), emit.dims(x).length)];
      const first = intAttribute(node, 'p', 2) === 1;
      const sums = emit.reduceSum(first ? emit.op('Abs', [x]) : emit.mul(x, x), axes, true);
      const norm = first ? sums : emit.op('Sqrt', [sums]);
      // A line of zeros stays one, with gradient 0 as far as it has one.
      const empty = emit.mask('Equal', norm, emit.scalar(norm, 0));
      const along = emit.reduceSum(emit.mul(g, y), axes, true);
      const inner = emit.sub(g, emit.mul(first ? emit.op('Sign', [x]) : y, along));
      const filled = emit.sub(emit.scalar(norm, 1), empty);
      return [emit.mul(inner, emit.div(filled, emit.add(norm, empty)))];
    },
  },
  MeanVarianceNormalization: {
    shape: (view) => [view.input(0)],
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { emit, node } = view;
      const axes = intsAttribute(node, 'axes') ?? [0, 2, 3];
      const rank = emit.dims(g).length;
      const standard = standardised(
        emit,
        node.inputs[0],
        axes.map((axis) => axisOf(axis, rank)),
        // The op guards its division as σ + 10⁻⁹.
        1e-18,
      );
      return [throughStandardised(emit, standard, g)];
    },
  },
};
