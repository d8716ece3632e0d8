import { describe, expect, it } from 'vitest';
import { compareStrategies, pairedTTest, penaltyMatrix, type StrategyRun } from 'sightline';
import { Rng } from '../../src/core/rng.js';

const run = (strategy: string, seed: number, values: number[], labelled = [20, 40, 80]): StrategyRun => ({
  strategy,
  seed,
  labelled,
  values,
});

/** Three seeds of random selection, and of a strategy that is better by 1/8, 2/8 and 3/8 at 40 labels. */
const runs = [
  run('random', 0, [0.25, 0.375, 0.5]),
  run('random', 1, [0.25, 0.5, 0.625]),
  run('random', 2, [0.25, 0.25, 0.75]),
  run('better', 2, [0.25, 0.625, 0.75]),
  run('better', 0, [0.25, 0.5, 0.5]),
  run('better', 1, [0.25, 0.75, 0.625]),
];

describe('comparison of strategies', () => {
  const summary = compareStrategies(runs, { trainingSize: 100, targetLevel: 0.5, shares: [0.2, 0.4, 1] });
  const [random, better] = summary.strategies;

  it('keeps the order of appearance and pairs by seed', () => {
    expect(summary.reference).toBe('random');
    expect(summary.range).toEqual({ from: 20, to: 80 });
    expect([random.strategy, better.strategy]).toEqual(['random', 'better']);
    expect(better.seeds).toEqual([2, 0, 1]);
    expect(random.test).toBeUndefined();
  });

  it('gives the metric at shares of the data, over the seeds that have it', () => {
    expect(better.atShares[0]).toEqual({ share: 0.2, mean: 0.25, deviation: 0, count: 3 });
    expect(better.atShares[1]).toEqual({ share: 0.4, mean: 0.625, deviation: 0.125, count: 3 });
    expect(better.atShares[2]).toEqual({ share: 1, mean: NaN, deviation: NaN, count: 0 });
  });

  it('gives areas as worked out by hand', () => {
    // (20 × (0.25 + v)/2 + 40 × (v + w)/2) / 60
    const area = (v: number, w: number) => (10 * (0.25 + v) + 20 * (v + w)) / 60;
    better.area.bySeed.forEach((value, i) => {
      expect(value).toBeCloseTo(area([0.625, 0.5, 0.75][i], [0.75, 0.5, 0.625][i]), 15);
    });
    // Differences of area are half those at 40 labels: 1/16, 2/16, 3/16: t = 2√3, as 1, 2, 3.
    expect(better.test!.tTest.meanDifference).toBeCloseTo(1 / 8, 15);
    expect(better.test!.tTest.t).toBeCloseTo(2 * Math.sqrt(3), 12);
    expect(better.test!.wilcoxon.pValue).toBe(0.25);
    expect(better.test!.holm).toEqual({ tTest: better.test!.tTest.pValue, wilcoxon: 0.25 });
  });

  it('gives labels to the target', () => {
    // Random: 0.375 → 0.5 at 80; at 40; 0.25 → 0.75, half-way at 60.
    expect(random.shareToTarget).toEqual({ bySeed: [0.8, 0.4, 0.6], reached: 3, median: 0.6 });
    expect(random.speedUp).toEqual({ factor: 1, bound: 'exact' });
    // Mean curves: random 0.375 at 40, 0.625 at 80, hence 60; better 0.25 at 20, 0.625 at 40, hence 20 + 20 × 2/3.
    expect(better.speedUp.factor).toBeCloseTo(60 / (20 + 40 / 3), 12);
  });

  it('counts seeds that do not get there as last', () => {
    const { strategies } = compareStrategies(runs, { trainingSize: 100, targetLevel: 0.7 });
    expect(strategies[0].shareToTarget).toMatchObject({ reached: 1, median: null });
    expect(strategies[0].shareToTarget.bySeed.slice(0, 2)).toEqual([null, null]);
    const { strategies: two } = compareStrategies(runs, { trainingSize: 100, targetLevel: 0.625 });
    expect(two[1].shareToTarget).toMatchObject({ reached: 2, median: 0.4 });
    const even = compareStrategies(
      runs.filter(({ seed }) => seed !== 1),
      { trainingSize: 100, targetLevel: 0.625 },
    );
    expect(even.strategies[1].shareToTarget).toMatchObject({ reached: 1, median: null });
  });

  it('takes the end of the reference as the target when there is none', () => {
    expect(compareStrategies(runs, { trainingSize: 100 }).targetLevel).toBe(0.625);
  });

  it('corrects over strategies', () => {
    const third = [0, 1, 2].map((seed) => run('third', seed, [0.25, 0.5, [0.5, 0.6, 0.9][seed]]));
    const { strategies } = compareStrategies([...runs, ...third], { trainingSize: 100 });
    const [, first, second] = strategies;
    const [smaller, larger] = [first, second].sort((a, b) => a.test!.tTest.pValue - b.test!.tTest.pValue);
    expect(smaller.test!.holm.tTest).toBeCloseTo(2 * smaller.test!.tTest.pValue, 15);
    expect(larger.test!.holm.tTest).toBeCloseTo(
      Math.max(larger.test!.tTest.pValue, 2 * smaller.test!.tTest.pValue),
      15,
    );
  });

  it('copes with one seed, no reference, nothing in common and nothing at all', () => {
    const one = compareStrategies([runs[0], runs[4]], { trainingSize: 100 });
    expect(one.strategies[1].area.deviation).toBeNaN();
    expect(one.strategies[1].test).toMatchObject({ tTest: { pValue: NaN }, holm: { tTest: NaN } });
    const alone = compareStrategies(runs.slice(3), { trainingSize: 100 });
    expect(alone.targetLevel).toBeNaN();
    expect(alone.strategies[0]).not.toHaveProperty('test');
    expect(alone.strategies[0].speedUp.bound).toBe('unknown');
    const apart = compareStrategies([run('random', 0, [1, 2], [1, 2]), run('a', 0, [1, 2], [5, 6])], {
      trainingSize: 10,
    });
    expect(apart.range).toBeUndefined();
    expect(apart.strategies[1].area.mean).toBeNaN();
    expect(compareStrategies([], { trainingSize: 10 }).strategies).toEqual([]);
    expect(() => compareStrategies(runs, { trainingSize: 0 })).toThrow(/trainingSize/);
    expect(() => compareStrategies([runs[0], runs[0]], { trainingSize: 1 })).toThrow(/seed 0 occurs twice/);
  });

  it('says of equal strategies that they are equal', () => {
    const twin = runs.slice(0, 3).map((r) => ({ ...r, strategy: 'twin' }));
    const { test, speedUp } = compareStrategies([...runs.slice(0, 3), ...twin], { trainingSize: 100 }).strategies[1];
    expect(test).toMatchObject({ tTest: { meanDifference: 0, pValue: NaN }, wilcoxon: { pValue: 1 } });
    expect(speedUp).toEqual({ factor: 1, bound: 'exact' });
  });
});

