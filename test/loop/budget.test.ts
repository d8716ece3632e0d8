import { describe, expect, it } from 'vitest';
import { batchSize, dearestQuery, nextCount, stopReason, type RoundOutcome } from 'sightline';

const sizes = (batch: Parameters<typeof batchSize>[0], rounds: number) =>
  Array.from({ length: rounds }, (_, i) => batchSize(batch, i + 1));

describe('batch sizes', () => {
  it('are fixed, grow, or follow a list', () => {
    expect(sizes(16, 3)).toEqual([16, 16, 16]);
    expect(sizes({ first: 8, factor: 2, every: 3, most: 50 }, 10)).toEqual([8, 8, 8, 16, 16, 16, 32, 32, 32, 50]);
    expect(sizes({ first: 3, factor: 1.5, every: 1 }, 4)).toEqual([3, 5, 7, 10]);
    expect(sizes([4, 2, 9], 5)).toEqual([4, 2, 9, 9, 9]);
    expect(batchSize({ first: 8, factor: 10, every: 1 }, 1000)).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => batchSize(16, 0)).toThrow(/round: expected a whole number from 1/);
  });
});

describe('the stop rule', () => {
  const last: RoundOutcome = { round: 3, labels: 98, cost: 98, poolLeft: 200, metrics: { validation: { auc: 0.9 } } };
  const rules = { stop: { part: 'validation' as const }, batch: 16, dearestQuery: 1 };
  const kind = (stop: object, outcome: object = {}, more: object = {}) =>
    stopReason({ ...last, ...outcome }, { ...rules, stop: { ...rules.stop, ...stop }, ...more })?.kind ?? null;

  it('goes on until the pool is spent', () => {
    expect(kind({})).toBeNull();
    expect(kind({}, { poolLeft: 0 })).toBe('pool');
  });

  it('ends by labels, rounds or cost', () => {
    expect([kind({ labels: 99 }), kind({ labels: 98 }), kind({ labels: 90 })]).toEqual([null, 'labels', 'labels']);
    expect([kind({ rounds: 4 }), kind({ rounds: 3 }), kind({ rounds: 0 }, { round: 0 })]).toEqual([
      null,
      'rounds',
      'rounds',
    ]);
    expect([kind({ cost: 99 }), kind({ cost: 98.5 }), kind({ cost: 98 })]).toEqual([null, 'cost', 'cost']);
    expect(kind({ cost: 98.5 }, {}, { dearestQuery: 0 })).toBeNull();
    // 0.1 · 3 is not 0.3 exactly.
    expect(kind({ cost: 0.3 }, { cost: 0.1 + 0.2 }, { dearestQuery: 0.1 })).toBe('cost');
  });

  it('ends by a metric of the part asked for, where it is defined', () => {
    expect([kind({ auc: 0.9 }), kind({ auc: 0.91 }), kind({ auc: 0.9, part: 'test' })]).toEqual(['auc', null, null]);
    expect(kind({ auc: 0 }, { metrics: { validation: { auc: null } } })).toBeNull();
    expect(kind({ auc: 0 }, { metrics: { validation: { auc: NaN } } })).toBeNull();
    expect(kind({ dice: 0.8, part: 'test' }, { metrics: { test: { dice: 0.81 } } })).toBe('dice');
  });

  it('never asks for more than the budget or the pool has', () => {
    const count = (stop: object, outcome: object = {}, more: object = {}) =>
      nextCount({ ...last, ...outcome }, { ...rules, stop: { ...rules.stop, ...stop }, ...more });
    expect(count({})).toBe(16);
    expect(count({}, { poolLeft: 5 })).toBe(5);
    expect(count({ labels: 100 })).toBe(2);
    expect(count({ labels: 90 })).toBe(0);
    expect(count({ cost: 110 }, {}, { dearestQuery: 2.5 })).toBe(4);
    expect(count({ cost: 110 }, {}, { dearestQuery: 0 })).toBe(16);
    expect(count({ cost: 98 })).toBe(0);
  });

  it('knows the dearest query of an oracle', () => {
    expect(dearestQuery({ kind: 'simulated', cost: 0.5, seed: 0 })).toBe(0.5);
    expect(dearestQuery({ kind: 'simulated', cost: { a: 0.5, b: 3 }, seed: 0 })).toBe(3);
    expect(dearestQuery({ kind: 'simulated', cost: { a: 0.5 }, seed: 0 })).toBe(1);
    expect(dearestQuery({ kind: 'files', wait: true })).toBe(0);
  });
});
