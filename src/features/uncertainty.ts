/** How class scores become probabilities. */
export type Activation = 'softmax' | 'sigmoid';

/** Probabilities of one image. Softmax: sums to 1. Sigmoid: one independent probability per label. */
export function probabilities(logits: ArrayLike<number>, activation: Activation): Float64Array {
  const out = new Float64Array(logits.length);
  if (activation === 'sigmoid') {
    for (let k = 0; k < out.length; k++) out[k] = 1 / (1 + Math.exp(-logits[k]));
    return out;
  }
  let max = -Infinity;
  for (let k = 0; k < out.length; k++) max = Math.max(max, logits[k]);
  let sum = 0;
  for (let k = 0; k < out.length; k++) sum += out[k] = Math.exp(logits[k] - max);
  for (let k = 0; k < out.length; k++) out[k] /= sum;
  return out;
}

/**
 * Uncertainty of one prediction (natural logarithm; definitions as in Settles, "Active learning
 * literature survey", 2009). Multi-label heads: each label is a two-class problem and the values
 * are means over the labels.
 */
export interface Uncertainty {
  /** Predictive entropy −Σ p ln p, in nats: 0 … ln K (softmax) or 0 … ln 2 (sigmoid). */
  entropy: number;
  /** 1 − max p: 0 … 1 − 1/K. */
  leastConfidence: number;
  /** p₍₁₎ − p₍₂₎: 0 (undecided) … 1 (certain). */
  margin: number;
}

export function uncertainty(p: Float64Array, activation: Activation): Uncertainty {
  if (activation === 'sigmoid') {
    let entropy = 0;
    let leastConfidence = 0;
    let margin = 0;
    for (const q of p) {
      entropy += plogp(q) + plogp(1 - q);
      leastConfidence += Math.min(q, 1 - q);
      margin += Math.abs(2 * q - 1);
    }
    return {
      entropy: -entropy / p.length || 0,
      leastConfidence: leastConfidence / p.length,
      margin: margin / p.length,
    };
  }
  let entropy = 0;
  let first = -Infinity;
  let second = -Infinity;
  for (const q of p) {
    entropy += plogp(q);
    if (q > first) [first, second] = [q, first];
    else if (q > second) second = q;
  }
  // `|| 0` turns −0 into 0. A NaN probability must not read as "certain": it becomes NaN throughout.
  if (Number.isNaN(entropy)) return { entropy: NaN, leastConfidence: NaN, margin: NaN };
  return { entropy: -entropy || 0, leastConfidence: 1 - first, margin: p.length > 1 ? first - second : first };
}

/** Largest possible entropy of a head, to bring entropies of different heads to [0, 1]. */
export function maximumEntropy(classes: number, activation: Activation): number {
  return Math.log(activation === 'sigmoid' ? 2 : classes);
}

function plogp(p: number): number {
  return p === 0 ? 0 : p * Math.log(p);
}
