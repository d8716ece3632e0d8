import { constantOf, valuesOf } from '../constant.js';
import { intAttribute, intsAttribute, type Node } from '../ir.js';
import { firstMaximum } from './pooling.js';
import { axisOf, product, stridesOf, type Evaluator, type GradientView, type NodeView, type OpRules } from './rules.js';

/** Reduced axes: attribute in older operator sets, second input in newer ones, all axes by default. */
export function axesOf(node: Node, rank: number, given: number[] | undefined): number[] {
  const axes = intsAttribute(node, 'axes') ?? given;
  if (axes?.length) return axes.map((axis) => axisOf(axis, rank)).sort((a, b) => a - b);
  if (intAttribute(node, 'noop_with_empty_axes', 0) === 1) return [];
  return Array.from({ length: rank }, (_, i) => i);
}

function reduced(dims: readonly number[], axes: readonly number[], keepdims: boolean): number[] {
  return dims.flatMap((dim, axis) => (!axes.includes(axis) ? [dim] : keepdims ? [1] : []));
}

function shapeOf(view: NodeView) {
  const x = view.input(0);
  const axes = axesOf(view.node, x.dims.length, view.ints(1));
  return [{ type: x.type, dims: reduced(x.dims, axes, intAttribute(view.node, 'keepdims', 1) === 1) }];
}

/** Folds a constant, accumulating from the first element on. */
function folded(
  combine: (total: number, value: number) => number,
  finish = (total: number, _count: number) => total,
): Evaluator {
  return (view) => {
    const x = view.constant(0);
    if (!x || product(x.dims) === 0) return undefined;
    const axes = axesOf(view.node, x.dims.length, view.ints(1));
    const kept = reduced(x.dims, axes, true);
    const strides = stridesOf(kept);
    const from = stridesOf(x.dims);
    const values = valuesOf(x);
    const totals = new Array<number>(product(kept));
    const seen = new Array<boolean>(totals.length).fill(false);
    for (let i = 0; i < values.length; i++) {
      let at = 0;
      for (let axis = 0; axis < kept.length; axis++)
        if (kept[axis] > 1) at += (Math.floor(i / from[axis]) % x.dims[axis]) * strides[axis];
      totals[at] = seen[at] ? combine(totals[at], values[i]) : values[i];
      seen[at] = true;
    }
    const count = values.length / totals.length;
    const dims = reduced(x.dims, axes, intAttribute(view.node, 'keepdims', 1) === 1);
    return [
      constantOf(
        x.type,
        dims,
        totals.map((total) => finish(total, count)),
      ),
    ];
  };
}

/** The arriving gradient with the reduced axes back as size 1, and what was reduced. */
function restored(
  view: GradientView,
): { g: string; x: string; axes: number[]; dims: readonly number[]; kept: number[] } | undefined {
  const g = view.arriving(0);
  if (!g) return undefined;
  const { emit, node } = view;
  const [x, given] = node.inputs;
  const constant = given ? emit.constantOf(given) : undefined;
  const dims = emit.dims(x);
  const axes = axesOf(node, dims.length, constant && Array.from(valuesOf(constant)));
  const kept = reduced(dims, axes, true);
  return { g: emit.reshape(g, kept), x, axes, dims, kept };
}

/** Spreads the gradient evenly, times `factor(count)`. */
const evenly =
  (factor: (count: number) => number) =>
  (view: GradientView): (string | undefined)[] => {
    const r = restored(view);
    if (!r) return [undefined];
    const ones = r.dims.map((dim, axis) => (r.axes.includes(axis) ? dim : 1));
    const count = product(ones);
    return [view.emit.mul(r.g, view.emit.like(r.g, ones, new Float32Array(count).fill(factor(count))))];
  };

function extremeGradient(sign: 1 | -1) {
  return (view: GradientView): (string | undefined)[] => {
    const r = restored(view);
    if (!r) return [undefined];
    const { emit } = view;
    // Reduced axes last, each group a row: the gradient goes to its first extreme.
    const others = r.dims.flatMap((_, axis) => (r.axes.includes(axis) ? [] : [axis]));
    const perm = [...others, ...r.axes];
    const rows = product(others.map((axis) => r.dims[axis]));
    const flat = emit.reshape(emit.transpose(r.x, perm), [1, rows, product(r.dims) / rows]);
    const hit = firstMaximum(view, sign === 1 ? flat : emit.op('Neg', [flat]), emit.reshape(r.g, [1, rows, 1]));
    const back = perm.map((_, axis) => perm.indexOf(axis));
    return [
      emit.transpose(
        emit.reshape(
          hit,
          perm.map((axis) => r.dims[axis]),
        ),
        back,
      ),
    ];
  };
}

