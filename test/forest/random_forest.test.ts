import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend, type Backend } from '../../src/backend/index.js';
import { loadAddon } from '../../src/backend/native.js';
import { SightlineError } from '../../src/core/errors.js';
import { Rng } from '../../src/core/rng.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { RandomForest } from '../../src/forest/random_forest.js';
import { joinTrees, packTrees } from '../../src/forest/packed_trees.js';
import { forestFit, nodeCapacity } from '../../src/kernels/forest_fit.js';
import { midpoint, xlog2x } from '../../src/kernels/forest_tree.js';

const addon = loadAddon();
if ('available' in addon) throw new Error(`the tests need the addon: ${addon.note}`);
const { setThreads } = addon;

let native: Backend;
let reference: Backend;
beforeAll(async () => {
  native = await openBackend({ prefer: 'native' });
  reference = await openBackend({ prefer: 'reference' });
});

const samplesOf = (rows: number[][]) => tensor('f32', [rows.length, rows[0].length], Float32Array.from(rows.flat()));
const labelsOf = (labels: number[]) => tensor('u32', [labels.length], Uint32Array.from(labels));
const whole = { trees: 1, bootstrap: false, maxFeatures: 'all' } as const;

/** Three classes around three centres in the first two of `width` features. */
function blobs(rows: number, width: number, seed = 1): [Tensor<'f32'>, Tensor<'u32'>] {
  const rng = new Rng(seed, 'blobs');
  const labels = Array.from({ length: rows }, () => rng.int(3));
  const samples = labels.map((k) =>
    Array.from({ length: width }, (_, d) => rng.normal() + (d === 0 ? 3 * k : d === 1 ? 3 * (k % 2) : 0)),
  );
  return [samplesOf(samples), labelsOf(labels)];
}

async function refused(code: string, text: RegExp, action: () => unknown): Promise<void> {
  const error: unknown = await Promise.resolve()
    .then(action)
    .then(
      () => undefined,
      (e: unknown) => e,
    );
  expect(error).toBeInstanceOf(SightlineError);
  expect((error as SightlineError).code).toBe(code);
  expect((error as SightlineError).message).toMatch(text);
}

describe('a tree worked out by hand', () => {
  // x: 1 a, 2 a, 4 b, 5 a, 8 b. Splits by Σl²/wl + Σr²/wr: 1|2 → 1 + 2; 2|4 → 2 + 5/3; 4|5 → 5/3 + 1; 5|8 → 10/4 + 1.
  // So x ≤ 3 first; on the right 4 b, 5 a, 8 b: 4|5 → 1 + 1; 5|8 → 1 + 1: the first one, 4.5; then 5 | 8 at 6.5.
  const x = samplesOf([[1], [2], [4], [5], [8]]);
  const y = labelsOf([0, 0, 1, 0, 1]);

  it.each(['native', 'reference'] as const)('%s', async (name) => {
    const backend = name === 'native' ? native : reference;
    const params = {
      trees: 1,
      bootstrap: 0,
      words: 1,
      nodes: nodeCapacity(5, { maxDepth: Infinity, minSamplesLeaf: 1 }),
    };
    const out = await backend.run(forestFit, { samples: x, labels: y }, params);
    expect([...out.nodeCounts.data]).toEqual([7]);
    expect([...out.features.data.subarray(0, 7)]).toEqual([0, -1, 0, -1, 0, -1, -1]);
    expect([...out.thresholds.data.subarray(0, 7)]).toEqual([3, 0, 4.5, 0, 6.5, 0, 0]);
    expect([...out.children.data.subarray(0, 7)]).toEqual([1, 0, 3, 1, 5, 2, 3]);
    expect([...out.leafClasses.data.subarray(0, 4)]).toEqual([0, 1, 0, 1]);
    expect([...out.leafCounts.data.subarray(0, 4)]).toEqual([2, 1, 1, 1]);
    // Impurity × weight: 12/5 at the root, 0 once all leaves are pure.
    expect(out.gains.data[0]).toBeCloseTo(12 / 5, 12);
    expect([...out.inBag.data]).toEqual([0b11111]);
  });

  it('predicts the shares of impure leaves', async () => {
    const stump = await RandomForest.fit(native, x, y, 2, { ...whole, maxDepth: 1 });
    const { data } = await stump.predictProbabilities(native, samplesOf([[3], [3.0001], [-1e30]]));
    expect([...data]).toEqual([1, 0, Math.fround(1 / 3), Math.fround(2 / 3), 1, 0]);
    expect([...(await stump.predict(native, samplesOf([[0], [100]]))).data]).toEqual([0, 1]);
    expect(stump.outOfBagAccuracy).toBeNaN();
    expect(stump.outOfBagProbabilities).toBeUndefined();
    expect([...stump.featureImportances]).toEqual([1]);
  });
});

