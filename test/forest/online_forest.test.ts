import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { OnlineForest, type OnlineOptions } from '../../src/forest/online_forest.js';

interface Labelled {
  samples: Tensor<'f32'>;
  labels: Tensor<'u32'>;
}

function centreOf(c: number, width: number): number[] {
  const rng = new Rng(7, 'centre', c);
  return Array.from({ length: width }, () => 3 * rng.normal());
}

/** Normal clouds around one centre per class; `noise` features that say nothing. */
function clouds(
  rows: number,
  classes: number,
  { width = 4, noise = 2, spread = 1, seed = 1, shift = 0 } = {},
): Labelled {
  const centres = Array.from({ length: classes }, (_, c) => centreOf(c, width));
  const samples = tensor('f32', [rows, width + noise]);
  const labels = tensor('u32', [rows]);
  for (let row = 0; row < rows; row++) {
    const rng = new Rng(seed, 'row', row);
    const label = rng.int(classes);
    labels.data[row] = label;
    const centre = centres[(label + shift) % classes];
    for (let d = 0; d < width + noise; d++) {
      samples.data[row * (width + noise) + d] = (d < width ? centre[d] : 0) + spread * rng.normal();
    }
  }
  return { samples, labels };
}

const rowsOf = ({ samples, labels }: Labelled, from: number, to: number): Labelled => {
  const width = samples.dims[1];
  return {
    samples: tensor('f32', [to - from, width], samples.data.slice(from * width, to * width)),
    labels: tensor('u32', [to - from], labels.data.slice(from, to)),
  };
};

function accuracy(forest: OnlineForest, { samples, labels }: Labelled): number {
  const predicted = forest.predict(samples).data;
  return predicted.filter((label, i) => label === labels.data[i]).length / predicted.length;
}

/** What knowing the centres would reach: the bound for any classifier. */
function bound({ samples, labels }: Labelled, classes: number, width = 4): number {
  let right = 0;
  const stride = samples.dims[1];
  labels.data.forEach((label, row) => {
    const distances = Array.from({ length: classes }, (_, c) =>
      centreOf(c, width).reduce((sum, v, d) => sum + (samples.data[row * stride + d] - v) ** 2, 0),
    );
    if (distances.indexOf(Math.min(...distances)) === label) right++;
  });
  return right / labels.data.length;
}

function learn(data: Labelled, options: Partial<OnlineOptions> = {}): OnlineForest {
  const forest = new OnlineForest(data.samples.dims[1], { trees: 20, ...options });
  forest.updateBatch(data.samples, data.labels);
  return forest;
}

const bytes = (forest: OnlineForest) => Buffer.from(forest.serialise()).toString('base64');