function argument(view: NodeView) {
  const x = view.input(0);
  const axis = axisOf(intAttribute(view.node, 'axis', 0), x.dims.length);
  return [{ type: 'i64' as const, dims: reduced(x.dims, [axis], intAttribute(view.node, 'keepdims', 1) === 1) }];
}

export const reduction: Record<string, OpRules> = {
  ReduceMean: {
    shape: shapeOf,
    evaluate: folded(
      (a, b) => a + b,
      (sum, n) => sum / n,
    ),
    gradient: evenly((count) => 1 / count),
  },
  ReduceSum: { shape: shapeOf, evaluate: folded((a, b) => a + b), gradient: evenly(() => 1) },
  ReduceProd: {
    shape: shapeOf,
    evaluate: folded((a, b) => a * b),
    // The product of all others: zeros count as 1, and as 0 again wherever another element is a zero.
    gradient: (view) => {
      const r = restored(view);
      if (!r) return [undefined];
      const { emit } = view;
      if (r.axes.length === 0) return [r.g];
      const zeros = emit.mask('Equal', r.x, emit.scalar(r.x, 0));
      const safe = emit.add(r.x, zeros);
      const inputs = emit.opset < 18 ? [safe] : [safe, emit.ints(r.axes)];
      const whole = emit.op('ReduceProd', inputs, emit.opset < 18 ? { axes: r.axes, keepdims: 1 } : { keepdims: 1 });
      const others = emit.sub(emit.reduceSum(zeros, r.axes, true), zeros);
      const free = emit.mask('Equal', others, emit.scalar(others, 0));
      return [emit.mul(emit.mul(r.g, whole), emit.div(free, safe))];
    },
  },
  ReduceMax: { shape: shapeOf, evaluate: folded(Math.max), gradient: extremeGradient(1) },
  ReduceMin: { shape: shapeOf, evaluate: folded(Math.min), gradient: extremeGradient(-1) },
  ReduceL1: {
    shape: shapeOf,
    gradient: (view) => {
      const r = restored(view);
      return [r && view.emit.mul(r.g, view.emit.op('Sign', [r.x]))];
    },
  },
  ReduceL2: {
    shape: shapeOf,
    gradient: (view) => {
      const r = restored(view);
      if (!r) return [undefined];
      const { emit } = view;
      // Elements that are all zero have norm 0: gradient 0, as PyTorch.
      const norm = emit.reshape(view.node.outputs[0], r.kept);
      const safe = emit.add(norm, emit.mask('Equal', norm, emit.scalar(norm, 0)));
      return [emit.mul(emit.div(r.g, safe), r.x)];
    },
  },
  ReduceLogSum: {
    shape: shapeOf,
    gradient: (view) => {
      const r = restored(view);
      if (!r) return [undefined];
      const { emit } = view;
      const total = emit.op('Exp', [emit.reshape(view.node.outputs[0], r.kept)]);
      const ones = r.dims.map((dim, axis) => (r.axes.includes(axis) ? dim : 1));
      return [emit.mul(emit.div(r.g, total), emit.like(r.g, ones, new Float32Array(product(ones)).fill(1)))];
    },
  },
  ReduceLogSumExp: {
    shape: shapeOf,
    gradient: (view) => {
      const r = restored(view);
      if (!r) return [undefined];
      const { emit } = view;
      return [emit.mul(r.g, emit.op('Exp', [emit.sub(r.x, emit.reshape(view.node.outputs[0], r.kept))]))];
    },
  },
  ReduceSumSquare: {
    shape: shapeOf,
    gradient: (view) => {
      const r = restored(view);
      return [r && view.emit.mul(view.emit.scale(r.g, 2), r.x)];
    },
  },
  ArgMax: { shape: argument },
  ArgMin: { shape: argument },
};
