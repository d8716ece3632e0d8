import type { Definition } from './call.js';
import { map, readBroadcast, tabulate } from './value.js';

const mapped =
  (compute: (x: number) => number): Definition =>
  (call) => [map(call.x(), compute)];

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
/** ln(1 + eˣ) without overflow. */
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** erf(x) = 2/√π · e^(−x²) · Σ 2ⁿx^(2n+1)/(2n+1)!!: all terms have one sign. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** Halves to the even neighbour. */
function roundEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

export const pointwise: Record<string, Definition> = {
  Identity: (call) => [call.x()],
  Dropout: (call) => [call.x(), map(call.x(), () => 1, 'bool')],
  Relu: mapped((x) => Math.max(x, 0)),
  LeakyRelu: (call) => [map(call.x(), (x) => (x < 0 ? call.float('alpha', 0.01) * x : x))],
  PRelu: (call) => [
    tabulate(call.x().dims, (index) => {
      const x = readBroadcast(call.x(), index);
      return x < 0 ? readBroadcast(call.x(1), index) * x : x;
    }),
  ],
  Elu: (call) => [map(call.x(), (x) => (x < 0 ? call.float('alpha', 1) * Math.expm1(x) : x))],
  Selu: (call) => {
    const alpha = call.float('alpha', 1.67326319217681884765625);
    const gamma = call.float('gamma', 1.05070102214813232421875);
    return [map(call.x(), (x) => gamma * (x <= 0 ? alpha * Math.expm1(x) : x))];
  },
  Celu: (call) => {
    const alpha = call.float('alpha', 1);
    return [map(call.x(), (x) => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha)))];
  },
  ThresholdedRelu: (call) => [map(call.x(), (x) => (x > call.float('alpha', 1) ? x : 0))],
  Shrink: (call) => {
    const lambd = call.float('lambd', 0.5);
    const bias = call.float('bias', 0);
    return [map(call.x(), (x) => (x < -lambd ? x + bias : x > lambd ? x - bias : 0))];
  },
  Clip: (call) => {
    const low = call.has(1) ? call.x(1).data[0] : call.float('min', -Infinity);
    const high = call.has(2) ? call.x(2).data[0] : call.float('max', Infinity);
    return [map(call.x(), (x) => Math.min(Math.max(x, low), high))];
  },
  HardSigmoid: (call) => [
    map(call.x(), (x) => Math.max(0, Math.min(1, call.float('alpha', 0.2) * x + call.float('beta', 0.5)))),
  ],
  HardSwish: mapped((x) => x * Math.max(0, Math.min(1, x / 6 + 0.5))),
  Sigmoid: mapped(sigmoid),
  Tanh: mapped(Math.tanh),
  Softplus: mapped(softplus),
  Softsign: mapped((x) => x / (1 + Math.abs(x))),
  Mish: mapped((x) => x * Math.tanh(softplus(x))),
  Swish: (call) => [map(call.x(), (x) => x * sigmoid(call.float('alpha', 1) * x))],
  Gelu: (call) => [
    map(
      call.x(),
      call.text('approximate', 'none') === 'tanh'
        ? (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
        : (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
    ),
  ],
  Erf: mapped(erf),
  Exp: mapped(Math.exp),
  Log: mapped(Math.log),
  Sqrt: mapped(Math.sqrt),
  Reciprocal: mapped((x) => 1 / x),
  Neg: mapped((x) => -x),
  Abs: mapped(Math.abs),
  Floor: mapped(Math.floor),
  Ceil: mapped(Math.ceil),
  Round: mapped(roundEven),
  Sign: mapped(Math.sign),
  Sin: mapped(Math.sin),
  Cos: mapped(Math.cos),
  Tan: mapped(Math.tan),
  Asin: mapped(Math.asin),
  Acos: mapped(Math.acos),
  Atan: mapped(Math.atan),
  Sinh: mapped(Math.sinh),
  Cosh: mapped(Math.cosh),
  Asinh: mapped(Math.asinh),
  Acosh: mapped(Math.acosh),
  Atanh: mapped(Math.atanh),
  Not: mapped((x) => (x ? 0 : 1)),
  IsNaN: (call) => [map(call.x(), (x) => (Number.isNaN(x) ? 1 : 0), 'bool')],
};
