import { constantOf, valuesOf } from '../constant.js';
import { intAttribute, intsAttribute, stringAttribute, type ValueShape } from '../ir.js';
import { addAtPositions } from './axes.js';
import { constantInts } from './gathering.js';
import { axisOf, product, stridesOf, unsupportedOp, type GradientView, type NodeView, type OpRules } from './rules.js';

interface Range {
  start: number;
  count: number;
  step: number;
}

/** One range per axis of the input, from attributes (operator sets below 10) or inputs. */
export function rangesOf(
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

export function padsOf(node: NodeView['node'], rank: number, ints: (index: number) => number[] | undefined): number[] {
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

function constants(view: GradientView): (index: number) => number[] | undefined {
  return (index) => constantInts(view, index);
}

/** For every place of a padded axis the position it copies, −1 = none (a constant). */
export function paddedPositions(mode: string, size: number, begin: number, end: number): number[] {
  const period = 2 * Math.max(size - 1, 1);
  return Array.from({ length: begin + size + end }, (_, place) => {
    const at = place - begin;
    if (at >= 0 && at < size) return at;
    if (mode === 'edge') return at < 0 ? 0 : size - 1;
    if (mode === 'wrap') return ((at % size) + size) % size;
    if (mode === 'reflect') {
      const phase = ((at % period) + period) % period;
      return Math.min(phase, period - phase);
    }
    return -1;
  });
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
      // Axes with steps one by one, then all others in one padding.
      const stepped = ranges.reduce((value, { start, count, step }, axis) => {
        if (step === 1) return value;
        const positions = Array.from({ length: count }, (_, i) => start + i * step);
        return addAtPositions(emit, value, axis, positions, dims[axis]);
      }, g);
      const begins = ranges.map(({ start, step }) => (step === 1 ? start : 0));
      const ends = ranges.map(({ start, count, step }, axis) => (step === 1 ? dims[axis] - start - count : 0));
      return [emit.pad(stepped, [...begins, ...ends])];
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
      const mode = stringAttribute(node, 'mode', 'constant');
      if (view.wants(2)) throw unsupportedOp(node, 'its padding depends on the image', 'Choose a later target layer.');
      if (mode !== 'constant' || pads.some((count) => count < 0)) {
        return [
          dims.reduce((value, size, axis) => {
            const [begin, end] = [pads[axis], pads[axis + rank]];
            if (begin === 0 && end === 0) return value;
            // Negative pads crop.
            const from = Math.max(0, -begin);
            const all = paddedPositions(mode, size, Math.max(0, begin), Math.max(0, end));
            const positions = all.slice(from, all.length - Math.max(0, -end));
            return addAtPositions(emit, value, axis, positions, size);
          }, g),
        ];
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
  CumSum: {
    shape: (view) => [view.input(0)],
    // What is summed up to a place reaches all places after it: the same sum from the other end.
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { node } = view;
      const exclusive = intAttribute(node, 'exclusive', 0);
      return [
        view.emit.op('CumSum', [g, node.inputs[1]], { exclusive, reverse: 1 - intAttribute(node, 'reverse', 0) }),
      ];
    },
  },
  Trilu: {
    shape: (view) => [view.input(0)],
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { emit, node } = view;
      const [rows, columns] = emit.dims(g).slice(-2);
      const offset = node.inputs[1] ? constantInts(view, 1)?.[0] : 0;
      const upper = intAttribute(node, 'upper', 1);
      if (offset === undefined) return [emit.op('Trilu', [g, node.inputs[1]], { upper })];
      const mask = Array.from({ length: rows * columns }, (_, i) => {
        const diagonal = (i % columns) - Math.floor(i / columns);
        return (upper ? diagonal >= offset : diagonal <= offset) ? 1 : 0;
      });
      return [emit.mul(g, emit.like(g, [rows, columns], mask))];
    },
  },
};