describe('pairwise penalty matrix', () => {
  const experiment = { runs };

  it('gives 1/C for each of C checkpoints won', () => {
    // At 40 labels the differences are 1/8, 1/4, 3/8: t = 2√3, p = 0.074. At 20 and 80 all are 0.
    expect(penaltyMatrix([experiment], 0.9)).toEqual({
      strategies: ['random', 'better'],
      wins: [
        [0, 0],
        [1 / 3, 0],
      ],
      penalties: [1 / 3, 0],
    });
    expect(penaltyMatrix([experiment]).wins[1][0]).toBe(0);
    expect(penaltyMatrix([{ runs, checkpoints: [40] }], 0.9).wins[1][0]).toBe(1);
    expect(penaltyMatrix([{ runs, checkpoints: [40, 500] }], 0.9).wins[1][0]).toBe(0.5);
  });

  it('adds up experiments', () => {
    expect(penaltyMatrix([experiment, experiment], 0.9).wins[1][0]).toBeCloseTo(2 / 3, 15);
    const other = { runs: [run('third', 0, [1, 1, 1]), run('third', 1, [1, 1, 1])] };
    const { wins, penalties } = penaltyMatrix([experiment, other], 0.9);
    expect(wins[2]).toEqual([NaN, NaN, 0]);
    expect(wins[0]).toEqual([0, 0, NaN]);
    expect(penalties).toEqual([1 / 3, 0, NaN]);
  });

  it('uses the cut-off of BADGE for five seeds', () => {
    // t just below and above 2.776: differences 1, 1, 1, 1, x.
    const by = (x: number) => {
      const differences = [1, 1, 1, 1, x];
      const five = differences.flatMap((d, seed) => [run('a', seed, [d], [10]), run('b', seed, [0], [10])]);
      return { t: pairedTTest(differences, [0, 0, 0, 0, 0]).t, won: penaltyMatrix([{ runs: five }]).wins[0][1] };
    };
    const [below, above] = [by(3.24), by(3.14)];
    expect(below.t).toBeGreaterThan(2.5);
    expect(below.t).toBeLessThan(3.3);
    for (const { t, won } of [below, above, by(4), by(2), by(3.4)]) expect(won).toBe(t > 2.776445 ? 1 : 0);
    expect(new Set([by(4).won, by(2).won]).size).toBe(2);
  });

  it('says nothing from one seed', () => {
    expect(penaltyMatrix([{ runs: [runs[0], runs[4]] }]).wins[1][0]).toBeNaN();
    expect(penaltyMatrix([])).toEqual({ strategies: [], wins: [], penalties: [] });
    expect(() => penaltyMatrix([], 2)).toThrow(/confidence/);
  });

  it('finds equal strategies beaten as rarely as it says', () => {
    const noise = (strategy: string) =>
      Array.from({ length: 5 }, (_, seed) => {
        const rng = new Rng(seed, strategy);
        const labelled = Array.from({ length: 1000 }, (_, i) => i + 1);
        return run(
          strategy,
          seed,
          labelled.map(() => rng.normal()),
          labelled,
        );
      });
    const { wins } = penaltyMatrix([{ runs: [...noise('a'), ...noise('b')] }]);
    // 0.025 on each side, standard error 0.005.
    expect(Math.abs(wins[0][1] - 0.025)).toBeLessThan(0.02);
    expect(Math.abs(wins[1][0] - 0.025)).toBeLessThan(0.02);
  });
});