it('thresholds lie between their neighbours, on the side of the lower one', () => {
  const next = (v: number) => {
    const f = new Float32Array([v]);
    new Int32Array(f.buffer)[0]++;
    return f[0];
  };
  expect(midpoint(1, 2)).toBe(1.5);
  expect(midpoint(1, next(1))).toBe(1);
  expect(midpoint(0, next(0))).toBe(0);
  expect(midpoint(-next(0), 0)).toBe(-next(0));
  expect(midpoint(-3.4028234663852886e38, 3.4028234663852886e38)).toBe(0);
  const rng = new Rng(4, 'midpoint');
  for (let i = 0; i < 1000; i++) {
    const low = Math.fround(rng.normal() * 10 ** (rng.int(20) - 10));
    const high = Math.fround(low + Math.abs(low) * 2 ** -rng.int(23));
    if (low === high) continue;
    const middle = midpoint(low, high);
    expect(Math.fround(middle)).toBe(middle);
    expect(middle >= low && middle < high).toBe(true);
  }
});

it('n·log₂n to the last unit of 2⁻²⁴', () => {
  for (const n of [0, 1, 2, 3, 7, 100, 1023, 1024, 99_991, 2 ** 20 + 1]) {
    expect(Math.abs(xlog2x(n) - (n ? n * Math.log2(n) * 2 ** 24 : 0))).toBeLessThanOrEqual(1);
  }
});

describe('the same forest', () => {
  const [x, y] = blobs(300, 6);
  const threads = setThreads(0);
  afterAll(() => setThreads(threads));

  it('on any number of threads, in any grouping of trees, on the reference', async () => {
    const forests = [];
    for (const count of [1, 2, 5]) {
      setThreads(count);
      forests.push(await RandomForest.fit(native, x, y, 3, { trees: 23, seed: 2 ** 40 + 7 }));
    }
    const alone = forests[0].serialise();
    for (const forest of forests) {
      expect(Buffer.compare(forest.serialise(), alone)).toBe(0);
      expect(forest.outOfBagProbabilities).toEqual(forests[0].outOfBagProbabilities);
    }
    const slow = await RandomForest.fit(reference, x, y, 3, { trees: 23, seed: 2 ** 40 + 7 });
    expect(Buffer.compare(slow.serialise(), alone)).toBe(0);

    const settings = { classes: 3, words: 10, nodes: 599, maxFeatures: 2 };
    const grow = (firstTree: number, trees: number) =>
      native.run(forestFit, { samples: x, labels: y }, { ...settings, firstTree, trees });
    const parts = [packTrees(await grow(0, 4)), packTrees(await grow(4, 1)), packTrees(await grow(5, 6))];
    expect(joinTrees(parts)).toEqual(packTrees(await grow(0, 11)));
  });

  it('not with another seed', async () => {
    const forest = (seed: number) => RandomForest.fit(native, x, y, 3, { trees: 5, seed });
    const bytes = (await forest(1)).serialise();
    for (const seed of [2, 2 ** 32 + 1]) expect(Buffer.compare((await forest(seed)).serialise(), bytes)).not.toBe(0);
  });
});

