import { SightlineError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import type { Activation } from './uncertainty.js';

/** How much a committee of models disagrees on each sample, in nats. */
export interface Disagreement {
  /**
   * Entropy of the members' votes, −Σ (V_k / M) ln(V_k / M): 0 … ln min(K, M). Dagan and Engelson, "Committee-based sampling
   * for training probabilistic classifiers", ICML 1995.
   */
  voteEntropy: Float64Array;
  /** Entropy of the members' mean probabilities (soft votes): 0 … ln K. */
  consensusEntropy: Float64Array;
  /**
   * Mean Kullback-Leibler divergence of the members from the consensus, 1/M Σ_m Σ_k p_mk ln(p_mk / p̄_k): 0 … ln min(K, M).
   * McCallum and Nigam, "Employing EM and pool-based active learning for text classification", ICML 1998.
   */
  meanDivergence: Float64Array;
}

/**
 * Query by committee (definitions as in Settles, "Active learning literature survey", 2009, section 3.2). Multi-label heads:
 * each label is a two-class problem (a vote for it from ½ on), and the values are means over the labels. Votes on ties
 * go to the first class. A sample with a NaN is NaN throughout.
 * @param probabilities f64[M,N,K] of M models; softmax rows sum to 1
 * @returns f64[N] each
 * @throws SightlineError E_SHAPE
 */
export function committeeDisagreement({ dims, data }: Tensor<'f64'>, activation: Activation = 'softmax'): Disagreement {
  const [members, samples, classes] = dims;
  if (dims.length !== 3 || members < 1 || classes < 1) {
    throw new SightlineError('E_SHAPE', {
      where: 'probabilities',
      what: `expected [M,N,K] with at least one model and one class, received [${dims.join(',')}]`,
    });
  }
  const out: Disagreement = {
    voteEntropy: new Float64Array(samples),
    consensusEntropy: new Float64Array(samples),
    meanDivergence: new Float64Array(samples),
  };
  const at = (m: number, n: number, k: number) => data[(m * samples + n) * classes + k];
  const problems = activation === 'sigmoid' ? classes : 1;
  const outcomes = activation === 'sigmoid' ? 2 : classes;
  // p[m][k] of one problem.
  const p = Array.from({ length: members }, () => new Float64Array(outcomes));
  for (let n = 0; n < samples; n++) {
    for (let problem = 0; problem < problems; problem++) {
      for (let m = 0; m < members; m++) {
        if (activation === 'sigmoid') p[m].set([at(m, n, problem), 1 - at(m, n, problem)]);
        else for (let k = 0; k < classes; k++) p[m][k] = at(m, n, k);
      }
      const { votes, consensus, divergence } = disagreementOn(p);
      out.voteEntropy[n] += votes / problems;
      out.consensusEntropy[n] += consensus / problems;
      out.meanDivergence[n] += divergence / problems;
    }
  }
  return out;
}

function disagreementOn(p: readonly Float64Array[]): { votes: number; consensus: number; divergence: number } {
  const mean = new Float64Array(p[0].length);
  const shares = new Float64Array(p[0].length);
  for (const member of p) {
    let vote = 0;
    for (let k = 0; k < mean.length; k++) {
      mean[k] += member[k] / p.length;
      if (member[k] > member[vote]) vote = k;
    }
    shares[vote] += 1 / p.length;
  }
  let divergence = 0;
  // A mean that underflows to 0 belongs to probabilities that add nothing.
  for (const member of p) {
    for (let k = 0; k < mean.length; k++) {
      if (member[k] !== 0 && mean[k] !== 0) divergence += (member[k] * Math.log(member[k] / mean[k])) / p.length;
    }
  }
  const consensus = entropyOf(mean);
  // Rounding may leave a divergence just below 0.
  return { votes: consensus === consensus ? entropyOf(shares) : NaN, consensus, divergence: Math.max(0, divergence) };
}

function entropyOf(p: Float64Array): number {
  let sum = 0;
  for (const q of p) if (q !== 0) sum += q * Math.log(q);
  // `|| 0` would turn NaN into 0.
  return sum === 0 ? 0 : Math.max(0, -sum);
}
