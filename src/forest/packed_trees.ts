import type { Tensor } from '../core/tensor.js';
import { tensor } from '../core/tensor.js';

/** Trees one behind the other: the inputs of `forest_predict` that describe a forest. */
export interface PackedTrees {
  nodeStarts: Tensor<'u32'>;
  features: Tensor<'i32'>;
  thresholds: Tensor<'f32'>;
  children: Tensor<'u32'>;
  entryStarts: Tensor<'u32'>;
  leafClasses: Tensor<'u32'>;
  leafCounts: Tensor<'u32'>;
}

/** Outputs of `forest_fit` that describe trees: one row per tree, filled up to its count. */
interface GrownTrees {
  nodeCounts: Tensor<'u32'>;
  features: Tensor<'i32'>;
  thresholds: Tensor<'f32'>;
  children: Tensor<'u32'>;
  entryCounts: Tensor<'u32'>;
  leafClasses: Tensor<'u32'>;
  leafCounts: Tensor<'u32'>;
}

/** Rows cut to their counts, copied: what is left of the op's outputs can be freed. */
export function packRows<T extends 'u32' | 'i32' | 'f32'>(rows: Tensor<T>, counts: Tensor<'u32'>): Tensor<T> {
  const stride = rows.dims[1];
  const total = counts.data.reduce((a, c) => a + c, 0);
  const packed = tensor(rows.dtype, [total]);
  let at = 0;
  counts.data.forEach((count, t) => {
    packed.data.set(rows.data.subarray(t * stride, t * stride + count) as never, at);
    at += count;
  });
  return packed;
}

export function startsOf(counts: Tensor<'u32'>): Tensor<'u32'> {
  let end = 0;
  return tensor(
    'u32',
    counts.dims,
    counts.data.map((count) => (end += count) - count),
  );
}

export function packTrees(grown: GrownTrees): PackedTrees {
  return {
    nodeStarts: startsOf(grown.nodeCounts),
    features: packRows(grown.features, grown.nodeCounts),
    thresholds: packRows(grown.thresholds, grown.nodeCounts),
    children: packRows(grown.children, grown.nodeCounts),
    entryStarts: startsOf(grown.entryCounts),
    leafClasses: packRows(grown.leafClasses, grown.entryCounts),
    leafCounts: packRows(grown.leafCounts, grown.entryCounts),
  };
}

/** Groups of trees as one forest, in order. */
export function joinTrees(groups: readonly PackedTrees[]): PackedTrees {
  if (groups.length === 1) return groups[0];
  const join = <K extends keyof PackedTrees>(name: K): PackedTrees[K] => {
    const parts = groups.map((group) => group[name]);
    const joined = tensor(parts[0].dtype, [parts.reduce((sum, part) => sum + part.data.length, 0)]);
    let at = 0;
    for (const part of parts) {
      joined.data.set(part.data as never, at);
      at += part.data.length;
    }
    return joined as PackedTrees[K];
  };
  const starts = (name: 'nodeStarts' | 'entryStarts', sizedBy: 'features' | 'leafClasses') => {
    const joined = join(name);
    let [at, offset] = [0, 0];
    for (const group of groups) {
      for (const end = at + group[name].data.length; at < end; at++) joined.data[at] += offset;
      offset += group[sizedBy].data.length;
    }
    return joined;
  };
  return {
    nodeStarts: starts('nodeStarts', 'features'),
    features: join('features'),
    thresholds: join('thresholds'),
    children: join('children'),
    entryStarts: starts('entryStarts', 'leafClasses'),
    leafClasses: join('leafClasses'),
    leafCounts: join('leafCounts'),
  };
}
