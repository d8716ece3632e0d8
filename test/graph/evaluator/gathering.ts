import type { Call, Definition } from './call.js';
import { forEachIndex, front, offsetOf, read, replaced, tabulate, type Value } from './value.js';

/** Joins what stands at a place with an update for it. */
function joined(call: Call, before: number, update: number): number {
  switch (call.text('reduction', 'none')) {
    case 'add':
      return before + update;
    case 'mul':
      return before * update;
    case 'min':
      return Math.min(before, update);
    case 'max':
      return Math.max(before, update);
    default:
      return update;
  }
}

/** Index tuple at `place` of an indices tensor, its last axis. */
function tupleAt(indices: Value, place: readonly number[], dims: readonly number[]): number[] {
  const length = indices.dims[indices.dims.length - 1];
  return Array.from({ length }, (_, k) => front(read(indices, [...place, k]), dims[k]));
}

export const gathering: Record<string, Definition> = {
  Gather: (call) => {
    const [x, indices] = [call.x(0), call.x(1)];
    const axis = front(call.int('axis', 0), x.dims.length);
    const many = indices.dims.length;
    const y = tabulate(
      [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)],
      (index) => {
        const picked = front(read(indices, index.slice(axis, axis + many)), x.dims[axis]);
        return read(x, [...index.slice(0, axis), picked, ...index.slice(axis + many)]);
      },
      x.type,
    );
    return [y];
  },
  GatherElements: (call) => {
    const [x, indices] = [call.x(0), call.x(1)];
    const axis = front(call.int('axis', 0), x.dims.length);
    const picked = (index: readonly number[]) => replaced(index, axis, front(read(indices, index), x.dims[axis]));
    return [tabulate(indices.dims, (index) => read(x, picked(index)), x.type)];
  },
  GatherND: (call) => {
    const [x, indices] = [call.x(0), call.x(1)];
    const batch = call.int('batch_dims', 0);
    const outer = indices.dims.slice(0, -1);
    const length = indices.dims[indices.dims.length - 1];
    const y = tabulate(
      [...outer, ...x.dims.slice(batch + length)],
      (index) => {
        const tuple = tupleAt(indices, index.slice(0, outer.length), x.dims.slice(batch));
        return read(x, [...index.slice(0, batch), ...tuple, ...index.slice(outer.length)]);
      },
      x.type,
    );
    return [y];
  },
  ScatterElements: (call) => {
    const [x, indices, updates] = call.all();
    const axis = front(call.int('axis', 0), x.dims.length);
    const y = { ...x, data: x.data.slice() };
    forEachIndex(indices.dims, (index, at) => {
      const to = offsetOf(x.dims, replaced(index, axis, front(indices.data[at], x.dims[axis])));
      y.data[to] = joined(call, y.data[to], updates.data[at]);
    });
    return [y];
  },
  ScatterND: (call) => {
    const [x, indices, updates] = call.all();
    const outer = indices.dims.slice(0, -1);
    const y = { ...x, data: x.data.slice() };
    forEachIndex(updates.dims, (index, at) => {
      const tuple = tupleAt(indices, index.slice(0, outer.length), x.dims);
      const to = offsetOf(x.dims, [...tuple, ...index.slice(outer.length)]);
      y.data[to] = joined(call, y.data[to], updates.data[at]);
    });
    return [y];
  },
};
