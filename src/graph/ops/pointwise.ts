import { constantOf, valuesOf, type Constant } from '../constant.js';
import type { Emitter } from '../emitter.js';
import { floatAttribute, stringAttribute } from '../ir.js';
import { sameAsInput, type Evaluator, type GradientView, type NodeView, type OpRules } from './rules.js';

/** x → derivative at x, given the node's output y where that is cheaper. Undefined gradient = zero everywhere. */
type Derivative = (emit: Emitter, x: string, y: string, view: GradientView) => string;

/** An op that maps each element on its own: same shape, gradient = arriving · derivative. */
function unary(derivative?: Derivative, compute?: (x: number) => number): OpRules {
  return {
    shape: (view) => [view.input(0)],
    evaluate: compute && mapped(compute),
    gradient:
      derivative &&
      ((view) => {
        const arriving = view.arriving(0);
        if (!arriving) return [undefined];
        return [view.emit.mul(arriving, derivative(view.emit, view.node.inputs[0], view.node.outputs[0], view))];
      }),
  };
}

/** An op that is constant between its jumps: gradient 0 wherever it has one. */
function steps(compute?: (x: number) => number): OpRules {
  return { shape: (view) => [view.input(0)], evaluate: compute && mapped(compute), gradient: () => [undefined] };
}

function mapped(compute: (x: number) => number): Evaluator {
  return (view) => {
    const x = view.constant(0);
    return x && [constantOf(x.type, x.dims, Array.from(valuesOf(x), compute))];
  };
}

const one = (emit: Emitter, like: string) => emit.scalar(like, 1);
const zero = (emit: Emitter, like: string) => emit.scalar(like, 0);
const positive = (emit: Emitter, x: string) => emit.mask('Greater', x, zero(emit, x));

/** 1 where low < x < high. */
function between(emit: Emitter, x: string, low: string | undefined, high: string | undefined): string | undefined {
  const above = low && emit.mask('Greater', x, low);
  const below = high && emit.mask('Less', x, high);
  return above && below ? emit.mul(above, below) : (above ?? below);
}

/** where(x > 0, 1, slope). */
function slopes(emit: Emitter, x: string, slope: string): string {
  const mask = positive(emit, x);
  return emit.add(mask, emit.mul(emit.sub(one(emit, x), mask), slope));
}

/** Identity in inference: Dropout, Identity. */
const passing: OpRules = {
  // Dropout's optional second output is a mask.
  shape: (view) =>
    view.node.outputs.map((_, i) => (i === 0 ? view.input(0) : { ...view.input(0), type: 'bool' as const })),
  evaluate: (view) => (view.node.outputs.length === 1 && view.constant(0) ? [view.constant(0) as Constant] : undefined),
  gradient: (view) => [view.arriving(0)],
};

function clipBounds(view: GradientView): [string | undefined, string | undefined] {
  const { node, emit } = view;
  if (view.opset >= 11) return [node.inputs[1] || undefined, node.inputs[2] || undefined];
  const x = node.inputs[0];
  const bound = (name: string) => (node.attributes[name] ? emit.scalar(x, floatAttribute(node, name, 0)) : undefined);
  return [bound('min'), bound('max')];
}

const sqrt2 = Math.SQRT2;

/** Φ'(x) = exp(−x²/2)/√(2π). */
function normalDensity(emit: Emitter, x: string): string {
  return emit.scale(emit.op('Exp', [emit.scale(emit.mul(x, x), -0.5)]), 1 / Math.sqrt(2 * Math.PI));
}

function inverseRoot(emit: Emitter, x: string): string {
  return emit.op('Reciprocal', [emit.op('Sqrt', [x])]);
}