describe('out of bag', () => {
  it('asks the trees that did not see a sample, and no other', async () => {
    const [x, y] = blobs(80, 3);
    const forest = await RandomForest.fit(native, x, y, 3, { trees: 7 });
    const params = { classes: 3, trees: 7, words: 3, nodes: 159 };
    const { inBag } = await native.run(forestFit, { samples: x, labels: y }, params);
    const single = [];
    for (let t = 0; t < 7; t++) {
      // Tree t alone, as a forest of later trees less one of fewer: predictions of its own.
      const grown = await native.run(forestFit, { samples: x, labels: y }, { ...params, trees: 1, firstTree: t });
      expect([...grown.inBag.data]).toEqual([...inBag.data.subarray(3 * t, 3 * t + 3)]);
      single.push(packTrees(grown));
    }
    let right = 0;
    let known = 0;
    for (let i = 0; i < 80; i++) {
      const votes = [0, 0, 0];
      let asked = 0;
      single.forEach((tree, t) => {
        if ((inBag.data[3 * t + (i >>> 5)] >>> (i & 31)) & 1) return;
        asked++;
        let node = 0;
        while (tree.features.data[node] >= 0) {
          const goesRight = x.data[i * 3 + tree.features.data[node]] > tree.thresholds.data[node];
          node = tree.children.data[node] + Number(goesRight);
        }
        votes[tree.leafClasses.data[tree.children.data[node]]]++;
      });
      const actual = [...forest.outOfBagProbabilities!.data.subarray(3 * i, 3 * i + 3)];
      expect(actual).toEqual(votes.map((v) => Math.fround(v / asked)));
      if (!asked) continue;
      known++;
      if (votes.indexOf(Math.max(...votes)) === y.data[i]) right++;
    }
    expect(forest.outOfBagAccuracy).toBe(right / known);
  });

  it('finds nothing in noise and much in structure', async () => {
    const [x, y] = blobs(400, 4);
    expect((await RandomForest.fit(native, x, y, 3)).outOfBagAccuracy).toBeGreaterThan(0.9);
    const noise = labelsOf([...y.data.keys()].map((i) => new Rng(8, i).int(2)));
    const { outOfBagAccuracy } = await RandomForest.fit(native, x, noise, 2);
    expect(Math.abs(outOfBagAccuracy - 0.5)).toBeLessThan(0.1);
  });

  it('importance goes to what tells the classes apart', async () => {
    const [x, y] = blobs(400, 5);
    const { featureImportances } = await RandomForest.fit(native, x, y, 3);
    expect(featureImportances.reduce((a, v) => a + v, 0)).toBeCloseTo(1, 12);
    expect(featureImportances[0]).toBeGreaterThan(0.4);
    expect(featureImportances[0] + featureImportances[1]).toBeGreaterThan(0.7);
  });
});

describe('degenerate samples', () => {
  it('one sample', async () => {
    const forest = await RandomForest.fit(native, samplesOf([[1, 2]]), labelsOf([1]), 3);
    expect([...(await forest.predictProbabilities(native, samplesOf([[5, 5]]))).data]).toEqual([0, 1, 0]);
    expect(forest.outOfBagAccuracy).toBeNaN();
    expect([...forest.featureImportances]).toEqual([0, 0]);
  });

  it('one class', async () => {
    const [x] = blobs(50, 2);
    const forest = await RandomForest.fit(native, x, labelsOf(new Array<number>(50).fill(0)), 1);
    expect(forest.outOfBagAccuracy).toBe(1);
    expect([...(await forest.predict(native, x)).data]).toEqual(new Array<number>(50).fill(0));
  });

  it('constant features: the shares of the classes', async () => {
    const x = samplesOf(Array.from({ length: 40 }, () => [1, 2]));
    const forest = await RandomForest.fit(native, x, labelsOf(Array.from({ length: 40 }, (_, i) => i % 4)), 4, whole);
    expect([...(await forest.predictProbabilities(native, samplesOf([[0, 9]]))).data]).toEqual([
      0.25, 0.25, 0.25, 0.25,
    ]);
  });

  it('no sample to predict', async () => {
    const [x, y] = blobs(50, 2);
    const forest = await RandomForest.fit(native, x, y, 3, { trees: 2 });
    expect((await forest.predictProbabilities(native, tensor('f32', [0, 2]))).dims).toEqual([0, 3]);
  });
});

