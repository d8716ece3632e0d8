import { describe, expect, it } from 'vitest';
import type { Criterion } from '../../src/core/criteria.js';
import { rankOrder } from '../../src/selection/ranking.js';
import { defaultContext, findStrategy } from '../../src/strategies/index.js';
import { meanRanks } from '../../src/strategies/ranks.js';
import { scoresOf, type ToyPool } from './pools.js';

const pool = (columns: Partial<Record<Criterion, number[]>>, features: Record<string, number[]> = {}): ToyPool => ({
  ids: 'abc',
  columns,
  features,
});
const order = (name: string, toy: ToyPool, context = {}) =>
  [...rankOrder(Float64Array.from(scoresOf(name, toy, context)), [...toy.ids])].map((i) => toy.ids[i]).join('');

describe('toy cases worked out by hand', () => {
  it('entropy, least confidence and kurtosis: highest first', () => {
    expect(order('entropy', pool({ entropy: [0.1, 0.6, 0.3] }))).toBe('bca');
    expect(order('least-confidence', pool({ least_confidence: [0.4, 0.1, 0.2] }))).toBe('acb');
    expect(order('kurtosis', pool({ kurtosis: [3, 1.8, 40] }))).toBe('cab');
  });

  it('kurtosis of the images, where radiomics are taken of them', () => {
    const toy = pool({ kurtosis: [3, 1.8, 40] }, { original_firstorder_Kurtosis: [2, 9, NaN] });
    expect(order('kurtosis', toy, { radiomicsOf: 'image' })).toBe('bac');
    const { features } = findStrategy('kurtosis');
    expect(features!({ ...defaultContext, radiomicsOf: 'image' })).toEqual(['original_firstorder_Kurtosis']);
    expect(features!(defaultContext)).toEqual([]);
    expect(() => order('kurtosis', pool({}), { radiomicsOf: 'image' })).toThrow('not computed');
  });

  it('Monte-Carlo dropout: variance between and within passes together; BALD alone', () => {
    const columns = { mc_epistemic: [0.1, 0.2, 0], mc_aleatoric: [0.3, 0, 0.35], bald: [0.02, 0.3, 0.1] };
    expect(order('mc-dropout', pool(columns))).toBe('acb');
    expect(order('bald', pool(columns))).toBe('bca');
  });

  it('Borda count: points for every sample beaten, ties in the middle, low first where asked', () => {
    const features = {
      saliency_firstorder_Kurtosis: [3, 9, 5], // points 0, 1, ½
      saliency_firstorder_Skewness: [1, 2, 2], // 0, ¾, ¾
      saliency_firstorder_Entropy: [2, 1, 0.5], // low first: 0, ½, 1
      saliency_firstorder_TotalEnergy: [7, 7, 7], // ½ each
    };
    const scores = scoresOf('pyrad-firstorder', pool({}, features));
    expect(scores).toEqual([0.5 / 4, (1 + 0.75 + 0.5 + 0.5) / 4, (0.5 + 0.75 + 1 + 0.5) / 4]);
    expect(order('pyrad-firstorder', pool({}, features))).toBe('bca'); // b and c tie: by id
  });

  it('Borda count: a missing feature gives no points, a sample without any scores NaN', () => {
    const features = {
      saliency_shape2D_Sphericity: [0.9, NaN, 0.3],
      saliency_shape2D_SphericalDisproportion: [1 / 0.9, NaN, 1 / 0.3],
      saliency_shape2D_Elongation: [NaN, NaN, 0.5],
    };
    const scores = scoresOf('pyrad-shape2d', pool({}, features));
    expect(scores).toEqual([2 / 3, NaN, expect.closeTo(0.5 / 3, 12)]);
  });

  it('Borda count over the images, and over a list of the user’s', () => {
    const features = {
      original_glcm_SumEntropy: [1, 2, 3],
      original_glcm_Idn: [0.5, 0.9, 0.7],
      original_glcm_DifferenceEntropy: [1, 2, 3],
      original_glcm_MCC: [0.1, 0.2, 0.3],
    };
    expect(order('pyrad-glcm', pool({}, features), { radiomicsOf: 'image' })).toBe('bac'); // 2, 2½, 1½
    const borda = [
      { feature: 'original_glcm_Idn', first: 'low' },
      { feature: 'glcm_MCC', first: 'low' },
    ] as const;
    expect(order('borda', pool({}, features), { radiomicsOf: 'image', borda })).toBe('abc'); // 2, ½, ½
    expect(findStrategy('borda').features!({ ...defaultContext, borda })).toEqual([
      'original_glcm_Idn',
      'saliency_glcm_MCC',
    ]);
    expect(() => order('borda', pool({}, features), { borda })).toThrow('saliency_glcm_MCC');
    expect(() => order('borda', pool({}, features))).toThrow('--borda');
  });

  it('margin: smallest first', () => {
    expect(order('margin', pool({ margin: [0.9, 0.2, 0.5] }))).toBe('bca');
  });

  const dual = pool({ entropy: [Math.LN2, 0.5 * Math.LN2, 0], margin: [0, 0.5, 1], dice: [1, 0.5, 0.1] });
  it.each([
    ['sum', 0.5, [0.5, 0.5, 0.45]],
    ['sum', 1, [1, 0.5, 0]],
    ['sum', 0, [0, 0.5, 0.9]],
    ['product', 0.5, [0, 0.25, 0]],
    ['rank-sum', 0.25, [0.25, 0.5, 0.75]],
  ] as const)('xal %s, alpha %d', (combine, alpha, expected) => {
    const scores = scoresOf('xal', dual, { combine, alpha });
    expect(scores).toEqual(expected.map((v) => expect.closeTo(v, 12)));
    const byMargin = scoresOf('xal', dual, { combine, alpha, uncertainty: 'margin' });
    expect(byMargin).toEqual(expected.map((v) => expect.closeTo(v, 12)));
  });

  it('xal scores a sample without a region of interest by uncertainty alone', () => {
    const toy = pool({ entropy: [0.2, 0.4, 0.6], dice: [NaN, NaN, 1] });
    expect(scoresOf('xal', toy, { maximumEntropy: 1 })).toEqual([0.2, 0.4, 0.3]);
  });

  it('random depends on seed and id alone', () => {
    const scores = (seed: number, ids: string) => scoresOf('random', { ids }, { seed });
    const forward = scores(1, 'xyz');
    expect(scores(1, 'zyx')).toEqual(forward.toReversed());
    expect(scores(2, 'xyz')).not.toEqual(forward);
  });
});

describe('mean ranks', () => {
  it('shares ties and leaves NaN out', () => {
    expect([...meanRanks(Float64Array.from([5, 1, 5, NaN, 9]))]).toEqual([0.5, 0, 0.5, NaN, 1]);
    expect([...meanRanks(Float64Array.from([4]))]).toEqual([0.5]);
    expect([...meanRanks(new Float64Array(0))]).toEqual([]);
  });
});

describe('ranking', () => {
  it('breaks ties by id, puts NaN last, and reverses', () => {
    const names = ['d', 'c', 'b', 'a'];
    const scores = Float64Array.from([1, NaN, 2, 1]);
    expect([...rankOrder(scores, names)].map((i) => names[i]).join('')).toBe('badc');
    expect([...rankOrder(scores, names, true)].map((i) => names[i]).join('')).toBe('adbc');
  });
});

it('an unknown strategy names the known ones', () => {
  expect(() => findStrategy('magic')).toThrow(/xal, kurtosis, pyrad-firstorder, .*entropy, .*core-set, .*random/);
});
