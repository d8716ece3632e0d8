import { constantOf, valuesOf } from '../constant.js';
import { intAttribute, stringAttribute } from '../ir.js';
import { addAtIndices, addAtPositions, oneHot } from './axes.js';
import {
  ShapeMismatch,
  axisOf,
  product,
  stridesOf,
  unsupportedOp,
  type GradientView,
  type NodeView,
  type OpRules,
} from './rules.js';

/** Constant integers of an input, as a gradient rule sees them. */
export function constantInts(view: GradientView, index: number): number[] | undefined {
  const name = view.node.inputs[index];
  const constant = name ? view.emit.constantOf(name) : undefined;
  return constant && Array.from(valuesOf(constant));
}

function gatheredDims(view: NodeView): { dims: number[]; axis: number } {
  const x = view.input(0);
  const axis = axisOf(intAttribute(view.node, 'axis', 0), x.dims.length);
  return { dims: [...x.dims.slice(0, axis), ...view.input(1).dims, ...x.dims.slice(axis + 1)], axis };
}

function wrapped(index: number, size: number): number {
  return index < 0 ? index + size : index;
}

/** Position in the flattened data that each element of `indices`, replacing one axis, points to. */
export function elementPositions(
  indices: ArrayLike<number>,
  indexDims: readonly number[],
  axis: number,
  dims: readonly number[],
): number[] {
  const strides = stridesOf(dims);
  const own = stridesOf(indexDims);
  return Array.from(indices, (index, i) =>
    indexDims.reduce((at, size, k) => {
      const along = k === axis ? wrapped(index, dims[axis]) : Math.floor(i / own[k]) % size;
      return at + along * strides[k];
    }, 0),
  );
}

/** Position, counted in rows of the last axes, that each index tuple points to. */
export function tuplePositions(
  indices: ArrayLike<number>,
  indexDims: readonly number[],
  dims: readonly number[],
  batchDims: number,
): { positions: number[]; row: number } {
  const length = indexDims[indexDims.length - 1];
  const named = dims.slice(batchDims, batchDims + length);
  const strides = stridesOf(named);
  const count = product(indexDims.slice(0, -1));
  const batches = product(dims.slice(0, batchDims));
  const perBatch = count / batches;
  const positions = Array.from({ length: count }, (_, i) => {
    let at = Math.floor(i / perBatch) * product(named);
    for (let k = 0; k < length; k++) at += wrapped(indices[i * length + k], named[k]) * strides[k];
    return at;
  });
  return { positions, row: product(dims.slice(batchDims + length)) };
}

/** Gradients of writing `updates` into data at fixed places: rows of `row` elements at `positions`. */
function scatterGradient(view: GradientView, positions: readonly number[], row: number): (string | undefined)[] {
  const g = view.arriving(0);
  if (!g) return [];
  const { emit, node } = view;
  const reduction = stringAttribute(node, 'reduction', 'none');
  if (reduction !== 'none' && reduction !== 'add') {
    throw unsupportedOp(
      node,
      `no gradient rule for a scatter with reduction '${reduction}'`,
      'Choose a later target layer.',
    );
  }
  const dims = emit.dims(node.inputs[0]);
  const rows = product(dims) / row;
  const last = new Map(positions.map((position, i) => [position, i]));
  const kept = (at: ArrayLike<unknown>, keep: (i: number) => boolean) =>
    emit.like(
      g,
      [at.length, 1],
      Array.from(at, (_, i) => (keep(i) ? 1 : 0)),
    );
  const flat = emit.reshape(g, [rows, row]);
  const overwrites = reduction === 'none';
  const masked = () =>
    emit.mul(
      flat,
      kept({ length: rows }, (i) => !last.has(i)),
    );
  const read = () => emit.op('Gather', [flat, emit.ints(positions)], { axis: 0 });
  // Of several updates of one place the last stays.
  const updates = () =>
    overwrites && last.size < positions.length
      ? emit.mul(
          read(),
          kept(positions, (i) => last.get(positions[i]) === i),
        )
      : read();
  return [
    view.wants(0) ? (overwrites ? emit.reshape(masked(), dims) : g) : undefined,
    undefined,
    view.wants(2) ? emit.reshape(updates(), emit.dims(node.inputs[2])) : undefined,
  ];
}

function requireIndices(view: GradientView): number[] {
  const indices = constantInts(view, 1);
  if (indices) return indices;
  throw unsupportedOp(
    view.node,
    'its gradient needs positions that are fixed in the model',
    'Choose a later target layer.',
  );
}

