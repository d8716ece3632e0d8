import { describe, expect, it } from 'vitest';
import { planWidth } from '../../src/engine/memory_plan.js';

const MiB = 2 ** 20;
const work = { modelBytes: 30 * MiB, activationBytes: 100 * MiB, slotBytes: 5 * MiB, singleSession: false };

describe('planWidth', () => {
  it('narrows step by step as the ceiling falls, and refuses what cannot fit', () => {
    let widest = Infinity;
    for (const limitMemory of [8000, 1500, 1000, 800]) {
      const plan = planWidth(work, { workers: 2, limitMemory });
      const width = plan.sessions * 100 + plan.slots;
      expect(width).toBeLessThanOrEqual(widest);
      expect(plan.sessions).toBeGreaterThanOrEqual(1);
      expect(plan.slots).toBeGreaterThanOrEqual(1);
      widest = width;
    }
    expect(() => planWidth(work, { workers: 2, limitMemory: 300 })).toThrow(/about \d+ MiB, the limit is 300.*--batch/);
  });

  it('gives a GPU one session and keeps the workers asked for', () => {
    expect(planWidth({ ...work, singleSession: true }, { workers: 7 })).toMatchObject({ sessions: 1, workers: 7 });
  });
});
