import { expectArgument } from '../core/errors.js';

/** Lanczos' coefficients for g = 7 (Godfrey 2001): about 1e-15 relative. */
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** ln Γ(x) for x > 0 (Lanczos 1964). */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const shifted = x - 1;
  const base = shifted + 7.5;
  const series = lanczos.reduce((sum, c, k) => (k === 0 ? c : sum + c / (shifted + k)), 0);
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(base) - base + Math.log(series);
}

/**
 * The regularised incomplete beta function I_x(a, b), for a, b > 0 and x in [0, 1]; `complement` is 1 − x, asked for so that
 * nothing cancels near 1. Continued fraction 26.5.8 of Abramowitz and Stegun by Lentz' method, on the side where it converges fast.
 */
export function incompleteBeta(a: number, b: number, x: number, complement = 1 - x): number {
  if (Number.isNaN(x)) return NaN;
  if (x <= 0 || complement <= 0) return x <= 0 ? 0 : 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(b, a, complement, x);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(complement));
  return (front / a) * betaFraction(a, b, x);
}

/** More than the fraction ever needs on its fast side, which grows with √max(a, b). */
const mostTerms = 10_000;

function betaFraction(a: number, b: number, x: number): number {
  // A denominator of 0 is moved off it: Lentz' method divides by both.
  const apart = (value: number): number => (Math.abs(value) < 1e-300 ? 1e-300 : value);
  let c = 1;
  let d = 1 / apart(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < mostTerms; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / apart(1 + even * d);
    c = apart(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / apart(1 + odd * d);
    c = apart(1 + odd / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return fraction;
}

/**
 * P(T > t) of Student's t distribution, in [0, 1]: ½ I_{ν/(ν + t²)}(ν/2, ½) for t ≥ 0. NaN for NaN.
 * @param degrees ν > 0, degrees of freedom
 */
export function studentUpperTail(t: number, degrees: number): number {
  expectArgument(degrees > 0, 'degrees', 'a number above 0', degrees);
  if (t < 0) return 1 - studentUpperTail(-t, degrees);
  if (t === Infinity) return 0;
  const square = t * t;
  return incompleteBeta(degrees / 2, 0.5, degrees / (degrees + square), square / (degrees + square)) / 2;
}

/** t with P(T ≤ t) = p, for p in [0, 1] (0 and 1: ∓∞); NaN outside. By bisection, to the last bits. */
export function studentQuantile(p: number, degrees: number): number {
  if (!(p >= 0 && p <= 1)) return NaN;
  if (p === 0 || p === 1) return p === 0 ? -Infinity : Infinity;
  if (p > 0.5) return -studentQuantile(1 - p, degrees);
  // Here the quantile is −t with P(T > t) = p: the small tail, where nothing cancels.
  let low = 0;
  let high = 1;
  while (studentUpperTail(high, degrees) > p) high *= 2;
  for (let step = 0; step < 80; step++) {
    const middle = (low + high) / 2;
    if (studentUpperTail(middle, degrees) > p) low = middle;
    else high = middle;
  }
  return -(low + high) / 2;
}
