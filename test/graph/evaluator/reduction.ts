import { sizeOf } from '../../../src/core/tensor.js';
import type { Call, Definition } from './call.js';
import { forEachIndex, front, offsetOf, read, replaced, tabulate, type Value } from './value.js';

/** The elements of each group that a reduction joins, by place in the result. */
function grouped(x: Value, axes: readonly number[]): { kept: number[]; groups: number[][] } {
  const kept = x.dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  const groups = Array.from({ length: sizeOf(kept) }, () => [] as number[]);
  forEachIndex(x.dims, (index, at) => {
    groups[
      offsetOf(
        kept,
        index.map((i, axis) => (axes.includes(axis) ? 0 : i)),
      )
    ].push(x.data[at]);
  });
  return { kept, groups };
}

function axesOf(call: Call): number[] {
  const rank = call.x().dims.length;
  const axes = call.list('axes', 1);
  if (axes?.length) return axes.map((axis) => front(axis, rank));
  return call.int('noop_with_empty_axes', 0) ? [] : Array.from({ length: rank }, (_, axis) => axis);
}

const reduced =
  (reduce: (values: number[]) => number): Definition =>
  (call) => {
    const axes = axesOf(call);
    const { kept, groups } = grouped(call.x(), axes);
    const dims = call.int('keepdims', 1) ? kept : kept.filter((_, axis) => !axes.includes(axis));
    return [{ type: call.x().type, dims, data: Float64Array.from(groups, reduce) }];
  };

/** Position of the value along `axis` that `better` prefers to all others; the first (or last) of equal ones. */
const argument =
  (better: (a: number, b: number) => boolean): Definition =>
  (call) => {
    const x = call.x();
    const axis = front(call.int('axis', 0), x.dims.length);
    const last = call.int('select_last_index', 0) === 1;
    const y = tabulate(
      x.dims.map((dim, i) => (i === axis ? 1 : dim)),
      (index) => {
        let best = 0;
        const at = (k: number) => read(x, replaced(index, axis, k));
        for (let k = 1; k < x.dims[axis]; k++) if (better(at(k), at(best)) || (last && at(k) === at(best))) best = k;
        return best;
      },
      'i64',
    );
    return [call.int('keepdims', 1) ? y : { ...y, dims: y.dims.filter((_, i) => i !== axis) }];
  };

/** Softmax and its kin along one axis; before operator set 13 over all axes from `axis` on. */
const normalised =
  (of: (value: number, all: number[]) => number): Definition =>
  (call) => {
    const x = call.x();
    const rank = x.dims.length;
    const axis = front(call.int('axis', call.opset < 13 ? 1 : -1), rank);
    const axes = Array.from({ length: rank }, (_, i) => i).filter((i) => (call.opset < 13 ? i >= axis : i === axis));
    const { kept, groups } = grouped(x, axes);
    return [
      tabulate(x.dims, (index) =>
        of(
          read(x, index),
          groups[
            offsetOf(
              kept,
              index.map((i, k) => (axes.includes(k) ? 0 : i)),
            )
          ],
        ),
      ),
    ];
  };

const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
function logSumExp(values: number[]): number {
  const most = Math.max(...values);
  return most + Math.log(sum(values.map((v) => Math.exp(v - most))));
}

export const reduction: Record<string, Definition> = {
  ReduceSum: reduced(sum),
  ReduceMean: reduced((values) => sum(values) / values.length),
  ReduceProd: reduced((values) => values.reduce((a, b) => a * b, 1)),
  ReduceMax: reduced((values) => Math.max(...values)),
  ReduceMin: reduced((values) => Math.min(...values)),
  ReduceL1: reduced((values) => sum(values.map(Math.abs))),
  ReduceL2: reduced((values) => Math.sqrt(sum(values.map((v) => v * v)))),
  ReduceSumSquare: reduced((values) => sum(values.map((v) => v * v))),
  ReduceLogSum: reduced((values) => Math.log(sum(values))),
  ReduceLogSumExp: reduced(logSumExp),
  ArgMax: argument((a, b) => a > b),
  ArgMin: argument((a, b) => a < b),
  Softmax: normalised((value, all) => Math.exp(value - logSumExp(all))),
  LogSoftmax: normalised((value, all) => value - logSumExp(all)),
};