describe('refuses', () => {
  const [x, y] = blobs(20, 2);

  it.each([NaN, Infinity])('%s, by row and column', async (value) => {
    const damaged = tensor('f32', x.dims, x.data.slice());
    damaged.data[2 * 7 + 1] = value;
    await refused('E_ARGUMENT', /row 7, column 1/, () => RandomForest.fit(native, damaged, y, 3));
    const forest = await RandomForest.fit(native, x, y, 3, { trees: 1 });
    await refused('E_ARGUMENT', /row 7, column 1/, () => forest.predict(native, damaged));
  });

  it('labels, shapes and options outside their domain', async () => {
    const fit = (options: object) => () => RandomForest.fit(native, x, y, 3, options);
    await refused('E_ARGUMENT', /labels, row \d+/, () => RandomForest.fit(native, x, y, 2));
    await refused('E_SHAPE', /labels/, () => RandomForest.fit(native, x, labelsOf([1]), 3));
    await refused('E_SHAPE', /samples/, () => RandomForest.fit(native, tensor('f32', [40], x.data), y, 3));
    await refused('E_ARGUMENT', /samples/, () => RandomForest.fit(native, tensor('f32', [0, 2]), labelsOf([]), 3));
    for (const options of [
      { trees: 0 },
      { maxDepth: 0 },
      { minSamplesSplit: 1 },
      { minSamplesLeaf: 0.5 },
      { seed: -1 },
    ]) {
      await refused('E_ARGUMENT', new RegExp(Object.keys(options)[0]), fit(options));
    }
    await refused('E_ARGUMENT', /maxFeatures/, fit({ maxFeatures: 'log2' }));
    await refused('E_ARGUMENT', /criterion/, fit({ criterion: 'mse' }));
    await refused('E_ARGUMENT', /n_estimators/, fit({ n_estimators: 5 }));
    const forest = await RandomForest.fit(native, x, y, 3, { trees: 1 });
    await refused('E_SHAPE', /expected 2 features/, () => forest.predict(native, tensor('f32', [1, 3])));
  });
});

describe('bytes', () => {
  const [x, y] = blobs(120, 4);
  let forest: RandomForest;
  beforeAll(async () => {
    forest = await RandomForest.fit(native, x, y, 3, { trees: 9, maxDepth: 5, criterion: 'entropy' });
  });

  it('bring back the same forest', async () => {
    const bytes = forest.serialise();
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const read = RandomForest.deserialise(shifted.subarray(1));
    expect(await read.predictProbabilities(native, x)).toEqual(await forest.predictProbabilities(native, x));
    expect(read.options).toEqual(forest.options);
    expect(read.outOfBagAccuracy).toBe(forest.outOfBagAccuracy);
    expect(read.featureImportances).toEqual(forest.featureImportances);
    expect(Buffer.compare(read.serialise(), bytes)).toBe(0);
    const plain = await RandomForest.fit(native, x, y, 3, { trees: 2, bootstrap: false });
    const again = RandomForest.deserialise(plain.serialise());
    expect(again.options.maxDepth).toBe(Infinity);
    expect(again.outOfBagAccuracy).toBeNaN();
  });

  it('are refused when damaged, cut short, of another kind or version', async () => {
    const bytes = forest.serialise();
    const deserialise = (change: (copy: Uint8Array) => Uint8Array | void) => () => {
      const copy = bytes.slice();
      return RandomForest.deserialise(change(copy) ?? copy);
    };
    const step = Math.max(1, Math.floor(bytes.length / 50));
    for (let at = 12; at < bytes.length; at += step) {
      await refused(
        'E_MODEL_FORMAT',
        /damaged/,
        deserialise((copy) => void (copy[at] ^= 4)),
      );
    }
    for (const length of [0, 7, 60, bytes.length - 1]) {
      await refused(
        'E_MODEL_FORMAT',
        /forest/,
        deserialise((copy) => copy.subarray(0, length)),
      );
    }
    // Well signed, but a walk would never end, or leave the tree.
    for (const child of [0, 1 << 30]) {
      const resigned = (copy: Uint8Array) => {
        const buffer = Buffer.from(copy.buffer);
        const arrays = 16 + buffer.readUInt32LE(12);
        const header = JSON.parse(buffer.toString('utf8', 16, arrays)) as Record<string, number>;
        buffer.writeUInt32LE(child, arrays + 8 * header.width + 4 * header.trees + 8 * header.nodes);
        createHash('sha256')
          .update(buffer.subarray(0, -32))
          .digest()
          .copy(buffer, buffer.length - 32);
      };
      await refused('E_MODEL_FORMAT', /node 0 has the child/, deserialise(resigned));
    }
    await refused(
      'E_MODEL_FORMAT',
      /not a forest/,
      deserialise((copy) => void (copy[0] = 0)),
    );
    await refused(
      'E_MODEL_FORMAT',
      /version 2/,
      deserialise((copy) => void (copy[8] = 2)),
    );
  });
});
