import type { Emitter } from '../emitter.js';
import { product } from './rules.js';

/** A constant matrix [rows, columns], row-major. */
export interface Matrix {
  rows: number;
  columns: number;
  values: Float64Array;
}

export function matrix(rows: number, columns: number): Matrix {
  return { rows, columns, values: new Float64Array(rows * columns) };
}

export function transposed(m: Matrix): Matrix {
  const out = matrix(m.columns, m.rows);
  for (let r = 0; r < m.rows; r++)
    for (let c = 0; c < m.columns; c++) out.values[c * m.rows + r] = m.values[r * m.columns + c];
  return out;
}

/** Multiplies every line along `axis` by a constant matrix: dims[axis] = m.columns becomes m.rows. */
export function applyAlong(emit: Emitter, x: string, axis: number, m: Matrix): string {
  const dims = emit.dims(x);
  const lead = product(dims.slice(0, axis));
  const inner = product(dims.slice(axis + 1));
  const result = dims.map((dim, i) => (i === axis ? m.rows : dim));
  if (inner === 1) {
    const right = transposed(m);
    const flat = emit.reshape(x, [lead, m.columns]);
    return emit.reshape(emit.op('MatMul', [flat, emit.like(x, [right.rows, right.columns], right.values)]), result);
  }
  const lines = emit.reshape(x, [lead, m.columns, inner]);
  return emit.reshape(emit.op('MatMul', [emit.like(x, [m.rows, m.columns], m.values), lines]), result);
}

/** Where in `indices` each of `size` positions stands; one list per repetition, indices.length = nowhere. */
function placesOf(indices: readonly number[], size: number): number[][] {
  const lists: number[][] = [new Array<number>(size).fill(indices.length)];
  const seen = new Array<number>(size).fill(0);
  indices.forEach((index, place) => {
    if (index < 0) return;
    lists[seen[index]] ??= new Array<number>(size).fill(indices.length);
    lists[seen[index]++][index] = place;
  });
  return lists;
}

/** More repetitions than this are summed by one product with a 0/1 matrix, where that stays small. */
const mostGathers = 4;
const largestMatrix = 1 << 18;

/**
 * The transpose of reading an axis at fixed positions: what stands at place i of `axis` is added to position
 * `positions[i]` (−1 = dropped) of an axis of length `size`. From Pad and Gather or MatMul, which every provider has.
 */
export function addAtPositions(
  emit: Emitter,
  g: string,
  axis: number,
  positions: readonly number[],
  size: number,
): string {
  const dims = emit.dims(g);
  const result = dims.map((dim, i) => (i === axis ? size : dim));
  const count = positions.length;
  if (positions.every((position, i) => position === positions[0] + i) && positions[0] >= 0) {
    const pads = new Array<number>(2 * dims.length).fill(0);
    pads[axis] = positions[0];
    pads[axis + dims.length] = size - positions[0] - count;
    return emit.pad(g, pads);
  }
  const lists = placesOf(positions, size);
  if (lists.length > mostGathers && size * count <= largestMatrix) {
    const m = matrix(size, count);
    positions.forEach((position, i) => {
      if (position >= 0) m.values[position * count + i] = 1;
    });
    return applyAlong(emit, g, axis, m);
  }
  const flat = emit.reshape(g, [product(dims.slice(0, axis)), count, product(dims.slice(axis + 1))]);
  // A row of zeros at the end, for positions that were read nowhere.
  const nowhere = lists.some((places) => places.includes(count));
  const padded = nowhere ? emit.pad(flat, [0, 0, 0, 0, 1, 0]) : flat;
  const sums = lists.map((places) => emit.op('Gather', [padded, emit.ints(places)], { axis: 1 }));
  return emit.reshape(
    sums.reduce((a, b) => emit.add(a, b)),
    result,
  );
}

/** 1 where `indices` (negative ones counting from the end) name position 0 … size − 1, on a new last axis. */
export function oneHot(emit: Emitter, indices: string, size: number, like: string): string {
  const column = emit.reshape(emit.cast(indices, 'i64'), [...emit.dims(indices), 1]);
  const wrapped = emit.add(
    column,
    emit.mul(emit.mask('Less', column, emit.scalar(column, 0)), emit.scalar(column, size)),
  );
  return emit.cast(emit.op('Equal', [wrapped, emit.constantRange(size)]), emit.type(like));
}

/**
 * The transpose of reading `axis` of a value of dims `dims` at positions only known at run time (as GatherElements and
 * TopK do): a product with one-hot rows.
 * @param g same dims as `indices`
 */
export function addAtIndices(emit: Emitter, g: string, indices: string, axis: number, dims: readonly number[]): string {
  const rank = dims.length;
  const perm = [...dims.keys()].filter((i) => i !== axis).concat(axis);
  const read = emit.dims(indices);
  const moved = perm.map((i) => read[i]);
  const row = emit.reshape(emit.transpose(g, perm), [...moved.slice(0, -1), 1, moved[rank - 1]]);
  const hot = oneHot(emit, emit.transpose(indices, perm), dims[axis], g);
  const sums = emit.reshape(emit.op('MatMul', [row, hot]), [...moved.slice(0, -1), dims[axis]]);
  const ends = perm.map((i) => (i === axis ? 0 : dims[i] - read[i]));
  const back = perm.map((_, i) => perm.indexOf(i));
  return emit.transpose(emit.pad(sums, [...perm.map(() => 0), ...ends]), back);
}
