import { describe, expect, it } from 'vitest';
import { batchOf, scoresOf, type ToyPool } from './pools.js';
import { referenceBackend } from './reference.js';

const batch = (name: string, toy: ToyPool, count: number, context = {}) =>
  batchOf(referenceBackend, name, toy, count, context);

describe('core-set', () => {
  const toy: ToyPool = { ids: 'abcd', embeddings: [[0], [1], [4], [10]] };

  it('from the label at 1: d is 9 away, then c 3, then a 1, b 0', async () => {
    expect(await batch('core-set', { ...toy, labelled: [[1]] }, 4)).toBe('dcab');
  });

  it('without labels from the lowest id: a, then d is 10 away, c 4, b 1', async () => {
    expect(await batch('core-set', toy, 4)).toBe('adcb');
    expect(await batch('core-set', { ...toy, labelled: [] }, 3)).toBe('adc');
  });

  it('labels at 2 and 11: a is 2 away, as is c; the lower id first, then c', async () => {
    expect(await batch('core-set', { ...toy, labelled: [[11], [2]] }, 2)).toBe('ac');
  });

  it('leaves out labelled samples and those of the pool whose embedding is no number', async () => {
    const broken: ToyPool = { ids: 'abc', embeddings: [[NaN], [3], [7]], labelled: [[NaN], [0]] };
    expect(await batch('core-set', broken, 3)).toBe('cba');
  });

  it('needs embeddings, and labelled ones of the same width', async () => {
    await expect(batch('core-set', { ids: 'ab' }, 1)).rejects.toThrow('embeddings of the pool');
    await expect(batch('core-set', { ...toy, labelled: [[1, 2]] }, 1)).rejects.toMatchObject({ code: 'E_SHAPE' });
  });
});

describe('badge', () => {
  // Gradients (p − onehot) ⊗ h: a and b (−1, 0, 1, 0); c and d 0, being sure; e (0, −1, 0, 1).
  const toy: ToyPool = {
    ids: 'abcde',
    probabilities: [[0.5, 0.5], [0.5, 0.5], [1, 0], [0, 1], [0.75, 0.25]], // prettier-ignore
    embeddings: [[2, 0], [2, 0], [5, 5], [1, 9], [0, 4]], // prettier-ignore
  };

  it('begins with the longest gradient, of a, b and e that of the lowest id; copies of what was chosen come last', async () => {
    const second = { c: 0, d: 0, e: 0 };
    for (let seed = 0; seed < 60; seed++) {
      // D² of c, d, e from a: 2, 2, 4. After e and one of c and d only copies are left: by id.
      const chosen = await batch('badge', toy, 5, { seed });
      expect(chosen).toMatch(/^a(e[cd]|[cd]e)b[cd]$/);
      second[chosen[1] as 'c' | 'd' | 'e']++;
    }
    // Expected 15, 15, 30; four standard deviations.
    expect(Math.abs(second.e - 30)).toBeLessThan(16);
    expect(second.c * second.d).toBeGreaterThan(0);
  });

  it('ignores what is labelled', async () => {
    const seeds = [1, 2, 3];
    const chosen = (labelled?: number[][]) =>
      Promise.all(seeds.map((seed) => batch('badge', { ...toy, labelled }, 3, { seed })));
    expect(await chosen([[0, 4]])).toEqual(await chosen());
  });

  it('sigmoid heads: the error is to each label’s own prediction, so 0.55 is the least sure', async () => {
    const sigmoid: ToyPool = {
      ids: 'abc',
      activation: 'sigmoid',
      probabilities: [[0.9], [0.2], [0.55]],
      embeddings: [[1], [1], [1]],
    };
    expect(await batch('badge', sigmoid, 1)).toBe('c');
  });

  it('a sample whose probabilities or embedding are no numbers is none to choose', async () => {
    const broken: ToyPool = {
      ids: 'abc',
      probabilities: [[0.5, 0.5], [NaN, NaN], [0.9, 0.1]], // prettier-ignore
      embeddings: [[Infinity], [1], [1]],
    };
    expect(await batch('badge', broken, 3)).toBe('cab');
  });
});

describe('typiclust', () => {
  // Directions in degrees. Around 25: b has 0 and 20 at 8 and 12, nobody is nearer to two others. Around 195: g at 190.
  const degrees = [0, 8, 20, 40, 60, 180, 190, 196, 220];
  const on = (angle: number, length: number) => [
    length * Math.cos((angle * Math.PI) / 180),
    length * Math.sin((angle * Math.PI) / 180),
  ];
  const toy: ToyPool = { ids: 'abcdefghi', embeddings: degrees.map((angle, i) => on(angle, 1 + i)) };

  it('the most typical of the larger cluster, then of the other, whatever the lengths', async () => {
    for (let seed = 0; seed < 5; seed++) expect(await batch('typiclust', toy, 2, { seed })).toBe('bg');
  });

  it('the cluster without a label before one that has one and is larger for it', async () => {
    const [ids, embeddings] = ['abcdfghi', toy.embeddings!.filter((_, i) => i !== 4)];
    for (let seed = 0; seed < 5; seed++) {
      // Five samples around 20 with the label at 5, four around 195. Clusters are as many as labels and choices: two.
      expect(await batch('typiclust', { ids, embeddings, labelled: [on(5, 3)] }, 1, { seed })).toBe('g');
    }
  });
});

describe('density-entropy', () => {
  // Mean of the unit vectors (2/3, 1/3): similarities 2/3, 1/3, 2/3.
  const toy: ToyPool = {
    ids: 'abc',
    columns: { entropy: [0.3, 0.5, 0.2] },
    embeddings: [[1, 0], [0, 2], [3, 0]], // prettier-ignore
  };

  it.each([
    [1, [0.2, 0.5 / 3, 0.4 / 3]],
    [0, [0.3, 0.5, 0.2]],
    [2, [0.3 * (4 / 9), 0.5 / 9, 0.2 * (4 / 9)]],
  ])('beta %d', (beta, expected) => {
    expect(scoresOf('density-entropy', toy, { beta })).toEqual(expected.map((v) => expect.closeTo(v, 7)));
  });

  it('a sample without entropy or embedding has no score, and is nobody’s neighbour', () => {
    const broken: ToyPool = { ...toy, ids: 'abcd', embeddings: [...toy.embeddings!, [NaN, 0]] };
    broken.columns = { entropy: [0.3, NaN, 0.2, 0.6] };
    expect(scoresOf('density-entropy', broken)).toEqual([expect.closeTo(0.2, 7), NaN, expect.closeTo(0.4 / 3, 7), NaN]);
  });

  it('refuses a negative beta', () => {
    expect(() => scoresOf('density-entropy', toy, { beta: -1 })).toThrow('beta');
  });
});
