import { cast } from '../cast.js';
import { intAttribute, stringAttribute } from '../../../graph/ir.js';
import { elementPositions as fixedElements, tuplePositions as fixedTuples } from '../../../graph/ops/gathering.js';
import { axisOf, product, stridesOf } from '../../../graph/ops/rules.js';
import type { NodeRun, Op } from '../node_run.js';
import { permute } from '../permute.js';
import type { Tf, TfTensor } from '../value.js';

const ints = (tf: Tf, values: ArrayLike<number>, dims: number[]) => tf.tensor(Int32Array.from(values), dims, 'int32');

/** Indices that count from the end made to count from the beginning. */
function fromStart(tf: Tf, indices: TfTensor, size: TfTensor | number): TfTensor {
  const length = typeof size === 'number' ? tf.scalar(size, 'int32') : size;
  const zero = tf.scalar(0, 'int32');
  return tf.add(indices, tf.mul(length, tf.cast(tf.less(indices, zero), 'int32')));
}

/** Positions in the flat tensor of dims `dims` that `indices` name along `axis`, element by element. */
function elementPositions(tf: Tf, indices: TfTensor, dims: readonly number[], axis: number): TfTensor {
  const strides = stridesOf(dims);
  const along = tf.mul(fromStart(tf, indices, dims[axis]), tf.scalar(strides[axis], 'int32'));
  const own = stridesOf(indices.shape);
  const base = Array.from({ length: indices.size }, (_, i) =>
    indices.shape.reduce((at, size, k) => (k === axis ? at : at + (Math.floor(i / own[k]) % size) * strides[k]), 0),
  );
  return tf.reshape(tf.add(along, ints(tf, base, indices.shape)), [-1]);
}

/** Flat row number that each index tuple names, under `batch` leading axes that both share. */
function rowNumbers(tf: Tf, indices: TfTensor, dims: readonly number[], batch: number): TfTensor {
  const length = indices.shape[indices.rank - 1];
  const sizes = dims.slice(batch, batch + length);
  const tuples = tf.reshape(indices, [-1, length]);
  const weighted = tf.mul(fromStart(tf, tuples, ints(tf, sizes, [length])), ints(tf, stridesOf(sizes), [length]));
  const rows = tf.cast(tf.sum(weighted, 1), 'int32');
  const shared = product(dims.slice(0, batch));
  if (shared === 1) return rows;
  const perBatch = rows.size / shared;
  const base = Array.from({ length: rows.size }, (_, i) => Math.floor(i / perBatch) * product(sizes));
  return tf.add(rows, ints(tf, base, [rows.size]));
}

/**
 * `x` [rows, width] with `updates` [n, width] written, or added, at rows `at` [n].
 * @param fixed the rows, where they are known: of several updates of one row the last stays
 */
function scattered(run: NodeRun, x: TfTensor, at: TfTensor, updates: TfTensor, fixed?: readonly number[]): TfTensor {
  const { tf } = run;
  const reduction = stringAttribute(run.node, 'reduction', 'none');
  const last = new Map(fixed?.map((row, i) => [row, i]));
  if (fixed && reduction === 'none' && last.size < fixed.length) {
    const winners = ints(tf, [...last.values()], [last.size]);
    return scattered(run, x, tf.gather(at, winners), tf.gather(updates, winners));
  }
  const places = tf.reshape(at, [-1, 1]);
  const sums = tf.scatterND(places as never, updates, x.shape as never);
  if (reduction === 'add') return tf.add(x, sums);
  if (reduction !== 'none') throw run.unsupported(`reduction '${reduction}'`);
  // What was there makes room.
  const ones = tf.onesLike(updates);
  const written = tf.scatterND(places as never, ones, x.shape as never);
  return tf.where(tf.greater(written, tf.zerosLike(written)), sums, x);
}