describe('the on-line forest learns', () => {
  const train = clouds(1500, 3);
  const test = clouds(500, 3, { seed: 2 });

  it.each<[string, Partial<OnlineOptions>]>([
    ['with its defaults', {}],
    ['by entropy', { criterion: 'entropy' }],
    ['with hyperplanes', { testFeatures: 2 }],
    ['with thresholds in the range of all samples', { thresholds: 'global' }],
  ])('%s', (_, options) => {
    const forest = learn(train, options);
    expect(accuracy(forest, test)).toBeGreaterThan(bound(test, 3) - 0.03);
    const { dims, data } = forest.predictProbabilities(test.samples);
    expect(dims).toEqual([500, 3]);
    for (let row = 0; row < 500; row++) {
      expect(data[row * 3] + data[row * 3 + 1] + data[row * 3 + 2]).toBeCloseTo(1, 5);
    }
  });

  it('more with every sample', () => {
    const forest = new OnlineForest(6, { trees: 20 });
    const errors = [0, 300, 600, 900, 1200].map((from) => {
      const before = from ? 1 - accuracy(forest, test) : 2 / 3;
      const { samples, labels } = rowsOf(train, from, from + 300);
      forest.updateBatch(samples, labels);
      return before;
    });
    expect(errors[1]).toBeLessThan(errors[0] / 2);
    expect(errors[4]).toBeLessThan(errors[0] / 3);
  });

  it('classes that appear later', () => {
    const forest = new OnlineForest(6, { trees: 20 });
    const { samples, labels } = clouds(2000, 5);
    const order = [...labels.data.keys()].sort((a, b) => labels.data[a] - labels.data[b]);
    for (const row of order) forest.update(samples.data.subarray(row * 6, (row + 1) * 6), labels.data[row]);
    expect(forest.classes).toBe(5);
    const held = clouds(500, 5, { seed: 3 });
    expect(accuracy(forest, held)).toBeGreaterThan(bound(held, 5) - 0.1);
  });

  it('nothing where there is nothing to learn: labels of pure chance, equal samples', () => {
    const { samples } = train;
    const rng = new Rng(5, 'chance');
    const labels = tensor(
      'u32',
      [1500],
      Uint32Array.from({ length: 1500 }, () => rng.int(2)),
    );
    const forest = learn({ samples, labels }, { trees: 50 });
    expect(Math.abs(forest.outOfBagError - 0.5)).toBeLessThan(0.06);

    const equal = learn({ samples: tensor('f32', [200, 3]), labels: tensor('u32', [200], labels.data.slice(0, 200)) });
    expect(equal.leaves).toBe(1);
    const ones = labels.data.slice(0, 200).reduce((sum, label) => sum + label, 0) / 200;
    expect(equal.predictProbabilities(tensor('f32', [1, 3])).data[1]).toBeCloseTo(ones, 1);
  });

  it('an out-of-bag error that agrees with unseen samples when bags stay the same', () => {
    const noisy = clouds(800, 3, { spread: 2.5 });
    const options = { trees: 40, epochs: 5 };
    const unseen = clouds(2000, 3, { spread: 2.5, seed: 9 });
    const same = OnlineForest.fit(noisy.samples, noisy.labels, { ...options, sameBags: true });
    const honest = 1 - accuracy(same, unseen);
    expect(Math.abs(same.outOfBagError - honest)).toBeLessThan(0.05);
    const fresh = OnlineForest.fit(noisy.samples, noisy.labels, options);
    expect(fresh.outOfBagError).toBeLessThan(same.outOfBagError);
  });

  it('anew when the world changes, if it may forget', () => {
    const before = clouds(2000, 3, { spread: 0.5 });
    const after = clouds(200, 3, { spread: 0.5, shift: 1, seed: 4 });
    const held = clouds(500, 3, { spread: 0.5, shift: 1, seed: 6 });
    const [stubborn, open] = [0, 1 / 400].map((forgetting) => {
      const forest = learn(before, { forgetting });
      forest.updateBatch(after.samples, after.labels);
      return accuracy(forest, held);
    });
    expect(open).toBeGreaterThan(0.9);
    expect(stubborn).toBeLessThan(0.5);
  });
});

describe('splits', () => {
  it('not before α samples, nor below the gain β, nor deeper than allowed', () => {
    const { samples, labels } = clouds(600, 2, { spread: 0.5 });
    expect(learn({ samples, labels }, { minSamples: 2000 }).leaves).toBe(1);
    expect(learn({ samples, labels }, { minGain: 0.51 }).leaves).toBe(1);
    expect(learn({ samples, labels }, { maxDepth: 1 }).leaves).toBeLessThanOrEqual(2);
    expect(learn({ samples, labels }).leaves).toBeGreaterThanOrEqual(2);
  });

  it('parts two classes at a threshold between them, and children begin with the counts of the winner', () => {
    // One feature, one tree: class 0 below 0, class 1 above; a sample is learnt as often as Poisson draws.
    const rng = new Rng(3, 'line');
    const forest = new OnlineForest(1, { trees: 30, minSamples: 20 });
    for (let i = 0; i < 60; i++) {
      const label = i % 2;
      forest.update([(label ? 1 : -1) * (0.5 + rng.uniform())], label);
    }
    const probabilities = forest.predictProbabilities(tensor('f32', [2, 1], Float32Array.of(-1, 1))).data;
    expect(probabilities[0]).toBeGreaterThan(0.95);
    expect(probabilities[3]).toBeGreaterThan(0.95);
    expect(forest.leaves).toBeGreaterThan(1.8);
    expect(forest.leaves).toBeLessThan(3);
  });
});

