/** Probability of a single label from its logit. */
export const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** Probabilities of classes that exclude each other, from their logits: they add up to 1, however large the logits. */
export function softmax(logits: ArrayLike<number>): number[] {
  const scores = Array.from(logits);
  const most = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const shares = scores.map((score) => Math.exp(score - most));
  const sum = shares.reduce((a, b) => a + b, 0);
  return shares.map((share) => share / sum);
}
