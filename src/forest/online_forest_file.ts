import { readRecordFile, writeRecordFile, type RecordBody, type RecordFormat } from '../core/record_file.js';
import type { OnlineOptions } from './online_options.js';
import type { FeatureRange, StoredTree } from './online_tree.js';
import type { StoredRecords } from './records.js';

/** What an on-line forest is made of. */
export interface StoredOnlineForest {
  options: OnlineOptions;
  width: number;
  seen: number;
  classes: number;
  room: number;
  trials: number;
  errors: number;
  range: FeatureRange;
  trees: StoredTree[];
}

/** Behind the header: the arrays, in the order and with the lengths that it names. */
const format: RecordFormat = { magic: 'SLONLINE', version: 1, what: 'on-line forest' };

type Lengths = Record<string, number>;
type RecordsHeader = Omit<StoredRecords, 'arrays'> & { bytes: Lengths };
type Part = 'nodes' | 'growing' | 'held';
type TreeHeader = Omit<StoredTree, Part> & Record<Part, RecordsHeader>;
type Header = Omit<StoredOnlineForest, 'range' | 'trees' | 'options'> & {
  trees: TreeHeader[];
  /** maxDepth null: no limit. */
  options: Omit<OnlineOptions, 'maxDepth'> & { maxDepth: number | null };
};

export function writeOnlineForest({ range, trees, options, ...rest }: StoredOnlineForest): Uint8Array {
  const body: ArrayBufferView[] = [range.low, range.high];
  const headerOf = ({ arrays, ...records }: StoredRecords): RecordsHeader => {
    body.push(...Object.values(arrays));
    const bytes = Object.fromEntries(Object.entries(arrays).map(([name, { byteLength }]) => [name, byteLength]));
    return { ...records, bytes };
  };
  const header: Header = {
    ...rest,
    options: { ...options, maxDepth: options.maxDepth === Infinity ? null : options.maxDepth },
    trees: trees.map((tree) => ({
      ...tree,
      nodes: headerOf(tree.nodes),
      growing: headerOf(tree.growing),
      held: headerOf(tree.held),
    })),
  };
  return writeRecordFile(format, header, body);
}

/** @throws SightlineError E_MODEL_FORMAT */
export function readOnlineForest(given: Uint8Array): StoredOnlineForest {
  return readRecordFile(format, given, parse);
}

function parse({ options, trees, ...rest }: Header, body: RecordBody): StoredOnlineForest {
  const recordsOf = ({ bytes: lengths, ...records }: RecordsHeader): StoredRecords => ({
    ...records,
    arrays: Object.fromEntries(
      Object.entries(lengths).map(([name, length]) => [name, body.fill(new Uint8Array(length))]),
    ),
  });
  const [low, high] = [0, 1].map(() => body.fill(new Float32Array(rest.width)));
  return {
    ...rest,
    options: { ...options, maxDepth: options.maxDepth ?? Infinity },
    range: { low, high },
    trees: trees.map((tree) => ({
      ...tree,
      nodes: recordsOf(tree.nodes),
      growing: recordsOf(tree.growing),
      held: recordsOf(tree.held),
    })),
  };
}