export const gathering: Record<string, OpRules> = {
  Gather: {
    shape: (view) => [{ type: view.input(0).type, dims: gatheredDims(view).dims }],
    evaluate: (view) => {
      const x = view.constant(0);
      const indices = view.constant(1);
      if (!x || !indices) return undefined;
      const { dims, axis } = gatheredDims(view);
      const inner = product(x.dims.slice(axis + 1));
      const size = x.dims[axis];
      const values = valuesOf(x);
      const out: number[] = [];
      for (let outer = 0; outer < product(x.dims.slice(0, axis)); outer++) {
        for (const index of Array.from(valuesOf(indices))) {
          const base = (outer * size + wrapped(index, size)) * inner;
          for (let i = 0; i < inner; i++) out.push(values[base + i]);
        }
      }
      return [constantOf(x.type, dims, out)];
    },
    // Each source element sums the gradients of the places that it was copied to.
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g || !view.wants(0)) return [undefined];
      const { emit, node } = view;
      const dims = emit.dims(node.inputs[0]);
      const axis = axisOf(intAttribute(node, 'axis', 0), dims.length);
      const size = dims[axis];
      const count = product(emit.dims(node.inputs[1]));
      const flat = emit.reshape(g, [product(dims.slice(0, axis)), count, product(dims.slice(axis + 1))]);
      const fixed = constantInts(view, 1)?.map((index) => wrapped(index, size));
      if (fixed) return [emit.reshape(addAtPositions(emit, flat, 1, fixed, size), dims)];
      const hot = oneHot(emit, emit.reshape(node.inputs[1], [count]), size, g);
      return [emit.reshape(emit.op('MatMul', [emit.transpose(hot, [1, 0]), flat]), dims)];
    },
  },
  GatherElements: {
    shape: (view) => [{ type: view.input(0).type, dims: view.input(1).dims }],
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g || !view.wants(0)) return [undefined];
      const { emit, node } = view;
      const [x, indices] = node.inputs;
      const dims = emit.dims(x);
      const axis = axisOf(intAttribute(node, 'axis', 0), dims.length);
      const fixed = constantInts(view, 1);
      if (!fixed) return [addAtIndices(emit, g, indices, axis, dims)];
      const positions = elementPositions(fixed, emit.dims(indices), axis, dims);
      const flat = emit.reshape(g, [positions.length]);
      return [emit.reshape(addAtPositions(emit, flat, 0, positions, product(dims)), dims)];
    },
  },
  GatherND: {
    shape: (view) => {
      const x = view.input(0);
      const indices = view.input(1).dims;
      const batchDims = intAttribute(view.node, 'batch_dims', 0);
      const length = indices[indices.length - 1];
      if (batchDims + length > x.dims.length) throw new ShapeMismatch('its index tuples are longer than the rank');
      return [{ type: x.type, dims: [...indices.slice(0, -1), ...x.dims.slice(batchDims + length)] }];
    },
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g || !view.wants(0)) return [undefined];
      const { emit, node } = view;
      const dims = emit.dims(node.inputs[0]);
      const batchDims = intAttribute(node, 'batch_dims', 0);
      const { positions, row } = tuplePositions(requireIndices(view), emit.dims(node.inputs[1]), dims, batchDims);
      const flat = emit.reshape(g, [positions.length, row]);
      return [emit.reshape(addAtPositions(emit, flat, 0, positions, product(dims) / row), dims)];
    },
  },
  ScatterElements: {
    shape: (view) => [view.input(0)],
    gradient: (view) => {
      const { emit, node } = view;
      const dims = emit.dims(node.inputs[0]);
      const axis = axisOf(intAttribute(node, 'axis', 0), dims.length);
      const g = view.arriving(0);
      if (!constantInts(view, 1) && g && stringAttribute(node, 'reduction', 'none') === 'add') {
        const read = () => emit.op('GatherElements', [g, node.inputs[1]], { axis });
        return [g, undefined, view.wants(2) ? read() : undefined];
      }
      return scatterGradient(view, elementPositions(requireIndices(view), emit.dims(node.inputs[1]), axis, dims), 1);
    },
  },
  ScatterND: {
    shape: (view) => [view.input(0)],
    gradient: (view) => {
      const { emit, node } = view;
      const dims = emit.dims(node.inputs[0]);
      const { positions, row } = tuplePositions(requireIndices(view), emit.dims(node.inputs[1]), dims, 0);
      return scatterGradient(view, positions, row);
    },
  },
};
