import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { tensor } from '../../src/core/tensor.js';
import { committeeDisagreement } from '../../src/features/committee.js';

const ln2 = expect.closeTo(Math.LN2, 12);
const zero = expect.closeTo(0, 12);

describe('query by committee', () => {
  it('by hand: two models, two classes', () => {
    // Agreed and certain; agreed and undecided; opposite and certain; (0.9, 0.1) against (0.6, 0.4).
    const p = [1, 0, 0.5, 0.5, 1, 0, 0.9, 0.1, /**/ 1, 0, 0.5, 0.5, 0, 1, 0.6, 0.4];
    const found = committeeDisagreement(tensor('f64', [2, 4, 2], Float64Array.from(p)));
    expect([...found.voteEntropy]).toEqual([0, 0, ln2, 0]);
    const consensus = -0.75 * Math.log(0.75) - 0.25 * Math.log(0.25);
    expect([...found.consensusEntropy]).toEqual([0, ln2, ln2, expect.closeTo(consensus, 12)]);
    const first = 0.9 * Math.log(0.9 / 0.75) + 0.1 * Math.log(0.1 / 0.25);
    const second = 0.6 * Math.log(0.6 / 0.75) + 0.4 * Math.log(0.4 / 0.25);
    expect([...found.meanDivergence]).toEqual([0, 0, ln2, expect.closeTo((first + second) / 2, 12)]);
  });

  it('votes on ties go to the first class', () => {
    const found = committeeDisagreement(tensor('f64', [2, 1, 3], Float64Array.of(0.4, 0.4, 0.2, 0.2, 0.4, 0.4)));
    expect([...found.voteEntropy]).toEqual([ln2]);
  });

  it('sigmoid heads: the mean over labels, each of two outcomes', () => {
    // Label 0: for and against, certain. Label 1: both undecided, which is a vote for it.
    const found = committeeDisagreement(tensor('f64', [2, 1, 2], Float64Array.of(1, 0.5, 0, 0.5)), 'sigmoid');
    expect([...found.voteEntropy]).toEqual([expect.closeTo(Math.LN2 / 2, 12)]);
    expect([...found.consensusEntropy]).toEqual([ln2]);
    expect([...found.meanDivergence]).toEqual([expect.closeTo(Math.LN2 / 2, 12)]);
  });

  it('a committee of one never disagrees; a NaN is NaN throughout and stays where it is', () => {
    const one = committeeDisagreement(tensor('f64', [1, 1, 2], Float64Array.of(0.3, 0.7)));
    expect([...one.voteEntropy, ...one.meanDivergence]).toEqual([0, 0]);
    const found = committeeDisagreement(tensor('f64', [2, 2, 2], Float64Array.of(NaN, 0.5, 1, 0, 0.5, 0.5, 1, 0)));
    for (const values of Object.values(found) as Float64Array[]) expect([...values]).toEqual([NaN, zero]);
    expect(committeeDisagreement(tensor('f64', [2, 0, 2])).voteEntropy.length).toBe(0);
    expect(() => committeeDisagreement(tensor('f64', [0, 2, 2]))).toThrow('at least one model and one class');
    expect(() => committeeDisagreement(tensor('f64', [2, 2]))).toThrow('expected [M,N,K]');
  });

  it('the divergence is the consensus entropy minus the mean entropy', () => {
    const rng = new Rng(1, 'committee');
    const p = Float64Array.from({ length: 4 * 30 * 3 }, () => rng.uniform());
    for (let i = 0; i < p.length; i += 3) {
      const sum = p[i] + p[i + 1] + p[i + 2];
      for (let k = 0; k < 3; k++) p[i + k] /= sum;
    }
    const { consensusEntropy, meanDivergence } = committeeDisagreement(tensor('f64', [4, 30, 3], p));
    for (let n = 0; n < 30; n++) {
      let mean = 0;
      for (let m = 0; m < 4; m++) {
        for (let k = 0; k < 3; k++) mean -= (p[(m * 30 + n) * 3 + k] * Math.log(p[(m * 30 + n) * 3 + k])) / 4;
      }
      expect(meanDivergence[n]).toBeCloseTo(consensusEntropy[n] - mean, 12);
    }
  });
});
