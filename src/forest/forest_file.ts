import { createHash } from 'node:crypto';
import { SightlineError } from '../core/errors.js';
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

/*
 * magic "SLFOREST" · u32 version · u32 length of the header · header (JSON, UTF-8) · the importances f64[D] and the arrays
 * of the trees, in the order of `layout` · SHA-256 of everything before it. Little-endian, nothing aligned.
 */
const magic = 'SLFOREST';
const version = 1;
const prefix = 16;
const digestLength = 32;

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
  const text = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(prefix);
  start.write(magic, 'latin1');
  start.writeUInt32LE(version, 8);
  start.writeUInt32LE(text.length, 12);
  const arrays = [forest.featureImportances, ...layout.map(([name]) => trees[name].data)];
  const body = arrays.map((array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength));
  const content = Buffer.concat([start, text, ...body]);
  return new Uint8Array(Buffer.concat([content, digestOf(content)]));
}

/** @throws SightlineError E_MODEL_FORMAT */
export function readForest(given: Uint8Array): StoredForest {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  if (bytes.length < prefix + digestLength || bytes.toString('latin1', 0, 8) !== magic) fail('not a forest');
  const found = bytes.readUInt32LE(8);
  if (found !== version) fail(`a forest of version ${found}; this release reads version ${version}`);
  const content = bytes.subarray(0, -digestLength);
  if (!digestOf(content).equals(bytes.subarray(-digestLength))) fail('the forest is damaged: its checksum differs');
  try {
    return parse(content);
  } catch (error) {
    const what = error instanceof Error ? error.message.replace(/\.+$/, '') : String(error);
    throw new SightlineError('E_MODEL_FORMAT', { where: 'forest', what: `not a valid forest: ${what}`, cause: error });
  }
}

function parse(content: Buffer): StoredForest {
  let at = prefix + content.readUInt32LE(12);
  const header = JSON.parse(content.toString('utf8', prefix, at)) as Header;
  const { classes, width, trees: count, nodes, entries } = header;
  const options = completeOptions({ ...header.options, maxDepth: header.options.maxDepth ?? Infinity });
  const whole = [classes, width, count, nodes, entries].every((n) => Number.isSafeInteger(n) && n > 0);
  if (!whole || options.trees !== count) throw new Error('its header makes no sense');
  if (content.length !== at + 8 * (width + count) + 12 * nodes + 8 * entries) throw new Error('its length is wrong');
  const take = <T extends 'u32' | 'i32' | 'f32' | 'f64'>(dtype: T, size: number): Tensor<T> => {
    const array = tensor(dtype, [size]);
    const { buffer, byteLength } = array.data;
    new Uint8Array(buffer).set(content.subarray(at, at + byteLength));
    at += byteLength;
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

function digestOf(content: Buffer): Buffer {
  return createHash('sha256').update(content).digest();
}

function fail(what: string): never {
  throw new SightlineError('E_MODEL_FORMAT', { where: 'forest', what });
}