describe('the same samples give the same forest', () => {
  const data = clouds(400, 3, { spread: 2 });

  it('however they are batched, and another one with another seed or order', () => {
    const whole = bytes(learn(data));
    const parts = new OnlineForest(6, { trees: 20 });
    for (const [from, to] of [
      [0, 1],
      [1, 250],
      [250, 400],
    ]) {
      const { samples, labels } = rowsOf(data, from, to);
      parts.updateBatch(samples, labels);
    }
    expect(bytes(parts)).toBe(whole);
    const single = new OnlineForest(6, { trees: 20 });
    for (let row = 0; row < 400; row++) {
      single.update([...data.samples.data.subarray(row * 6, (row + 1) * 6)], data.labels.data[row]);
    }
    expect(bytes(single)).toBe(whole);
    expect(bytes(learn(data, { seed: 1 }))).not.toBe(whole);
  });

  it.each<Partial<OnlineOptions>>([{}, { testFeatures: 3, thresholds: 'global' }, { forgetting: 1 / 50, maxDepth: 4 }])(
    'and a stored forest goes on as if it had not been stored: %o',
    (options) => {
      const [first, second] = [rowsOf(data, 0, 200), clouds(300, 5, { spread: 2, seed: 8 })];
      const forest = learn(first, options);
      const copy = OnlineForest.deserialise(forest.serialise());
      expect(bytes(copy)).toBe(bytes(forest));
      for (const each of [forest, copy]) each.updateBatch(second.samples, second.labels);
      expect(bytes(copy)).toBe(bytes(forest));
      expect(copy.outOfBagError).toBe(forest.outOfBagError);
      expect(copy.predictProbabilities(second.samples)).toEqual(forest.predictProbabilities(second.samples));
    },
  );
});

describe('what is wrong is said', () => {
  const forest = learn(clouds(50, 2));

  it.each([
    ['a sample of another width', () => forest.update([1, 2], 0), 'expected 6 features'],
    ['NaN', () => forest.update([0, 0, NaN, 0, 0, 0], 0), 'row 0, column 2: expected a finite number'],
    ['a label that is none', () => forest.update([0, 0, 0, 0, 0, 0], -1), 'label: expected a whole number'],
    ['a label beyond reason', () => forest.update([0, 0, 0, 0, 0, 0], 1e9), 'label: expected a whole number'],
    ['an option out of range', () => new OnlineForest(3, { trees: 0 }), 'trees: expected a whole number from 1'],
    ['an unknown option', () => new OnlineForest(3, { alpha: 3 } as object), 'received "alpha"'],
    ['no samples yet', () => new OnlineForest(2).predict(tensor('f32', [1, 2])), 'a forest that has learnt samples'],
    ['bytes of something else', () => OnlineForest.deserialise(new Uint8Array(100)), 'not an on-line forest'],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(message);
  });

  it('damaged bytes; and an error leaves the forest as it was', () => {
    const stored = forest.serialise();
    expect(() => forest.update([0, 0, 0, 0, 0, Infinity], 7)).toThrow();
    expect(Buffer.from(forest.serialise()).equals(stored)).toBe(true);
    stored[stored.length >> 1] ^= 1;
    expect(() => OnlineForest.deserialise(stored)).toThrow('checksum');
    expect(() => OnlineForest.deserialise(stored.subarray(0, 60))).toThrow('checksum');
  });
});

/** The sets and the accuracies of scikit-learn's batch forest that test/golden/forest.py writes. */
const golden = JSON.parse(readFileSync(new URL('../golden/forest.json', import.meta.url), 'utf8')) as {
  sets: Record<
    string,
    {
      rows: number;
      width: number;
      samples: string;
      labels: string;
      folds: string;
      crossValidated: { options: object; mean: number }[];
    }
  >;
};

describe('within a point of a batch forest after the same samples', () => {
  const inflate = (text: string) => new Uint8Array(inflateSync(Buffer.from(text, 'base64')));

  it.each(Object.entries(golden.sets))(
    '%s',
    (_, set) => {
      const { rows, width, crossValidated } = set;
      const samples = new Float32Array(inflate(set.samples).buffer);
      const [labels, folds] = [inflate(set.labels), inflate(set.folds)];
      const pick = (keep: (fold: number) => boolean): Labelled => {
        const kept = [...folds.keys()].filter((row) => keep(folds[row]));
        const x = tensor('f32', [kept.length, width]);
        kept.forEach((row, i) => x.data.set(samples.subarray(row * width, (row + 1) * width), i * width));
        return {
          samples: x,
          labels: tensor(
            'u32',
            [kept.length],
            Uint32Array.from(kept, (row) => labels[row]),
          ),
        };
      };
      let right = 0;
      for (let fold = 0; fold < 5; fold++) {
        const [train, held] = [pick((f) => f !== fold), pick((f) => f === fold)];
        const forest = OnlineForest.fit(train.samples, train.labels, { epochs: 10 });
        right += accuracy(forest, held) * held.labels.data.length;
      }
      const batch = crossValidated.find(({ options }) => !Object.keys(options).length)!;
      expect(right / rows).toBeGreaterThan(batch.mean - 0.01);
    },
    240_000,
  );
});
