import type { Activation } from './uncertainty.js';
import { probabilities, uncertainty } from './uncertainty.js';

/** What the spread of several predictions of one image says; natural logarithms. */
export interface DropoutUncertainty {
  /** Entropy of the mean prediction: 0 … ln K. */
  entropy: number;
  /**
   * Variance between passes, mean ‖p_t‖² − ‖p̄‖² (Kwon et al., 2020; trace): what more labels could teach. Multi-label:
   * mean over the labels of var_t p.
   */
  epistemic: number;
  /** Variance within passes, 1 − mean ‖p_t‖² (Kwon; trace). Multi-label: mean of p(1 − p). */
  aleatoric: number;
  /** Mutual information between prediction and weights, H(p̄) − mean H(p_t) ≥ 0 (BALD; Houlsby et al., 2011). */
  bald: number;
}

/**
 * Uncertainty from T stochastic forward passes of one image; definitions as in the IDEAL paper's eq. 3 (epistemic plus
 * aleatoric variance) and in Gal, Islam & Ghahramani (2017).
 * @param passes T rows of K logits
 */
export function dropoutUncertainty(passes: readonly Float32Array[], activation: Activation): DropoutUncertainty {
  const count = passes.length;
  const classes = passes[0].length;
  const mean = new Float64Array(classes);
  const meanSquare = new Float64Array(classes);
  let expectedEntropy = 0;
  for (const logits of passes) {
    const p = probabilities(logits, activation);
    expectedEntropy += uncertainty(p, activation).entropy / count;
    for (let k = 0; k < classes; k++) {
      mean[k] += p[k] / count;
      meanSquare[k] += (p[k] * p[k]) / count;
    }
  }
  const entropy = uncertainty(mean, activation).entropy;
  let between = 0;
  let square = 0;
  let total = 0;
  for (let k = 0; k < classes; k++) {
    between += meanSquare[k] - mean[k] * mean[k];
    square += meanSquare[k];
    total += mean[k];
  }
  const labels = activation === 'sigmoid' ? classes : 1;
  return {
    entropy,
    // Rounding may put what is zero a little below.
    epistemic: atLeastZero(between / labels),
    aleatoric: atLeastZero((activation === 'sigmoid' ? total - square : 1 - square) / labels),
    bald: atLeastZero(entropy - expectedEntropy),
  };
}

/** NaN stays NaN. */
function atLeastZero(value: number): number {
  return value < 0 ? 0 : value;
}
