import { describe, expect, it } from 'vitest';
import { chooseInitial, type Sample } from 'sightline';

const settings = { stratified: true, by: 'sample' as const };

/** @param counts samples of each label; '' for none */
function poolOf(counts: Record<string, number>): Sample[] {
  const labels = Object.entries(counts).flatMap(([label, n]) => new Array<string>(n).fill(label));
  return labels.map((label, index) => ({
    index,
    id: `${label || 'unknown'}-${index}`,
    path: `/${index}.png`,
    ...(label && { label }),
  }));
}

const classesOf = (ids: readonly string[]) => {
  const counts: Record<string, number> = {};
  for (const id of ids) counts[id.split('-')[0]] = (counts[id.split('-')[0]] ?? 0) + 1;
  return counts;
};
const initialOf = (pool: Sample[], given: Parameters<typeof chooseInitial>[1], seed = 0) => {
  const { order, count } = chooseInitial(pool, given, seed);
  expect([...order].sort()).toEqual(pool.map(({ id }) => id).sort());
  return order.slice(0, count);
};

describe('the initial set by sample', () => {
  it('meets count and quotas exactly, by largest remainder', () => {
    // 60, 30, 10 of 100 → 20 · share = 12, 6, 2.
    expect(classesOf(initialOf(poolOf({ a: 60, b: 30, c: 10 }), { ...settings, count: 20 }))).toEqual({
      a: 12,
      b: 6,
      c: 2,
    });
    // 7 · (50, 30, 20)/100 = 3.5, 2.1, 1.4: the seventh goes to a.
    expect(classesOf(initialOf(poolOf({ a: 50, b: 30, c: 20 }), { ...settings, count: 7 }))).toEqual({
      a: 4,
      b: 2,
      c: 1,
    });
    expect(initialOf(poolOf({ a: 50, b: 30 }), { ...settings, fraction: 0.1 })).toHaveLength(8);
    expect(initialOf(poolOf({ a: 3 }), { ...settings, fraction: 0.01 })).toHaveLength(1);
  });

  it('has one of each rare class where the count allows', () => {
    const pool = poolOf({ a: 970, b: 20, c: 9, d: 1 });
    expect(classesOf(initialOf(pool, { ...settings, count: 10 }))).toEqual({ a: 7, b: 1, c: 1, d: 1 });
    expect(classesOf(initialOf(pool, { ...settings, count: 3 }))).toEqual({ a: 1, b: 1, c: 1 });
    expect(initialOf(pool, { ...settings, count: 1 })[0]).toMatch(/^a/);
  });

  it('is the same in whatever order the pool comes, and another by another seed', () => {
    const pool = poolOf({ a: 40, b: 20 });
    const first = chooseInitial(pool, { ...settings, count: 12 }, 3);
    expect(chooseInitial([...pool].reverse(), { ...settings, count: 12 }, 3)).toEqual(first);
    expect(chooseInitial(pool, { ...settings, count: 12 }, 4).order).not.toEqual(first.order);
  });

  it('goes on evenly after the set, and mixes classes from its beginning', () => {
    const { order } = chooseInitial(poolOf({ a: 80, b: 20 }), { ...settings, count: 20 }, 0);
    for (const [from, to] of [
      [0, 10],
      [10, 20],
      [20, 40],
      [40, 100],
    ]) {
      const { a = 0, b = 0 } = classesOf(order.slice(from, to));
      expect(Math.abs(a - 4 * b)).toBeLessThanOrEqual(5);
    }
  });

  it('draws at random without labels or stratification', () => {
    expect(initialOf(poolOf({ '': 30 }), { ...settings, count: 5 })).toHaveLength(5);
    const pool = poolOf({ a: 500, b: 500 });
    const shares = [0, 1, 2, 3, 4, 5].map(
      (seed) => classesOf(initialOf(pool, { by: 'sample', stratified: false, count: 100 }, seed)).a,
    );
    expect(new Set(shares).size).toBeGreaterThan(2);
    expect(classesOf(initialOf(poolOf({ a: 10, b: 10, '': 20 }), { ...settings, count: 8 }))).toEqual({
      a: 2,
      b: 2,
      unknown: 4,
    });
  });

  it('takes the whole pool where it is smaller, and nothing of an empty one', () => {
    expect(initialOf(poolOf({ a: 3, b: 1 }), { ...settings, count: 50 })).toHaveLength(4);
    expect(chooseInitial([], { ...settings, count: 5 }, 0)).toEqual({ order: [], count: 0 });
  });
});

describe('the initial set by patient', () => {
  const byPatient = { stratified: true, by: 'patient' as const };
  const ofPatients = (sizes: readonly number[], label: (patient: number) => string | undefined): Sample[] =>
    sizes.flatMap((size, p) =>
      Array.from({ length: size }, (_, i) => {
        const name = label(p);
        return {
          index: 0,
          id: `${name ?? 'unknown'}-${p}-${i}`,
          path: '',
          patient: `p${p}`,
          ...(name && { label: name }),
        };
      }),
    );
  const whole = (pool: Sample[], ids: readonly string[]) => {
    const chosen = new Set(ids);
    const patients = new Set(pool.filter(({ id }) => chosen.has(id)).map(({ patient }) => patient));
    expect(pool.filter(({ id, patient }) => patients.has(patient) && !chosen.has(id))).toEqual([]);
    return patients.size;
  };

  it('never tears a patient apart, and comes about to the count with every class', () => {
    const pool = ofPatients(
      Array.from({ length: 60 }, (_, p) => 3 + (p % 5)),
      (p) => ['a', 'b', 'c'][p % 3],
    );
    for (let seed = 0; seed < 8; seed++) {
      const ids = initialOf(pool, { ...byPatient, count: 60 }, seed);
      expect(whole(pool, ids)).toBeGreaterThan(5);
      expect(Math.abs(ids.length - 60)).toBeLessThanOrEqual(4);
      for (const n of Object.values(classesOf(ids))) expect(Math.abs(n - 20)).toBeLessThanOrEqual(7);
    }
  });

  it('finds the one patient of a rare class', () => {
    const pool = ofPatients(new Array<number>(40).fill(4), (p) => (p === 17 ? 'rare' : 'a'));
    for (let seed = 0; seed < 5; seed++) {
      expect(classesOf(initialOf(pool, { ...byPatient, count: 20 }, seed)).rare).toBe(4);
    }
  });

  it('takes the one patient that there is, and single samples that have none', () => {
    const one = ofPatients([9], () => 'a');
    expect(initialOf(one, { ...byPatient, count: 2 })).toHaveLength(9);
    const nobody = poolOf({ a: 20, b: 20 });
    expect(classesOf(initialOf(nobody, { ...byPatient, count: 10 }))).toEqual({ a: 5, b: 5 });
  });

  it('does without labels, and is the same in whatever order the pool comes', () => {
    const pool = ofPatients([2, 3, 4, 2, 5, 3, 2, 4], () => undefined);
    const given = { ...byPatient, count: 8 };
    const ids = initialOf(pool, given, 1);
    whole(pool, ids);
    expect(Math.abs(ids.length - 8)).toBeLessThanOrEqual(3);
    const again = chooseInitial([...pool].reverse(), given, 1);
    expect([...again.order.slice(0, again.count)].sort()).toEqual([...ids].sort());
  });
});