export const gathering: Record<string, Op> = {
  Gather: (run) => {
    const { tf, node } = run;
    const value = run.value(0);
    const indices = run.value(1);
    const axis = axisOf(intAttribute(node, 'axis', 0), value.rank);
    const flat = fromStart(tf, tf.reshape(indices.plain(), [-1]), value.dims[axis]);
    const taken = tf.gather(value.plain(), tf.cast(flat, 'int32'), axis);
    return tf.reshape(taken, [...value.dims.slice(0, axis), ...indices.dims, ...value.dims.slice(axis + 1)]);
  },
  GatherElements: (run) => {
    const { tf, node } = run;
    const [x, indices] = [run.x(0), run.x(1)];
    const axis = axisOf(intAttribute(node, 'axis', 0), x.rank);
    const at = elementPositions(tf, indices, x.shape, axis);
    return tf.reshape(tf.gather(tf.reshape(x, [-1]), at), indices.shape);
  },
  GatherND: (run) => {
    const { tf, node } = run;
    const [x, indices] = [run.x(0), run.x(1)];
    const batch = intAttribute(node, 'batch_dims', 0);
    const inner = x.shape.slice(batch + indices.shape[indices.rank - 1]);
    const rows = tf.reshape(x, [x.size / product(inner), product(inner)]);
    const taken = tf.gather(rows, rowNumbers(tf, indices, x.shape, batch));
    return tf.reshape(taken, [...indices.shape.slice(0, -1), ...inner]);
  },
  ScatterElements: (run) => {
    const { tf, node } = run;
    const [x, indices, updates] = [run.x(0), run.x(1), run.x(2)];
    const axis = axisOf(intAttribute(node, 'axis', 0), x.rank);
    const at = elementPositions(tf, indices, x.shape, axis);
    const known = run.value(1).numbers();
    const fixed = known && fixedElements(known, indices.shape, axis, x.shape);
    const flat = scattered(run, tf.reshape(x, [x.size, 1]), at, tf.reshape(updates, [updates.size, 1]), fixed);
    return tf.reshape(flat, x.shape);
  },
  ScatterND: (run) => {
    const { tf } = run;
    const [x, indices, updates] = [run.x(0), run.x(1), run.x(2)];
    const width = product(x.shape.slice(indices.shape[indices.rank - 1]));
    const at = rowNumbers(tf, indices, x.shape, 0);
    const rows = tf.reshape(x, [x.size / width, width]);
    const known = run.value(1).numbers();
    const fixed = known && fixedTuples(known, indices.shape, x.shape, 0).positions;
    return tf.reshape(scattered(run, rows, at, tf.reshape(updates, [at.size, width]), fixed), x.shape);
  },
  TopK: (run) => {
    const { tf, node } = run;
    const value = run.value(0);
    const last = value.rank - 1;
    const axis = axisOf(intAttribute(node, 'axis', -1), value.rank);
    const k = run.numbers(1)?.[0] ?? intAttribute(node, 'k', 1);
    const smallest = intAttribute(node, 'largest', 1) === 0;
    // An exchange of two axes is its own inverse.
    const perm = value.dims.map((_, i) => (i === axis ? last : i === last ? axis : i));
    const rows = permute(tf, value.plain(), perm);
    const { values, indices } = tf.topk(smallest ? tf.neg(rows) : rows, k, true);
    return [permute(tf, smallest ? tf.neg(values) : values, perm), permute(tf, indices, perm)];
  },
  OneHot: (run) => {
    const { tf, node } = run;
    const depth = run.numbers(1)?.[0] ?? 0;
    const [off, on] = run.numbers(2) ?? [0, 1];
    const indices = run.x(0);
    const flat = fromStart(tf, tf.cast(tf.reshape(indices, [-1]), 'int32'), depth);
    const hot = tf.reshape(tf.oneHot(flat as never, depth, on, off), [...indices.shape, depth]);
    const axis = axisOf(intAttribute(node, 'axis', -1), indices.rank + 1);
    const others = indices.shape.map((_, i) => i);
    const moved = permute(tf, hot, [...others.slice(0, axis), indices.rank, ...others.slice(axis)]);
    return cast(tf, moved, run.value(2).dtype as 'float32');
  },
};
