import { valuesOf, type Constant } from '../constant.js';
import { intAttribute, intsAttribute, stringAttribute, type ValueShape } from '../ir.js';
import {
  ShapeMismatch,
  UnknownShape,
  axisOf,
  broadcast,
  product,
  stridesOf,
  type Evaluator,
  type GradientRule,
  type NodeView,
  type OpRules,
  type ShapeRule,
} from './rules.js';
import { constantOf } from '../constant.js';

function reshaped(view: NodeView): ValueShape[] {
  const x = view.input(0);
  const spec = intsAttribute(view.node, 'shape') ?? view.ints(1);
  if (!spec) throw new UnknownShape('the target shape is missing');
  return [{ type: x.type, dims: resolveReshape(x.dims, spec, intAttribute(view.node, 'allowzero', 0) === 1) }];
}

/** ONNX Reshape semantics: 0 copies a dim (unless allowzero), −1 takes the rest. */
export function resolveReshape(from: readonly number[], spec: readonly number[], allowZero: boolean): number[] {
  const dims = spec.map((dim, axis) => (dim === 0 && !allowZero ? (from[axis] ?? 0) : dim));
  const total = product(from);
  const open = dims.indexOf(-1);
  if (open >= 0) {
    const others = product(dims.filter((_, axis) => axis !== open));
    dims[open] = others > 0 && total % others === 0 ? total / others : -1;
  }
  if (product(dims) !== total || dims.some((dim) => dim < 0)) {
    throw new ShapeMismatch(`[${from.join(', ')}] does not fit into [${spec.join(', ')}]`);
  }
  return dims;
}

function squeezed(view: NodeView): ValueShape[] {
  const x = view.input(0);
  const given = intsAttribute(view.node, 'axes') ?? view.ints(1);
  const axes = given?.map((axis) => axisOf(axis, x.dims.length));
  return [{ type: x.type, dims: x.dims.filter((dim, axis) => (axes ? !axes.includes(axis) : dim !== 1)) }];
}

function unsqueezed(view: NodeView): ValueShape[] {
  const x = view.input(0);
  const given = intsAttribute(view.node, 'axes') ?? view.ints(1) ?? [];
  const rank = x.dims.length + given.length;
  const axes = given.map((axis) => axisOf(axis, rank));
  const rest = [...x.dims];
  return [
    {
      type: x.type,
      dims: Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : (rest.shift() as number))),
    },
  ];
}

/** Same bytes under another shape. */
function viewed(shape: ShapeRule): Evaluator {
  return (view) => {
    const x = view.constant(0);
    return x && [{ ...x, dims: shape(view)[0].dims }];
  };
}

/** Gradient of an op that only renames axes: the arriving gradient in the input's shape. */
const backToInput: GradientRule = (view) => {
  const g = view.arriving(0);
  return [g && view.emit.reshape(g, view.emit.dims(view.node.inputs[0]))];
};

function renaming(shape: ShapeRule): OpRules {
  return { shape, evaluate: viewed(shape), gradient: backToInput };
}

export function permOf(view: { node: NodeView['node'] }, rank: number): number[] {
  return intsAttribute(view.node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
}

/** Reads `x` at strided positions: the common core of transposing and broadcasting a constant. */
function gathered(x: Constant, dims: readonly number[], strides: readonly number[]): Constant {
  const values = valuesOf(x);
  const out = new Array<number>(product(dims));
  const index = new Array<number>(dims.length).fill(0);
  for (let i = 0; i < out.length; i++) {
    out[i] = values[index.reduce((at, n, axis) => at + n * strides[axis], 0)];
    for (let axis = dims.length - 1; axis >= 0 && ++index[axis] === dims[axis]; axis--) index[axis] = 0;
  }
  return constantOf(x.type, dims, out);
}

function flattened(view: NodeView): ValueShape[] {
  const x = view.input(0);
  const axis = intAttribute(view.node, 'axis', 1);
  const at = axis < 0 ? axis + x.dims.length : axis;
  return [{ type: x.type, dims: [product(x.dims.slice(0, at)), product(x.dims.slice(at))] }];
}

function expanded(view: NodeView): ValueShape[] {
  const x = view.input(0);
  return [{ type: x.type, dims: broadcast(x.dims, view.ints(1) ?? []) }];
}

/** Depth (blocks of channels) to space and back: the gradient of one is the other. */
function blocks(toSpace: boolean): OpRules {
  return {
    shape: (view) => {
      const x = view.input(0);
      const b = intAttribute(view.node, 'blocksize', 1);
      const [n, c, h, w] = x.dims;
      return [{ type: x.type, dims: toSpace ? [n, c / (b * b), h * b, w * b] : [n, c * b * b, h / b, w / b] }];
    },
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { emit, node } = view;
      const b = intAttribute(node, 'blocksize', 1);
      const dims = emit.dims(node.inputs[0]);
      const [n, , h, w] = toSpace ? dims : emit.dims(g);
      const c = (toSpace ? emit.dims(g) : dims)[1];
      // Deep: [n,b,b,c,h,w], or [n,c,b,b,h,w] in column order. Wide: [n,c,h,b,w,b].
      const columns = stringAttribute(node, 'mode', 'DCR') === 'CRD';
      const deep = columns ? [n, c, b, b, h, w] : [n, b, b, c, h, w];
      const widening = columns ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2];
      if (!toSpace) return [emit.reshape(emit.transpose(emit.reshape(g, deep), widening), dims)];
      const narrowing = widening.map((_, axis) => widening.indexOf(axis));
      return [emit.reshape(emit.transpose(emit.reshape(g, [n, c, h, b, w, b]), narrowing), dims)];
    },
  };
}

export const reshaping: Record<string, OpRules> = {
  Reshape: renaming(reshaped),
  Flatten: renaming(flattened),
  Squeeze: renaming(squeezed),
  Unsqueeze: renaming(unsqueezed),
  Transpose: {
    shape: (view) => {
      const x = view.input(0);
      return [{ type: x.type, dims: permOf(view, x.dims.length).map((axis) => x.dims[axis]) }];
    },
    evaluate: (view) => {
      const x = view.constant(0);
      if (!x) return undefined;
      const perm = permOf(view, x.dims.length);
      const strides = stridesOf(x.dims);
      return [
        gathered(
          x,
          perm.map((axis) => x.dims[axis]),
          perm.map((axis) => strides[axis]),
        ),
      ];
    },
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const perm = permOf(view, view.emit.dims(g).length);
      return [
        view.emit.transpose(
          g,
          perm.map((_, axis) => perm.indexOf(axis)),
        ),
      ];
    },
  },
  Expand: {
    shape: expanded,
    evaluate: (view) => {
      const x = view.constant(0);
      if (!x) return undefined;
      const dims = expanded(view)[0].dims;
      const own = stridesOf(x.dims);
      const lead = dims.length - x.dims.length;
      return [
        gathered(
          x,
          dims,
          dims.map((_, axis) => (axis < lead || x.dims[axis - lead] === 1 ? 0 : own[axis - lead])),
        ),
      ];
    },
    gradient: (view) => {
      const g = view.arriving(0);
      return [g && view.emit.unbroadcast(g, view.emit.dims(view.node.inputs[0]))];
    },
  },
  DepthToSpace: blocks(true),
  SpaceToDepth: blocks(false),
};
