import { constantOf, valuesOf, type Constant, type ElementType } from '../constant.js';
import { intAttribute } from '../ir.js';
import {
  broadcast,
  product,
  stridesOf,
  unsupportedOp,
  type Evaluator,
  type GradientRule,
  type NodeView,
  type OpRules,
} from './rules.js';

function broadcastShape(
  type?: ElementType,
  typeInput = 0,
): (view: NodeView) => { type: ElementType; dims: number[] }[] {
  return (view) => [{ type: type ?? view.input(typeInput).type, dims: broadcast(...view.inputs().map((s) => s.dims)) }];
}

/** Elementwise evaluation of broadcast constants. */
function evaluated(compute: (...values: number[]) => number, type?: ElementType, typeInput = 0): Evaluator {
  return (view) => {
    const constants: Constant[] = [];
    for (let i = 0; i < view.node.inputs.length; i++) {
      const constant = view.constant(i);
      if (!constant) return undefined;
      constants.push(constant);
    }
    const dims = broadcast(...constants.map((c) => c.dims));
    const arrays = constants.map(valuesOf);
    const strides = constants.map((c) => {
      const own = stridesOf(c.dims);
      return dims.map((_, axis) => {
        const at = axis - (dims.length - c.dims.length);
        return at < 0 || c.dims[at] === 1 ? 0 : own[at];
      });
    });
    const out = new Array<number>(product(dims));
    const index = new Array<number>(dims.length).fill(0);
    for (let i = 0; i < out.length; i++) {
      out[i] = compute(...arrays.map((array, k) => array[index.reduce((at, n, axis) => at + n * strides[k][axis], 0)]));
      for (let axis = dims.length - 1; axis >= 0 && ++index[axis] === dims[axis]; axis--) index[axis] = 0;
    }
    return [constantOf(type ?? constants[typeInput].type, dims, out)];
  };
}

function floatOrTruncated(view: NodeView, quotient: number): number {
  const type = view.constant(0)?.type;
  return type === 'f32' || type === 'f64' || type === 'f16' || type === 'bf16' ? quotient : Math.trunc(quotient);
}

/** Gradients of a two-input op, each summed over the axes that broadcasting added. */
function both(
  partials: (view: Parameters<GradientRule>[0], g: string, a: string, b: string) => [() => string, () => string],
): GradientRule {
  return (view) => {
    const g = view.arriving(0);
    if (!g) return [undefined, undefined];
    const [a, b] = view.node.inputs;
    const rules = partials(view, g, a, b);
    return [a, b].map((input, i) =>
      view.wants(i) ? view.emit.unbroadcast(rules[i](), view.emit.dims(input)) : undefined,
    );
  };
}

const spread: GradientRule = (view) => {
  const g = view.arriving(0);
  return view.node.inputs.map((input, i) =>
    g && view.wants(i) ? view.emit.unbroadcast(g, view.emit.dims(input)) : undefined,
  );
};

const comparison = (compute: (a: number, b: number) => boolean): OpRules => ({
  shape: broadcastShape('bool'),
  evaluate: evaluated((a, b) => (compute(a, b) ? 1 : 0), 'bool'),
});

/** The extreme of several values: the gradient goes to the first input that attains it. */
const extreme = (compute: (...values: number[]) => number): OpRules => ({
  shape: broadcastShape(),
  evaluate: evaluated(compute),
  gradient: (view) => {
    const g = view.arriving(0);
    if (!g) return view.node.inputs.map(() => undefined);
    const { emit, node } = view;
    let free: string | undefined;
    return node.inputs.map((input, i) => {
      const hit = emit.mask('Equal', input, node.outputs[0]);
      const mine = free ? emit.mul(hit, free) : hit;
      const rest = emit.sub(emit.scalar(hit, 1), hit);
      free = free ? emit.mul(free, rest) : rest;
      return view.wants(i) ? emit.unbroadcast(emit.mul(g, mine), emit.dims(input)) : undefined;
    });
  },
});

