import type { NodeRun, Op } from './node_run.js';
import { inLastOrder, type Result, type Tf, type TfTensor, type Value } from './value.js';

/** Applies `make` to values that broadcast, in whichever layout they are. */
export function elementwise(values: readonly Value[], make: (...tensors: TfTensor[]) => TfTensor): Result {
  const rank = Math.max(...values.map((value) => value.rank));
  const whole = values.filter((value) => value.rank === rank);
  const channelsLast = rank > 2 && (whole.some((value) => value.prefersLast) || whole.every((value) => value.hasLast));
  if (!channelsLast) return make(...values.map((value) => value.plain()));
  return { last: make(...values.map((value) => value.lastAmong(rank))) };
}

/** An op of one input that maps each element. */
export function mapping(make: (tf: Tf, x: TfTensor, run: NodeRun) => TfTensor): Op {
  return (run) => elementwise([run.value(0)], (x) => make(run.tf, x, run));
}

/** An op whose inputs broadcast, folded from the left. */
export function folding(make: (tf: Tf, a: TfTensor, b: TfTensor, run: NodeRun) => TfTensor): Op {
  return (run) => elementwise(run.values(), (...all) => all.reduce((a, b) => make(run.tf, a, b, run)));
}

/** Works on a value in the layout it has; `order` brings one entry per axis into that layout. */
export function inOwnLayout(
  value: Value,
  make: (x: TfTensor, order: <T>(perAxis: readonly T[]) => T[]) => TfTensor,
): Result {
  if (value.prefersLast) return { last: make(value.last(), inLastOrder) };
  return make(value.plain(), (perAxis) => [...perAxis]);
}