export const pointwise: Record<string, OpRules> = {
  Identity: passing,
  Dropout: passing,
  // Gradient 0 at 0, as PyTorch.
  Relu: unary(
    (emit, x) => positive(emit, x),
    (x) => Math.max(x, 0),
  ),
  LeakyRelu: unary((emit, x, _y, { node }) => slopes(emit, x, emit.scalar(x, floatAttribute(node, 'alpha', 0.01)))),
  PRelu: {
    shape: sameAsInput,
    gradient: (view) => {
      const [x, slope] = view.node.inputs;
      const arriving = view.arriving(0);
      if (!arriving) return [];
      const { emit } = view;
      const below = () => emit.mul(x, emit.sub(one(emit, x), positive(emit, x)));
      return [
        view.wants(0) ? emit.mul(arriving, slopes(emit, x, slope)) : undefined,
        view.wants(1) ? emit.unbroadcast(emit.mul(arriving, below()), emit.dims(slope)) : undefined,
      ];
    },
  },
  Elu: unary((emit, x, y, { node }) => {
    const alpha = floatAttribute(node, 'alpha', 1);
    const mask = positive(emit, x);
    // Below 0, y = α(eˣ − 1), so the derivative is y + α.
    return emit.add(mask, emit.mul(emit.sub(one(emit, x), mask), emit.add(y, emit.scalar(x, alpha))));
  }),
  Selu: unary((emit, x, y, { node }) => {
    const alpha = floatAttribute(node, 'alpha', 1.6732632423543772);
    const gamma = floatAttribute(node, 'gamma', 1.0507009873554805);
    const mask = positive(emit, x);
    const below = emit.add(y, emit.scalar(x, alpha * gamma));
    return emit.add(emit.scale(mask, gamma), emit.mul(emit.sub(one(emit, x), mask), below));
  }),
  Celu: unary((emit, x, y, { node }) => {
    // Below 0, y = α(exp(x/α) − 1), so the derivative is y/α + 1.
    const mask = positive(emit, x);
    const below = emit.add(emit.scale(y, 1 / floatAttribute(node, 'alpha', 1)), one(emit, x));
    return emit.add(mask, emit.mul(emit.sub(one(emit, x), mask), below));
  }),
  ThresholdedRelu: unary((emit, x, _y, { node }) =>
    emit.mask('Greater', x, emit.scalar(x, floatAttribute(node, 'alpha', 1))),
  ),
  Shrink: unary((emit, x, _y, { node }) =>
    emit.mask('Greater', emit.op('Abs', [x]), emit.scalar(x, floatAttribute(node, 'lambd', 0.5))),
  ),
  Clip: {
    shape: (view) => [view.input(0)],
    gradient: (view) => {
      const arriving = view.arriving(0);
      if (!arriving) return [undefined];
      const { emit, node } = view;
      const [x] = node.inputs;
      const [low, high] = clipBounds(view);
      const mask = between(emit, x, low, high);
      const cut = (index: 1 | 2, op: 'Less' | 'Greater', bound: string | undefined) =>
        bound && view.wants(index)
          ? emit.unbroadcast(emit.mul(arriving, emit.mask(op, x, bound)), emit.dims(bound))
          : undefined;
      return [
        mask && view.wants(0) ? emit.mul(arriving, mask) : arriving,
        cut(1, 'Less', low),
        cut(2, 'Greater', high),
      ];
    },
  },
  HardSigmoid: unary((emit, x, y, { node }) => {
    const mask = between(emit, y, zero(emit, x), one(emit, x)) as string;
    return emit.scale(mask, floatAttribute(node, 'alpha', 0.2));
  }),
  HardSwish: unary((emit, x) => {
    // x·clip(x/6 + 1/2, 0, 1): 0 below −3, 1 above 3, (2x + 3)/6 between.
    const above = emit.mask('Greater', x, emit.scalar(x, 3));
    const inside = between(emit, x, emit.scalar(x, -3), emit.scalar(x, 3)) as string;
    return emit.add(above, emit.mul(inside, emit.add(emit.scale(x, 1 / 3), emit.scalar(x, 0.5))));
  }),
  Sigmoid: unary(
    (emit, x, y) => emit.mul(y, emit.sub(one(emit, x), y)),
    (x) => 1 / (1 + Math.exp(-x)),
  ),
  Tanh: unary((emit, x, y) => emit.sub(one(emit, x), emit.mul(y, y)), Math.tanh),
  Softplus: unary((emit, x) => emit.op('Sigmoid', [x])),
  Softsign: unary((emit, x) => {
    const root = emit.add(emit.op('Abs', [x]), one(emit, x));
    return emit.op('Reciprocal', [emit.mul(root, root)]);
  }),
  Mish: unary((emit, x) => {
    // (x·t)' = t + x·σ(x)·(1 − t²) with t = tanh(softplus(x)).
    const t = emit.op('Tanh', [emit.op('Softplus', [x])]);
    const bell = emit.mul(emit.op('Sigmoid', [x]), emit.sub(one(emit, x), emit.mul(t, t)));
    return emit.add(t, emit.mul(x, bell));
  }),
  Swish: unary((emit, x, y, { node }) => {
    const alpha = floatAttribute(node, 'alpha', 1);
    const s = emit.op('Sigmoid', [emit.scale(x, alpha)]);
    // (x·s)' = s + αxs(1 − s) = s + αy(1 − s).
    return emit.add(s, emit.scale(emit.mul(y, emit.sub(one(emit, x), s)), alpha));
  }),
  Gelu: unary((emit, x, _y, { node }) => {
    if (stringAttribute(node, 'approximate', 'none') === 'none') {
      const cdf = emit.scale(emit.add(emit.op('Erf', [emit.scale(x, 1 / sqrt2)]), one(emit, x)), 0.5);
      return emit.add(cdf, emit.mul(x, normalDensity(emit, x)));
    }
    const root = Math.sqrt(2 / Math.PI);
    const square = emit.mul(x, x);
    const t = emit.op('Tanh', [emit.mul(emit.scale(x, root), emit.add(emit.scale(square, 0.044715), one(emit, x)))]);
    const slope = emit.scale(emit.add(emit.scale(square, 3 * 0.044715), one(emit, x)), root);
    const bell = emit.mul(emit.mul(x, emit.sub(one(emit, x), emit.mul(t, t))), slope);
    return emit.scale(emit.add(emit.add(t, one(emit, x)), bell), 0.5);
  }),
  Erf: unary((emit, x) => emit.scale(emit.op('Exp', [emit.op('Neg', [emit.mul(x, x)])]), 2 / Math.sqrt(Math.PI))),
  Exp: unary((_emit, _x, y) => y, Math.exp),
  Log: unary((emit, x) => emit.op('Reciprocal', [x]), Math.log),
  Sqrt: unary((emit, _x, y) => emit.scale(emit.op('Reciprocal', [y]), 0.5), Math.sqrt),
  Reciprocal: unary(
    (emit, _x, y) => emit.op('Neg', [emit.mul(y, y)]),
    (x) => 1 / x,
  ),
  Neg: unary(
    (emit, x) => emit.scalar(x, -1),
    (x) => -x,
  ),
  Abs: unary((emit, x) => emit.sub(positive(emit, x), emit.mask('Less', x, zero(emit, x))), Math.abs),
  Floor: steps(Math.floor),
  Ceil: steps(Math.ceil),
  Round: steps(),
  Sign: steps(Math.sign),
  Sin: unary((emit, x) => emit.op('Cos', [x]), Math.sin),
  Cos: unary((emit, x) => emit.op('Neg', [emit.op('Sin', [x])]), Math.cos),
  // 1 + tan²
  Tan: unary((emit, x, y) => emit.add(emit.mul(y, y), one(emit, x)), Math.tan),
  Asin: unary((emit, x) => inverseRoot(emit, emit.sub(one(emit, x), emit.mul(x, x))), Math.asin),
  Acos: unary((emit, x) => emit.op('Neg', [inverseRoot(emit, emit.sub(one(emit, x), emit.mul(x, x)))]), Math.acos),
  Atan: unary((emit, x) => emit.op('Reciprocal', [emit.add(emit.mul(x, x), one(emit, x))]), Math.atan),
  Sinh: unary((emit, x) => emit.op('Cosh', [x]), Math.sinh),
  Cosh: unary((emit, x) => emit.op('Sinh', [x]), Math.cosh),
  Asinh: unary((emit, x) => inverseRoot(emit, emit.add(emit.mul(x, x), one(emit, x))), Math.asinh),
  Acosh: unary((emit, x) => inverseRoot(emit, emit.sub(emit.mul(x, x), one(emit, x))), Math.acosh),
  Atanh: unary((emit, x) => emit.op('Reciprocal', [emit.sub(one(emit, x), emit.mul(x, x))]), Math.atanh),
  Not: {
    shape: sameAsInput,
    evaluate: mapped((x) => (x ? 0 : 1)),
  },
  IsNaN: { shape: (view: NodeView) => [{ type: 'bool', dims: view.input(0).dims }] },
  QuantizeLinear: { shape: (view) => [{ type: view.has(2) ? view.input(2).type : 'u8', dims: view.input(0).dims }] },
  DequantizeLinear: { shape: (view) => [{ type: view.input(1).type, dims: view.input(0).dims }] },
};
