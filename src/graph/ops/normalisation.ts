import { valuesOf } from '../constant.js';
import { floatAttribute, intAttribute } from '../ir.js';
import { axisOf, product, unsupportedOp, type GradientView, type OpRules } from './rules.js';

const laterLayer = 'Choose a later target layer.';

/** x̂'s gradient of a normalisation over `axes`: (ĝ − mean(ĝ) − x̂·mean(ĝ·x̂)) / σ. */
function throughStandardised(
  { emit }: GradientView,
  x: string,
  ghat: string,
  axes: readonly number[],
  epsilon: number,
): string {
  const count = axes.reduce((n, axis) => n * emit.dims(x)[axis], 1);
  const mean = (value: string) => emit.scale(emit.reduceSum(value, axes, true), 1 / count);
  const centred = emit.sub(x, mean(x));
  const variance = mean(emit.mul(centred, centred));
  const sigma = emit.op('Sqrt', [emit.add(variance, emit.scalar(x, epsilon))]);
  const xhat = emit.div(centred, sigma);
  const inner = emit.sub(emit.sub(ghat, mean(ghat)), emit.mul(xhat, mean(emit.mul(ghat, xhat))));
  return emit.div(inner, sigma);
}

function refuseParameters(view: GradientView): void {
  if (view.node.inputs.some((_, i) => i > 0 && view.wants(i))) {
    throw unsupportedOp(view.node, 'its parameters depend on the target layer, which has no gradient rule', laterLayer);
  }
}

/** A parameter vector [C] shaped to broadcast along axis 1 of `x`. */
function alongChannels({ emit }: GradientView, parameter: string, x: string): string {
  const dims = emit.dims(x);
  return emit.reshape(parameter, [dims[1], ...dims.slice(2).map(() => 1)]);
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
      refuseParameters(view);
      const { emit, node } = view;
      if (intAttribute(node, 'training_mode', 0) === 1) {
        throw unsupportedOp(
          node,
          'it is in training mode, where samples of a batch influence each other',
          'Call model.eval() before exporting.',
        );
      }
      const [x, scale, , , variance] = node.inputs;
      const epsilon = floatAttribute(node, 'epsilon', 1e-5);
      const scales = emit.constantOf(scale);
      const variances = emit.constantOf(variance);
      if (scales && variances) {
        const v = valuesOf(variances);
        const factors = Array.from(valuesOf(scales), (s, c) => s / Math.sqrt(v[c] + epsilon));
        const spatial = emit
          .dims(x)
          .slice(2)
          .map(() => 1);
        return [emit.mul(g, emit.like(g, [factors.length, ...spatial], factors))];
      }
      const sigma = emit.op('Sqrt', [emit.add(variance, emit.scalar(variance, epsilon))]);
      return [emit.mul(g, alongChannels(view, emit.div(scale, sigma), x))];
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
      refuseParameters(view);
      const { emit, node } = view;
      const [x, scale] = node.inputs;
      const rank = emit.dims(x).length;
      const first = axisOf(intAttribute(node, 'axis', -1), rank);
      const axes = Array.from({ length: rank - first }, (_, i) => first + i);
      return [throughStandardised(view, x, emit.mul(g, scale), axes, floatAttribute(node, 'epsilon', 1e-5))];
    },
  },
  InstanceNormalization: {
    shape: (view) => [view.input(0)],
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      refuseParameters(view);
      const { emit, node } = view;
      const [x, scale] = node.inputs;
      const axes = emit
        .dims(x)
        .slice(2)
        .map((_, i) => i + 2);
      return [
        throughStandardised(
          view,
          x,
          emit.mul(g, alongChannels(view, scale, x)),
          axes,
          floatAttribute(node, 'epsilon', 1e-5),
        ),
      ];
    },
  },
  GroupNormalization: {
    shape: (view) => [view.input(0)],
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      refuseParameters(view);
      const { emit, node } = view;
      const [x, scale] = node.inputs;
      const dims = emit.dims(x);
      const groups = intAttribute(node, 'num_groups', 1);
      const channels = dims[1];
      // Operator sets 18 to 20 have one scale per group, 21 one per channel.
      const perGroup = emit.dims(scale)[0] === groups && groups !== channels;
      const grouped = [dims[0], groups, channels / groups, product(dims.slice(2))];
      const scaled = perGroup
        ? emit.mul(emit.reshape(g, grouped), emit.reshape(scale, [groups, 1, 1]))
        : emit.reshape(emit.mul(g, alongChannels(view, scale, x)), grouped);
      const gradient = throughStandardised(
        view,
        emit.reshape(x, grouped),
        scaled,
        [2, 3],
        floatAttribute(node, 'epsilon', 1e-5),
      );
      return [emit.reshape(gradient, dims)];
    },
  },
  LRN: { shape: (view) => [view.input(0)] },
  LpNormalization: { shape: (view) => [view.input(0)] },
  MeanVarianceNormalization: { shape: (view) => [view.input(0)] },
};
