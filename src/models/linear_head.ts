/** A fitted linear classifier: logits = x · weights + bias. */
export interface LinearHead {
  /** [D, K] row-major */
  weights: Float32Array;
  /** [K] */
  bias: Float32Array;
}

/**
 * Multinomial logistic regression with an L2 penalty, by gradient descent with Nesterov momentum on standardised
 * features; the standardisation is folded into the result. Deterministic; float64 throughout.
 * @param features [N, D] row-major
 * @param labels class of each row, 0 … classes − 1
 */
export function fitLinearHead(
  features: Float32Array,
  labels: readonly number[],
  classes: number,
  { l2 = 1e-2, iterations = 400, rate = 0.5 }: { l2?: number; iterations?: number; rate?: number } = {},
): LinearHead {
  const n = labels.length;
  const d = features.length / n;
  const { x, mean, deviation } = standardised(features, n, d);
  const size = (d + 1) * classes; // the last row of weights is the bias
  let w = new Float64Array(size);
  let velocity = new Float64Array(size);
  const step = rate / Math.sqrt(d);
  for (let iteration = 0; iteration < iterations; iteration++) {
    const ahead = w.map((value, i) => value + 0.9 * velocity[i]);
    const gradient = lossGradient(x, labels, ahead, n, d, classes, l2);
    velocity = velocity.map((value, i) => 0.9 * value - step * gradient[i]);
    w = w.map((value, i) => value + velocity[i]);
  }
  const weights = new Float32Array(d * classes);
  const bias = Float64Array.from({ length: classes }, (_, k) => w[d * classes + k]);
  for (let j = 0; j < d; j++) {
    for (let k = 0; k < classes; k++) {
      const scaled = w[j * classes + k] / deviation[j];
      weights[j * classes + k] = scaled;
      bias[k] -= scaled * mean[j];
    }
  }
  return { weights, bias: Float32Array.from(bias) };
}

/** Gradient of mean cross-entropy + l2/2·|w|², bias not penalised. */
function lossGradient(
  x: Float64Array,
  labels: readonly number[],
  w: Float64Array,
  n: number,
  d: number,
  classes: number,
  l2: number,
): Float64Array {
  const gradient = new Float64Array(w.length);
  const p = new Float64Array(classes);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < classes; k++) p[k] = w[d * classes + k];
    for (let j = 0; j < d; j++) for (let k = 0; k < classes; k++) p[k] += x[i * d + j] * w[j * classes + k];
    const max = Math.max(...p);
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += p[k] = Math.exp(p[k] - max);
    for (let k = 0; k < classes; k++) p[k] = (p[k] / sum - Number(labels[i] === k)) / n;
    for (let j = 0; j < d; j++) for (let k = 0; k < classes; k++) gradient[j * classes + k] += x[i * d + j] * p[k];
    for (let k = 0; k < classes; k++) gradient[d * classes + k] += p[k];
  }
  for (let i = 0; i < d * classes; i++) gradient[i] += l2 * w[i];
  return gradient;
}

function standardised(features: Float32Array, n: number, d: number) {
  const mean = new Float64Array(d);
  const deviation = new Float64Array(d);
  for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) mean[j] += features[i * d + j] / n;
  for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) deviation[j] += (features[i * d + j] - mean[j]) ** 2 / n;
  for (let j = 0; j < d; j++) {
    const spread = Math.sqrt(deviation[j]);
    // A constant feature carries nothing; its mean is rounded, so that its spread need not be exactly zero.
    deviation[j] = spread > 1e-9 * Math.abs(mean[j]) ? spread : 1;
  }
  const x = Float64Array.from(features, (value, i) => (value - mean[i % d]) / deviation[i % d]);
  return { x, mean, deviation };
}
