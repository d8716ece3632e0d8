import { describe, expect, it } from 'vitest';
import { tensor } from '../../src/core/tensor.js';
import { committeeDisagreement } from '../../src/features/committee.js';
import { findStrategy, loopColumns, requireOnePass, strategies } from '../../src/strategies/index.js';
import { batchOf, scoresOf, type ToyPool } from './pools.js';
import { referenceBackend } from './reference.js';

describe('committee', () => {
  // Two models and three samples, [p(0), p(1)]: on a both say 0 and agree; on b both say 0, 0.9 and 0.6; on c they contradict.
  const members = tensor('f64', [2, 3, 2], Float64Array.of(0.9, 0.1, 0.9, 0.1, 0.6, 0.4, 0.9, 0.1, 0.6, 0.4, 0.4, 0.6));
  const { voteEntropy, consensusEntropy, meanDivergence } = committeeDisagreement(members);
  const toy: ToyPool = {
    ids: 'abc',
    features: {
      committee_vote_entropy: [...voteEntropy],
      committee_consensus_entropy: [...consensusEntropy],
      committee_divergence: [...meanDivergence],
    },
  };

  it('vote entropy: only c is contested, ln 2', () => {
    expect(scoresOf('committee', toy)).toEqual([0, 0, Math.LN2]);
  });

  it('consensus entropy: of the means 0.9, 0.75 and 0.5', () => {
    const entropy = (p: number) => -p * Math.log(p) - (1 - p) * Math.log(1 - p);
    expect(scoresOf('committee', toy, { committee: 'consensus-entropy' })).toEqual(
      [0.9, 0.75, 0.5].map((p) => expect.closeTo(entropy(p), 12)),
    );
  });

  it('divergence: 0 for a; of (0.6, 0.4) and (0.4, 0.6) from ½ it is ln 2 − H(0.6) for c', () => {
    const scores = scoresOf('committee', toy, { committee: 'divergence' });
    const b = 0.5 * (0.9 * Math.log(0.9 / 0.75) + 0.1 * Math.log(0.1 / 0.25));
    const b2 = 0.5 * (0.6 * Math.log(0.6 / 0.75) + 0.4 * Math.log(0.4 / 0.25));
    const c = Math.LN2 + 0.6 * Math.log(0.6) + 0.4 * Math.log(0.4);
    expect(scores).toEqual([0, expect.closeTo(b + b2, 12), expect.closeTo(c, 12)]);
  });

  it('a pool without the column is refused by name', () => {
    expect(() => scoresOf('committee', { ids: 'ab' })).toThrow('committee_vote_entropy');
  });
});

describe('deep-features', () => {
  it('rank 1 first, samples without a rank last', async () => {
    const toy: ToyPool = { ids: 'abcd', features: { expected_rank: [2.5, NaN, 1, 10] } };
    expect(scoresOf('deep-features', toy)).toEqual([-2.5, NaN, -1, -10]);
    expect(await batchOf(referenceBackend, 'deep-features', toy, 4)).toBe('cadb');
  });
});

describe('loop columns', () => {
  it('a strategy that reads one needs a run of the loop; all others do not', () => {
    const refused = [...strategies.values()].filter((strategy) => {
      try {
        requireOnePass(strategy);
        return false;
      } catch {
        return true;
      }
    });
    expect(refused.map(({ name }) => name).sort()).toEqual(['committee', 'deep-features']);
    expect(() => requireOnePass(findStrategy('deep-features'))).toThrow(
      /deep-features: needs a run of the loop.*expected_rank.*sightline run/,
    );
  });

  it('every loop column is read by the strategy that it is listed for', () => {
    for (const [column, name] of Object.entries(loopColumns)) expect(findStrategy(name).columns).toContain(column);
  });
});
