/** Where the series gives way to the continued fraction, which keeps its relative precision in the tail. */
const tailStart = 3;

const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/**
 * P(Z > x) of the standard normal distribution, in [0, 1], to about 1e-14 relative. NaN for NaN.
 * |x| < 3: ½ − φ(x) Σ x^(2k+1) / (1·3·5…(2k+1)) (Marsaglia, Journal of Statistical Software 2004); beyond: Laplace's continued
 * fraction φ(x) / (x + 1/(x + 2/(x + …))).
 */
export function normalUpperTail(x: number): number {
  if (x <= -tailStart) return 1 - normalUpperTail(-x);
  if (x < tailStart) {
    let term = x;
    let sum = x;
    for (let odd = 3; Math.abs(term) > 1e-18 * Math.abs(sum); odd += 2) {
      term *= (x * x) / odd;
      sum += term;
    }
    return 0.5 - density(x) * sum;
  }
  let fraction = x;
  for (let k = 200; k > 0; k--) fraction = x + k / fraction;
  return x === Infinity ? 0 : density(x) / fraction;
}

/** x with P(Z ≤ x) = p, for p in [0, 1] (0 and 1: ∓∞); NaN outside. By bisection: exact to the last bits. */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return NaN;
  if (p === 0 || p === 1) return p === 0 ? -Infinity : Infinity;
  if (p > 0.5) return -normalQuantile(1 - p);
  // Here the quantile is −x with P(Z > x) = p: the small tail, where nothing cancels.
  let low = 0;
  let high = 40;
  for (let step = 0; step < 80; step++) {
    const middle = (low + high) / 2;
    if (normalUpperTail(middle) > p) low = middle;
    else high = middle;
  }
  return -(low + high) / 2;
}
