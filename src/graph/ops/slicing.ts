import { constantOf, valuesOf } from '../constant.js';
import { intAttribute, intsAttribute, stringAttribute, type ValueShape } from '../ir.js';
import { axisOf, product, stridesOf, unsupportedOp, type GradientView, type NodeView, type OpRules } from './rules.js';

interface Range {
  start: number;
  count: number;
  step: number;
}

/** One range per axis of the input, from attributes (operator sets below 10) or inputs. */
function rangesOf(
  node: NodeView['node'],
  dims: readonly number[],
  ints: (index: number) => number[] | undefined,
): Range[] {
  const starts = intsAttribute(node, 'starts') ?? ints(1) ?? [];
  const ends = intsAttribute(node, 'ends') ?? ints(2) ?? [];
  const axes = intsAttribute(node, 'axes') ?? ints(3) ?? starts.map((_, i) => i);
  const steps = ints(4) ?? starts.map(() => 1);
  const ranges = dims.map((dim) => ({ start: 0, count: dim, step: 1 }));
  axes.forEach((given, i) => {
    const axis = axisOf(given, dims.length);
    const size = dims[axis];
    const step = steps[i];
    const place = (at: number, low: number, high: number) => Math.min(Math.max(at < 0 ? at + size : at, low), high);
    const start = step > 0 ? place(starts[i], 0, size) : place(starts[i], 0, size - 1);
    const end = step > 0 ? place(ends[i], 0, size) : place(ends[i], -1, size - 1);
    ranges[axis] = { start, count: Math.max(0, Math.ceil((end - start) / step)), step };
  });
  return ranges;
}

function sliced(view: NodeView): ValueShape[] {
  const x = view.input(0);
  return [{ type: x.type, dims: rangesOf(view.node, x.dims, (i) => view.ints(i)).map((range) => range.count) }];
}

function padsOf(node: NodeView['node'], rank: number, ints: (index: number) => number[] | undefined): number[] {
  const given = intsAttribute(node, 'pads') ?? ints(1) ?? [];
  const axes = ints(3)?.map((axis) => axisOf(axis, rank));
  if (!axes) return given;
  const pads = new Array<number>(2 * rank).fill(0);
  axes.forEach((axis, i) => {
    pads[axis] = given[i];
    pads[axis + rank] = given[i + axes.length];
  });
  return pads;
}

/** Constant integer inputs as a gradient rule sees them. */
function constants(view: GradientView): (index: number) => number[] | undefined {
  return (index) => {
    const name = view.node.inputs[index];
    const constant = name ? view.emit.constantOf(name) : undefined;
    return constant && Array.from(valuesOf(constant));
  };
}

function gatheredDims(view: NodeView): { dims: number[]; axis: number } {
  const x = view.input(0);
  const axis = axisOf(intAttribute(view.node, 'axis', 0), x.dims.length);
  return { dims: [...x.dims.slice(0, axis), ...view.input(1).dims, ...x.dims.slice(axis + 1)], axis };
}

/** Where in `indices` each of `size` positions stands; one list per repetition, indices.length = nowhere. */
function placesOf(indices: readonly number[], size: number): number[][] {
  const lists: number[][] = [];
  const seen = new Array<number>(size).fill(0);
  indices.forEach((index, place) => {
    const at = index < 0 ? index + size : index;
    lists[seen[at]] ??= new Array<number>(size).fill(indices.length);
    lists[seen[at]++][at] = place;
  });
  return lists;
}

export const slicing: Record<string, OpRules> = {
  Slice: {
    shape: sliced,
    evaluate: (view) => {
      const x = view.constant(0);
      if (!x) return undefined;
      const ranges = rangesOf(view.node, x.dims, (i) => view.ints(i));
      const dims = ranges.map((range) => range.count);
      const strides = stridesOf(x.dims);
      const values = valuesOf(x);
      const out = new Array<number>(product(dims));
      const index = new Array<number>(dims.length).fill(0);
      for (let i = 0; i < out.length; i++) {
        out[i] =
          values[index.reduce((at, n, axis) => at + (ranges[axis].start + n * ranges[axis].step) * strides[axis], 0)];
        for (let axis = dims.length - 1; axis >= 0 && ++index[axis] === dims[axis]; axis--) index[axis] = 0;
      }
      return [constantOf(x.type, dims, out)];
    },
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { emit, node } = view;
      const dims = emit.dims(node.inputs[0]);
      const ranges = rangesOf(node, dims, constants(view));
      if (ranges.some((range) => range.step !== 1)) {
        throw unsupportedOp(node, 'no gradient rule for a Slice with steps', 'Choose a later target layer.');
      }
      const ends = dims.map((dim, axis) => dim - ranges[axis].start - ranges[axis].count);
      return [emit.pad(g, [...ranges.map((range) => range.start), ...ends])];
    },
  },
  Pad: {
    shape: (view) => {
      const x = view.input(0);
      const rank = x.dims.length;
      const pads = padsOf(view.node, rank, (i) => view.ints(i));
      return [{ type: x.type, dims: x.dims.map((dim, axis) => dim + pads[axis] + pads[axis + rank]) }];
    },
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { emit, node } = view;
      const dims = emit.dims(node.inputs[0]);
      const rank = dims.length;
      const pads = padsOf(node, rank, constants(view));
      if (stringAttribute(node, 'mode', 'constant') !== 'constant' || pads.some((count) => count < 0)) {
        throw unsupportedOp(node, 'only constant padding has a gradient rule', 'Choose a later target layer.');
      }
      const axes = dims.flatMap((_, axis) => (pads[axis] || pads[axis + rank] ? [axis] : []));
      if (axes.length === 0) return [g];
      return [
        emit.slice(
          g,
          axes,
          axes.map((axis) => pads[axis]),
          axes.map((axis) => pads[axis] + dims[axis]),
        ),
      ];
    },
  },
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
          const base = (outer * size + (index < 0 ? index + size : index)) * inner;
          for (let i = 0; i < inner; i++) out.push(values[base + i]);
        }
      }
      return [constantOf(x.type, dims, out)];
    },
    // Fixed positions: each source element sums the gradients of the places that it was copied to.
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { emit, node } = view;
      const dims = emit.dims(node.inputs[0]);
      const axis = axisOf(intAttribute(node, 'axis', 0), dims.length);
      const indices = constants(view)(1);
      if (!indices)
        throw unsupportedOp(
          node,
          'only a Gather of fixed positions has a gradient rule',
          'Choose a later target layer.',
        );
      const size = dims[axis];
      const lead = product(dims.slice(0, axis));
      const flat = emit.reshape(g, [lead, indices.length, product(dims.slice(axis + 1))]);
      // A row of zeros at the end, for source elements that were copied nowhere.
      const padded = emit.pad(flat, [0, 0, 0, 0, 1, 0]);
      const sums = placesOf(indices, size).map((places) => emit.op('Gather', [padded, emit.ints(places)], { axis: 1 }));
      return [
        emit.reshape(
          sums.reduce((a, b) => emit.add(a, b)),
          dims,
        ),
      ];
    },
  },
  GatherElements: { shape: (view) => [{ type: view.input(0).type, dims: view.input(1).dims }] },
  ScatterElements: { shape: (view) => [view.input(0)] },
  ScatterND: { shape: (view) => [view.input(0)] },
  CumSum: { shape: (view) => [view.input(0)] },
  Trilu: { shape: (view) => [view.input(0)] },
};
