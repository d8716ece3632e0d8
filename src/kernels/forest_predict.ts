import { defineOp, spec } from '../backend/op.js';
import { expectArgument, SightlineError } from '../core/errors.js';

/**
 * Class probabilities of samples f32[N,D]: the mean over trees, in order, of the class shares in the leaf that a sample
 * reaches (float64 sums). Trees as {@link forestFit} writes them, one behind the other: tree t has the nodes from
 * nodeStarts[t] up to the next start, its leaves' entries begin at entryStarts[t]; `children` stays relative to them.
 * Bit i mod 32 of word ⌊i/32⌋ of excluded[t]: tree t is not asked for sample i (with inBag: the out-of-bag estimate);
 * no words: all are asked. A sample that no tree is asked for: NaN. A NaN feature goes left.
 */
export const forestPredict = defineOp({
  name: 'forest_predict',
  inputs: {
    samples: spec('f32', 'N', 'D'),
    nodeStarts: spec('u32', 'T'),
    features: spec('i32', 'M'),
    thresholds: spec('f32', 'M'),
    children: spec('u32', 'M'),
    entryStarts: spec('u32', 'T'),
    leafClasses: spec('u32', 'E'),
    leafCounts: spec('u32', 'E'),
    excluded: spec('u32', 'T', 'words'),
  },
  params: { classes: 2 },
  outputs: { probabilities: spec('f32', 'N', 'classes') },

  check({ N, words }, { classes }) {
    expectArgument(
      Number.isInteger(classes) && classes >= 1 && classes <= 65536,
      'forest_predict.classes',
      'a whole number from 1 to 65536',
      classes,
    );
    expectArgument(
      words === 0 || words === Math.ceil(N / 32),
      'forest_predict.excluded',
      `no words or ${Math.ceil(N / 32)} (a bit per sample)`,
      words,
    );
  },

  reference(inputs, { probabilities }, { N, D, T, M, E, words }, { classes }) {
    checkTrees(inputs, D, M, E, classes);
    const { samples, nodeStarts, features, thresholds, children, entryStarts, leafClasses, leafCounts } = inputs;
    for (let i = 0; i < N; i++) {
      const sums = new Float64Array(classes);
      let asked = 0;
      for (let t = 0; t < T; t++) {
        if (words && (inputs.excluded[t * words + (i >>> 5)] >>> (i & 31)) & 1) continue;
        asked++;
        let node = nodeStarts[t];
        while (features[node] >= 0) {
          const right = samples[i * D + features[node]] > thresholds[node];
          node = nodeStarts[t] + children[node] + (right ? 1 : 0);
        }
        const first = entryStarts[t] + children[node];
        let total = 0;
        for (let e = first; e < first - features[node]; e++) total += leafCounts[e];
        for (let e = first; e < first - features[node]; e++) sums[leafClasses[e]] += leafCounts[e] / total;
      }
      for (let k = 0; k < classes; k++) probabilities[i * classes + k] = sums[k] / asked;
    }
  },

  native: true,
  wgsl: { unavailable: 'trees are walked one node at a time, on the CPU' },
  tolerance: { native: { relative: 0, absolute: 0 } },
  bytes: ({ N, D, M }, { classes }) => 4 * N * (D + classes) + 12 * M,
  flops: ({ N, T, M }) => N * T * 2 * Math.log2(2 + M / Math.max(T, 1)),
});

interface Trees {
  nodeStarts: Uint32Array;
  features: Int32Array;
  children: Uint32Array;
  entryStarts: Uint32Array;
  leafClasses: Uint32Array;
  leafCounts: Uint32Array;
}

/**
 * Refuses trees in which a walk could leave its arrays or never end.
 * @throws SightlineError E_ARGUMENT
 */
export function checkTrees(trees: Trees, width: number, nodes: number, entries: number, classes: number): void {
  const { nodeStarts, features, children, entryStarts, leafClasses, leafCounts } = trees;
  const bad = (tree: number, node: number, what: string): never => {
    throw new SightlineError('E_ARGUMENT', { where: `tree ${tree}`, what: `node ${node} ${what}` });
  };
  nodeStarts.forEach((start, t) => {
    const end = nodeStarts[t + 1] ?? nodes;
    const entryEnd = entryStarts[t + 1] ?? entries;
    if (!(start < end && end <= nodes && entryStarts[t] < entryEnd && entryEnd <= entries)) bad(t, 0, 'is missing');
    for (let n = 0; n < end - start; n++) {
      const feature = features[start + n];
      const child = children[start + n];
      if (feature >= 0) {
        if (feature >= width) bad(t, n, `splits by feature ${feature} of ${width}`);
        if (child <= n || child + 1 >= end - start) bad(t, n, `has the child ${child}`);
        continue;
      }
      const first = entryStarts[t] + child;
      if (feature < -classes || first - feature > entryEnd) bad(t, n, 'has classes that are missing');
      for (let e = first; e < first - feature; e++) {
        if (leafClasses[e] >= classes || leafCounts[e] === 0) bad(t, n, `holds class ${leafClasses[e]} of ${classes}`);
      }
    }
  });
}
