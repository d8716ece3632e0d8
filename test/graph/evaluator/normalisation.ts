import { sizeOf } from '../../../src/core/tensor.js';
import type { Definition } from './call.js';
import { forEachIndex, front, offsetOf, read, readBroadcast, replaced, tabulate, type Value } from './value.js';

/** (x − mean)/√(variance + ε) within groups of elements that share `groupOf(index)`. */
function standardised(x: Value, groupOf: (index: readonly number[]) => number, epsilon: number): Value {
  const sums = new Map<number, { count: number; sum: number; squares: number }>();
  const entry = (group: number) => {
    let found = sums.get(group);
    if (!found) sums.set(group, (found = { count: 0, sum: 0, squares: 0 }));
    return found;
  };
  forEachIndex(x.dims, (index, at) => {
    const of = entry(groupOf(index));
    of.count++;
    of.sum += x.data[at];
  });
  forEachIndex(x.dims, (index, at) => {
    const of = entry(groupOf(index));
    of.squares += (x.data[at] - of.sum / of.count) ** 2;
  });
  return tabulate(x.dims, (index) => {
    const { count, sum, squares } = entry(groupOf(index));
    return (read(x, index) - sum / count) / Math.sqrt(squares / count + epsilon);
  });
}

export const normalisation: Record<string, Definition> = {
  BatchNormalization: (call) => {
    const [x, scale, bias, mean, variance] = call.all();
    const epsilon = call.float('epsilon', 1e-5);
    const y = tabulate(x.dims, (index) => {
      const c = index[1];
      return ((read(x, index) - mean.data[c]) / Math.sqrt(variance.data[c] + epsilon)) * scale.data[c] + bias.data[c];
    });
    return [y];
  },
  LayerNormalization: (call) => {
    const [x, scale] = [call.x(0), call.x(1)];
    const axis = front(call.int('axis', -1), x.dims.length);
    const outer = x.dims.slice(0, axis);
    const xhat = standardised(x, (index) => offsetOf(outer, index), call.float('epsilon', 1e-5));
    const y = tabulate(
      x.dims,
      (index) => read(xhat, index) * readBroadcast(scale, index) + (call.has(2) ? readBroadcast(call.x(2), index) : 0),
    );
    return [y];
  },
  RMSNormalization: (call) => {
    const [x, scale] = [call.x(0), call.x(1)];
    const axis = front(call.int('axis', -1), x.dims.length);
    const inner = sizeOf(x.dims.slice(axis));
    const y = tabulate(x.dims, (index) => {
      const first = offsetOf(x.dims.slice(0, axis), index) * inner;
      let squares = 0;
      for (let i = 0; i < inner; i++) squares += x.data[first + i] ** 2;
      const rms = Math.sqrt(squares / inner + call.float('epsilon', 1e-5));
      return (read(x, index) / rms) * readBroadcast(scale, index);
    });
    return [y];
  },
  InstanceNormalization: (call) => {
    const [x, scale, bias] = call.all();
    const xhat = standardised(x, ([n, c]) => n * x.dims[1] + c, call.float('epsilon', 1e-5));
    return [tabulate(x.dims, (index) => read(xhat, index) * scale.data[index[1]] + bias.data[index[1]])];
  },
  GroupNormalization: (call) => {
    const [x, scale, bias] = call.all();
    const groups = call.int('num_groups', 1);
    const groupOf = (c: number) => Math.floor(c / (x.dims[1] / groups));
    const xhat = standardised(x, ([n, c]) => n * groups + groupOf(c), call.float('epsilon', 1e-5));
    // One scale per group before operator set 21.
    const place = (c: number) => (call.opset < 21 ? groupOf(c) : c);
    return [tabulate(x.dims, (index) => read(xhat, index) * scale.data[place(index[1])] + bias.data[place(index[1])])];
  },
  LRN: (call) => {
    const x = call.x();
    const size = call.int('size', 1);
    const y = tabulate(x.dims, (index) => {
      const c = index[1];
      const first = Math.max(0, c - Math.floor((size - 1) / 2));
      const last = Math.min(x.dims[1] - 1, c + Math.ceil((size - 1) / 2));
      let squares = 0;
      for (let k = first; k <= last; k++) squares += read(x, replaced(index, 1, k)) ** 2;
      const root = call.float('bias', 1) + (call.float('alpha', 0.0001) / size) * squares;
      return read(x, index) / root ** call.float('beta', 0.75);
    });
    return [y];
  },
  LpNormalization: (call) => {
    const x = call.x();
    const axis = front(call.int('axis', -1), x.dims.length);
    const p = call.int('p', 2);
    const y = tabulate(x.dims, (index) => {
      let sum = 0;
      for (let k = 0; k < x.dims[axis]; k++) sum += Math.abs(read(x, replaced(index, axis, k))) ** p;
      return sum === 0 ? 0 : read(x, index) / sum ** (1 / p);
    });
    return [y];
  },
  MeanVarianceNormalization: (call) => {
    const x = call.x();
    const axes = (call.list('axes') ?? [0, 2, 3]).map((axis) => front(axis, x.dims.length));
    const kept = x.dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
    const groupOf = (index: readonly number[]) =>
      offsetOf(
        kept,
        index.map((i, axis) => (axes.includes(axis) ? 0 : i)),
      );
    return [standardised(x, groupOf, 0)];
  },
};