export const arithmetic: Record<string, OpRules> = {
  Add: { shape: broadcastShape(), evaluate: evaluated((a, b) => a + b), gradient: spread },
  Sum: { shape: broadcastShape(), evaluate: evaluated((...v) => v.reduce((a, b) => a + b, 0)), gradient: spread },
  Sub: {
    shape: broadcastShape(),
    evaluate: evaluated((a, b) => a - b),
    gradient: both(({ emit }, g) => [() => g, () => emit.op('Neg', [g])]),
  },
  Mul: {
    shape: broadcastShape(),
    evaluate: evaluated((a, b) => a * b),
    gradient: both(({ emit }, g, a, b) => [() => emit.mul(g, b), () => emit.mul(g, a)]),
  },
  Div: {
    shape: broadcastShape(),
    evaluate: (view) => evaluated((a, b) => floatOrTruncated(view, a / b))(view),
    gradient: both(({ emit, node }, g, _a, b) => [
      () => emit.div(g, b),
      () => emit.op('Neg', [emit.div(emit.mul(g, node.outputs[0]), b)]),
    ]),
  },
  Pow: {
    shape: broadcastShape(),
    evaluate: evaluated((a, b) => a ** b),
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined, undefined];
      const { emit, node } = view;
      const [base, exponent] = node.inputs;
      const power = emit.constantOf(exponent);
      const value = power && product(power.dims) === 1 ? valuesOf(power)[0] : undefined;
      // x² is by far the most common power (layer normalisation), and x¹ needs no Pow at all.
      const slope = () =>
        value === 2
          ? emit.scale(base, 2)
          : emit.mul(emit.cast(exponent, emit.type(base)), emit.op('Pow', [base, lessOne(view, exponent)]));
      return [
        view.wants(0) ? emit.unbroadcast(emit.mul(g, slope()), emit.dims(base)) : undefined,
        view.wants(1) ? emit.unbroadcast(emit.mul(g, growth(view)), emit.dims(exponent)) : undefined,
      ];
    },
  },
  Mod: {
    shape: broadcastShape(),
    // fmod takes the sign of the dividend, the other kind that of the divisor.
    evaluate: (view) =>
      evaluated(intAttribute(view.node, 'fmod', 0) ? (a, b) => a % b : (a, b) => a - b * Math.floor(a / b))(view),
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [];
      if (view.wants(1))
        throw unsupportedOp(view.node, 'no gradient with respect to a divisor', 'Choose a later target layer.');
      return [view.emit.unbroadcast(g, view.emit.dims(view.node.inputs[0]))];
    },
  },
  Min: extreme(Math.min),
  Max: extreme(Math.max),
  Mean: {
    shape: broadcastShape(),
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [];
      const share = view.emit.scale(g, 1 / view.node.inputs.length);
      return view.node.inputs.map((input, i) =>
        view.wants(i) ? view.emit.unbroadcast(share, view.emit.dims(input)) : undefined,
      );
    },
  },
  Equal: comparison((a, b) => a === b),
  Greater: comparison((a, b) => a > b),
  GreaterOrEqual: comparison((a, b) => a >= b),
  Less: comparison((a, b) => a < b),
  LessOrEqual: comparison((a, b) => a <= b),
  And: comparison((a, b) => Boolean(a) && Boolean(b)),
  Or: comparison((a, b) => Boolean(a) || Boolean(b)),
  Xor: comparison((a, b) => Boolean(a) !== Boolean(b)),
  Where: {
    shape: broadcastShape(undefined, 1),
    evaluate: evaluated((condition, a, b) => (condition ? a : b), undefined, 1),
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [];
      const { emit, node } = view;
      const [condition, a, b] = node.inputs;
      const mask = emit.cast(condition, emit.type(g));
      const other = () => emit.sub(emit.scalar(g, 1), mask);
      return [
        undefined,
        view.wants(1) ? emit.unbroadcast(emit.mul(g, mask), emit.dims(a)) : undefined,
        view.wants(2) ? emit.unbroadcast(emit.mul(g, other()), emit.dims(b)) : undefined,
      ];
    },
  },
};

/** d(aᵇ)/db = aᵇ·ln a, 0 where a is 0. */
function growth({ emit, node }: Parameters<GradientRule>[0]): string {
  const [base] = node.inputs;
  const zeros = emit.mask('Equal', base, emit.scalar(base, 0));
  return emit.mul(node.outputs[0], emit.op('Log', [emit.add(base, zeros)]));
}

function lessOne({ emit }: Parameters<GradientRule>[0], exponent: string): string {
  return emit.sub(exponent, emit.scalar(exponent, 1));
}
