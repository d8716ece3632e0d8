import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maximumEntropy, probabilities, uncertainty } from '../../src/features/uncertainty.js';

describe('softmax head', () => {
  it('matches values computed by hand', () => {
    const p = probabilities([0, Math.log(3)], 'softmax');
    expect([...p]).toEqual([expect.closeTo(0.25, 12), expect.closeTo(0.75, 12)]);
    const u = uncertainty(p, 'softmax');
    expect(u.entropy).toBeCloseTo(0.25 * Math.log(4) + 0.75 * Math.log(4 / 3), 12);
    expect(u.leastConfidence).toBeCloseTo(0.25, 12);
    expect(u.margin).toBeCloseTo(0.5, 12);
  });

  it('survives extreme logits', () => {
    expect(uncertainty(probabilities([1e4, -1e4, 0], 'softmax'), 'softmax')).toEqual({
      entropy: 0,
      leastConfidence: 0,
      margin: 1,
    });
    expect(uncertainty(probabilities([NaN, 0], 'softmax'), 'softmax').entropy).toBeNaN();
    expect(uncertainty(probabilities([NaN, 0], 'softmax'), 'softmax').margin).toBeNaN();
  });

  it('stays within its bounds, and is largest when undecided', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ min: -30, max: 30, noNaN: true }), { minLength: 2, maxLength: 20 }), (logits) => {
        const u = uncertainty(probabilities(logits, 'softmax'), 'softmax');
        expect(u.entropy).toBeGreaterThanOrEqual(0);
        expect(u.entropy).toBeLessThanOrEqual(maximumEntropy(logits.length, 'softmax') + 1e-12);
        expect(u.margin).toBeGreaterThanOrEqual(0);
        expect(u.leastConfidence).toBeLessThanOrEqual(1 - 1 / logits.length + 1e-12);
      }),
      { seed: 1 },
    );
    expect(uncertainty(probabilities([2, 2, 2], 'softmax'), 'softmax').entropy).toBeCloseTo(Math.log(3), 12);
  });
});

describe('sigmoid head', () => {
  it('averages two-class uncertainties over the labels', () => {
    const u = uncertainty(probabilities([0, 1e3], 'sigmoid'), 'sigmoid');
    expect(u.entropy).toBeCloseTo(Math.LN2 / 2, 12);
    expect(u.leastConfidence).toBeCloseTo(0.25, 12);
    expect(u.margin).toBeCloseTo(0.5, 12);
  });
});
