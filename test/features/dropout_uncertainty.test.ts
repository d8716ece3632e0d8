import { describe, expect, it } from 'vitest';
import { dropoutUncertainty } from '../../src/features/dropout_uncertainty.js';

const ln = Math.log;
/** Logits whose softmax is p. */
const logits = (...p: number[]) => Float32Array.from(p, (value) => ln(value));

describe('uncertainty over stochastic passes', () => {
  it('is worked out by hand for two opposite passes', () => {
    const u = dropoutUncertainty([logits(0.9, 0.1), logits(0.1, 0.9)], 'softmax');
    const h = -(0.9 * ln(0.9) + 0.1 * ln(0.1));
    expect(u.entropy).toBeCloseTo(ln(2), 6);
    expect(u.bald).toBeCloseTo(ln(2) - h, 6);
    expect(u.epistemic).toBeCloseTo(0.82 - 0.5, 6);
    expect(u.aleatoric).toBeCloseTo(1 - 0.82, 6);
  });

  it('has nothing between passes that agree', () => {
    const u = dropoutUncertainty([logits(0.7, 0.2, 0.1), logits(0.7, 0.2, 0.1), logits(0.7, 0.2, 0.1)], 'softmax');
    expect(u.bald).toBeCloseTo(0, 12);
    expect(u.bald).toBeGreaterThanOrEqual(0);
    expect(u.epistemic).toBeCloseTo(0, 12);
    expect(u.aleatoric).toBeCloseTo(1 - (0.49 + 0.04 + 0.01), 6);
  });

  it('treats every label of a sigmoid head on its own', () => {
    const u = dropoutUncertainty([Float32Array.of(0, 100), Float32Array.of(0, -100)], 'sigmoid');
    expect(u.epistemic).toBeCloseTo(0.25 / 2, 6);
    expect(u.aleatoric).toBeCloseTo(0.25 / 2, 6);
    expect(u.bald).toBeCloseTo(ln(2) / 2, 6);
  });

  it('is NaN where a pass is', () => {
    const u = dropoutUncertainty([Float32Array.of(NaN, 1), Float32Array.of(0, 1)], 'softmax');
    expect(Object.values(u)).toEqual([NaN, NaN, NaN, NaN]);
  });
});
