import { readRecordFile, writeRecordFile, type RecordBody, type RecordFormat } from '../core/record_file.js';
import { sizeOf, tensor, type Tensor } from '../core/tensor.js';
import { checkTrees } from '../kernels/forest_predict.js';
import { completeOptions, type ForestOptions } from './forest_options.js';
import type { PackedTrees } from './packed_trees.js';

/** What a forest is made of. */
export interface StoredForest {
  options: ForestOptions;
  classes: number;
  width: number;
  outOfBagAccuracy: number;
  featureImportances: Float64Array;
  trees: PackedTrees;
}

/** Behind the header: the importances f64[D] and the arrays of the trees, in the order of `layout`. */
const format: RecordFormat = { magic: 'SLFOREST', version: 1, what: 'forest' };

interface Header {
  classes: number;
  width: number;
  trees: number;
  nodes: number;
  entries: number;
  /** null: NaN. */
  outOfBagAccuracy: number | null;
  /** maxDepth null: no limit. */
  options: Omit<ForestOptions, 'maxDepth'> & { maxDepth: number | null };
}

const layout = [
  ['nodeStarts', 'u32', 'trees'],
  ['features', 'i32', 'nodes'],
  ['thresholds', 'f32', 'nodes'],
  ['children', 'u32', 'nodes'],
  ['entryStarts', 'u32', 'trees'],
  ['leafClasses', 'u32', 'entries'],
  ['leafCounts', 'u32', 'entries'],
] as const;

export function writeForest(forest: StoredForest): Uint8Array {
  const { classes, width, options, trees, outOfBagAccuracy } = forest;
  const header: Header = {
    classes,
    width,
    trees: sizeOf(trees.nodeStarts.dims),
    nodes: sizeOf(trees.features.dims),
    entries: sizeOf(trees.leafClasses.dims),
    outOfBagAccuracy: Number.isNaN(outOfBagAccuracy) ? null : outOfBagAccuracy,
    options: { ...options, maxDepth: options.maxDepth === Infinity ? null : options.maxDepth },
  };
  return writeRecordFile(format, header, [forest.featureImportances, ...layout.map(([name]) => trees[name].data)]);
}

/** @throws SightlineError E_MODEL_FORMAT */
export function readForest(given: Uint8Array): StoredForest {
  return readRecordFile(format, given, parse);
}

function parse(header: Header, body: RecordBody): StoredForest {
  const { classes, width, trees: count, nodes, entries } = header;
  const options = completeOptions({ ...header.options, maxDepth: header.options.maxDepth ?? Infinity });
  const whole = [classes, width, count, nodes, entries].every((n) => Number.isSafeInteger(n) && n > 0);
  if (!whole || options.trees !== count) throw new Error('its header makes no sense');
  if (body.left !== 8 * (width + count) + 12 * nodes + 8 * entries) throw new Error('its length is wrong');
  const take = <T extends 'u32' | 'i32' | 'f32' | 'f64'>(dtype: T, size: number): Tensor<T> => {
    const array = tensor(dtype, [size]);
    body.fill(array.data);
    return array;
  };
  const featureImportances = take('f64', width).data;
  const trees = Object.fromEntries(
    layout.map(([name, dtype, size]) => [name, take(dtype, header[size])]),
  ) as unknown as PackedTrees;
  const { nodeStarts, features, children, entryStarts, leafClasses, leafCounts } = trees;
  checkTrees(
    {
      nodeStarts: nodeStarts.data,
      features: features.data,
      children: children.data,
      entryStarts: entryStarts.data,
      leafClasses: leafClasses.data,
      leafCounts: leafCounts.data,
    },
    width,
    nodes,
    entries,
    classes,
  );
  const outOfBagAccuracy = header.outOfBagAccuracy ?? NaN;
  return { options, classes, width, outOfBagAccuracy, featureImportances, trees };
}
