import type { ElementType } from '../../../src/graph/constant.js';
import type { Definition } from './call.js';
import { broadcastDims, isReal, readBroadcast, tabulate, type Value } from './value.js';

function combined(inputs: readonly Value[], compute: (...values: number[]) => number, type: ElementType): Value {
  const dims = broadcastDims(...inputs.map((x) => x.dims));
  return tabulate(dims, (index) => compute(...inputs.map((x) => readBroadcast(x, index))), type);
}

const elementwise =
  (compute: (...values: number[]) => number): Definition =>
  (call) => [combined(call.all(), compute, call.x().type)];

const truth =
  (compute: (a: number, b: number) => boolean): Definition =>
  (call) => [combined(call.all(), (a, b) => (compute(a, b) ? 1 : 0), 'bool')];

export const arithmetic: Record<string, Definition> = {
  Add: elementwise((a, b) => a + b),
  Sub: elementwise((a, b) => a - b),
  Mul: elementwise((a, b) => a * b),
  Div: (call) => [
    combined(call.all(), isReal(call.x()) ? (a, b) => a / b : (a, b) => Math.trunc(a / b), call.x().type),
  ],
  Pow: elementwise((a, b) => a ** b),
  // The sign of the dividend with fmod, else that of the divisor.
  Mod: (call) => [
    combined(call.all(), call.int('fmod', 0) ? (a, b) => a % b : (a, b) => a - b * Math.floor(a / b), call.x().type),
  ],
  Min: elementwise(Math.min),
  Max: elementwise(Math.max),
  Sum: elementwise((...values) => values.reduce((a, b) => a + b, 0)),
  Mean: elementwise((...values) => values.reduce((a, b) => a + b, 0) / values.length),
  Equal: truth((a, b) => a === b),
  Greater: truth((a, b) => a > b),
  GreaterOrEqual: truth((a, b) => a >= b),
  Less: truth((a, b) => a < b),
  LessOrEqual: truth((a, b) => a <= b),
  And: truth((a, b) => a !== 0 && b !== 0),
  Or: truth((a, b) => a !== 0 || b !== 0),
  Xor: truth((a, b) => (a !== 0) !== (b !== 0)),
  Where: (call) => [combined(call.all(), (condition, a, b) => (condition ? a : b), call.x(1).type)],
};
