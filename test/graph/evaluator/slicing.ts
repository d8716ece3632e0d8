import type { Call, Definition } from './call.js';
import { front, read, replaced, tabulate, type Value } from './value.js';

/** Position inside that place `at` of a padded axis repeats; undefined = the padding's constant. */
function padded(mode: string, at: number, size: number): number | undefined {
  if (at >= 0 && at < size) return at;
  switch (mode) {
    case 'edge':
      return at < 0 ? 0 : size - 1;
    case 'wrap':
      return ((at % size) + size) % size;
    case 'reflect': {
      let position = at;
      while (size > 1 && (position < 0 || position >= size))
        position = position < 0 ? -position : 2 * (size - 1) - position;
      return size > 1 ? position : 0;
    }
    default:
      return undefined;
  }
}

function cumulated(call: Call): Value[] {
  const x = call.x();
  const axis = front(call.x(1).data[0], x.dims.length);
  const [exclusive, reverse] = [call.int('exclusive', 0) === 1, call.int('reverse', 0) === 1];
  const y = tabulate(x.dims, (index) => {
    let sum = 0;
    for (let k = 0; k < x.dims[axis]; k++) {
      const before = reverse ? k > index[axis] : k < index[axis];
      if (before || (!exclusive && k === index[axis])) sum += read(x, replaced(index, axis, k));
    }
    return sum;
  });
  return [y];
}

export const slicing: Record<string, Definition> = {
  Slice: (call) => {
    const x = call.x();
    const starts = call.list('starts', 1) ?? [];
    const ends = call.list('ends', 2) ?? [];
    const axes = (call.list('axes', 3) ?? starts.map((_, i) => i)).map((axis) => front(axis, x.dims.length));
    const steps = call.list('steps', 4) ?? starts.map(() => 1);
    // Positions read along each axis, walked one by one.
    const positions = x.dims.map((size, axis) => {
      const which = axes.indexOf(axis);
      if (which < 0) return Array.from({ length: size }, (_, i) => i);
      const step = steps[which];
      const wrapped = (at: number) => (at < 0 ? at + size : at);
      const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
      const end = Math.max(low, Math.min(high, wrapped(ends[which])));
      const list: number[] = [];
      let at = Math.max(0, Math.min(step > 0 ? size : size - 1, wrapped(starts[which])));
      for (; step > 0 ? at < end : at > end; at += step) list.push(at);
      return list;
    });
    const y = tabulate(
      positions.map((list) => list.length),
      (index) =>
        read(
          x,
          index.map((i, axis) => positions[axis][i]),
        ),
      x.type,
    );
    return [y];
  },
  Pad: (call) => {
    const x = call.x();
    const rank = x.dims.length;
    const given = call.list('pads', 1) ?? [];
    const axes = call.has(3) ? Array.from(call.x(3).data, (axis) => front(axis, rank)) : x.dims.map((_, axis) => axis);
    const begin = x.dims.map((_, axis) => (axes.includes(axis) ? given[axes.indexOf(axis)] : 0));
    const end = x.dims.map((_, axis) => (axes.includes(axis) ? given[axes.indexOf(axis) + axes.length] : 0));
    const constant = call.has(2) ? call.x(2).data[0] : call.float('value', 0);
    const mode = call.text('mode', 'constant');
    const y = tabulate(
      x.dims.map((dim, axis) => dim + begin[axis] + end[axis]),
      (index) => {
        const from = index.map((at, axis) => padded(mode, at - begin[axis], x.dims[axis]));
        return from.includes(undefined) ? constant : read(x, from as number[]);
      },
      x.type,
    );
    return [y];
  },
  CumSum: cumulated,
  Trilu: (call) => {
    const k = call.has(1) ? call.x(1).data[0] : 0;
    const upper = call.int('upper', 1) === 1;
    const y = tabulate(call.x().dims, (index) => {
      const [row, column] = index.slice(-2);
      return (upper ? column - row >= k : column - row <= k) ? read(call.x(), index) : 0;
    });
    return [y];
  },
};
