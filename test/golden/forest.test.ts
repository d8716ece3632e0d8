import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend, type Backend } from '../../src/backend/index.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { RandomForest, type ForestOptions } from '../../src/forest/random_forest.js';
import { forestFit, nodeCapacity } from '../../src/kernels/forest_fit.js';
import { forestCriteria } from '../../src/kernels/forest_tree.js';

interface Figure {
  mean: number;
  deviation: number;
}

interface TreeOptions {
  criterion: 'gini' | 'entropy';
  max_depth: number;
  min_samples_leaf: number;
}

/** What forest.py writes. */
interface GoldenSet {
  rows: number;
  width: number;
  classes: number;
  samples: string;
  labels: string;
  folds: string;
  outOfBag: Figure;
  importances: number[];
  crossValidated: ({ options: Partial<TreeOptions> } & Figure)[];
  trees: {
    options: TreeOptions;
    nodes: { feature: number; threshold?: number; counts?: number[] }[];
    importances: number[];
  }[];
}

const golden = JSON.parse(readFileSync(new URL('forest.json', import.meta.url), 'utf8')) as {
  seeds: number;
  sets: Record<string, GoldenSet>;
};
const bytesOf = (text: string) => new Uint8Array(inflateSync(Buffer.from(text, 'base64')));

/** Seeds of ours. */
const seeds = 8;

/** Four standard errors of the difference of both means, and one sample in a thousand for small deviations. */
const allowed = ({ deviation }: Figure) => 4 * deviation * Math.sqrt(1 / golden.seeds + 1 / seeds) + 1e-3;

function optionsOf({ criterion, max_depth, min_samples_leaf }: Partial<TreeOptions>): Partial<ForestOptions> {
  return { criterion, maxDepth: max_depth, minSamplesLeaf: min_samples_leaf };
}

describe.each(Object.entries(golden.sets))('%s against scikit-learn', (_, set) => {
  const { rows, width, classes } = set;
  const samples = tensor('f32', [rows, width], new Float32Array(bytesOf(set.samples).buffer));
  const labels = tensor('u32', [rows], Uint32Array.from(bytesOf(set.labels)));
  const folds = bytesOf(set.folds);
  let backend: Backend;
  beforeAll(async () => {
    backend = await openBackend({ prefer: 'native' });
  });

  function rowsWhere(keep: (row: number) => boolean): [Tensor<'f32'>, Tensor<'u32'>] {
    const kept = [...labels.data.keys()].filter(keep);
    const x = tensor('f32', [kept.length, width]);
    kept.forEach((row, i) => x.data.set(samples.data.subarray(row * width, (row + 1) * width), i * width));
    return [x, tensor('u32', [kept.length], Uint32Array.from(kept, (row) => labels.data[row]))];
  }

  it.each(set.crossValidated.map((figure) => [JSON.stringify(figure.options), figure] as const))(
    'cross-validated accuracy %s',
    async (_options, figure) => {
      let right = 0;
      for (let fold = 0; fold < 5; fold++) {
        const [x, y] = rowsWhere((row) => folds[row] !== fold);
        const [heldX, heldY] = rowsWhere((row) => folds[row] === fold);
        for (let seed = 0; seed < seeds; seed++) {
          const forest = await RandomForest.fit(backend, x, y, classes, { ...optionsOf(figure.options), seed });
          const { data } = await forest.predict(backend, heldX);
          right += data.filter((k, i) => k === heldY.data[i]).length;
        }
      }
      expect(Math.abs(right / rows / seeds - figure.mean)).toBeLessThan(allowed(figure));
      expect(allowed(figure)).toBeLessThan(0.012);
    },
    60_000,
  );

  it('out-of-bag accuracy and importances', async () => {
    const accuracies: number[] = [];
    const importances = new Float64Array(width);
    for (let seed = 0; seed < seeds; seed++) {
      const forest = await RandomForest.fit(backend, samples, labels, classes, { seed });
      accuracies.push(forest.outOfBagAccuracy);
      forest.featureImportances.forEach((v, d) => (importances[d] += v / seeds));
    }
    const mean = accuracies.reduce((a, v) => a + v, 0) / seeds;
    expect(Math.abs(mean - set.outOfBag.mean)).toBeLessThan(allowed(set.outOfBag));
    importances.forEach((v, d) => expect(Math.abs(v - set.importances[d])).toBeLessThan(0.02));
  });

  it.each(set.trees.map((tree) => [JSON.stringify(tree.options), tree] as const))(
    'the same tree, node by node %s',
    async (_options, expected) => {
      const { criterion, max_depth, min_samples_leaf } = expected.options;
      const settings = { maxDepth: max_depth, minSamplesLeaf: min_samples_leaf };
      const grown = await backend.run(
        forestFit,
        { samples, labels },
        {
          ...settings,
          classes,
          criterion: forestCriteria[criterion],
          maxFeatures: width,
          bootstrap: 0,
          words: Math.ceil(rows / 32),
          nodes: nodeCapacity(rows, settings),
        },
      );
      const nodes: object[] = [];
      const visit = (n: number): void => {
        const [feature, child] = [grown.features.data[n], grown.children.data[n]];
        if (feature < 0) {
          const counts = new Array<number>(classes).fill(0);
          for (let e = child; e < child - feature; e++) counts[grown.leafClasses.data[e]] = grown.leafCounts.data[e];
          nodes.push({ feature: -1, counts });
          return;
        }
        nodes.push({ feature, threshold: grown.thresholds.data[n] });
        visit(child);
        visit(child + 1);
      };
      visit(0);
      expect(nodes).toEqual(expected.nodes);
      const total = grown.gains.data.reduce((a, v) => a + v, 0);
      grown.gains.data.forEach((gain, d) => expect(gain / total).toBeCloseTo(expected.importances[d], 6));
    },
  );
});
