import { describe, expect, it } from 'vitest';
import { defaultContext, strategyContext } from '../../src/strategies/index.js';

describe('settings of the strategies', () => {
  it('defaults for what is left out, and nothing of other options', () => {
    const others = { pool: 'p', alpha: undefined };
    expect(strategyContext(others)).toEqual(defaultContext);
    expect(strategyContext({ seed: 3, densityBeta: 0, committee: 'divergence', diversity: 'none' })).toEqual({
      ...defaultContext,
      seed: 3,
      beta: 0,
      committee: 'divergence',
    });
  });

  it('a diversity step has a factor of 10 unless another is given', () => {
    expect(strategyContext({ diversity: 'k-center' }).diversity).toEqual({ method: 'k-center', factor: 10 });
    const given = { diversity: 'k-means', diversityFactor: 2.5 } as const;
    expect(strategyContext(given).diversity).toEqual({ method: 'k-means', factor: 2.5 });
  });

  it.each([
    [{ alpha: 1.5 }, 'alpha'],
    [{ densityBeta: -1 }, 'densityBeta'],
    [{ densityBeta: Infinity }, 'densityBeta'],
    [{ roiNeighbours: 1.5 }, 'roiNeighbours'],
    [{ diversity: 'k-means', diversityFactor: 0.9 } as const, 'diversityFactor'],
    [{ diversityFactor: 4 }, 'diversityFactor'],
  ])('refuses %o', (options, where) => {
    expect(() => strategyContext(options)).toThrow(expect.objectContaining({ code: 'E_ARGUMENT', where }));
  });
});
