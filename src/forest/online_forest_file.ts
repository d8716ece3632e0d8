import { createHash } from 'node:crypto';
import { SightlineError } from '../core/errors.js';
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

/*
 * magic "SLONLINE" · u32 version · u32 length of the header · header (JSON, UTF-8) · the arrays, in the order and with the
 * lengths that the header names · SHA-256 of everything before it. Little-endian, nothing aligned.
 */
const magic = 'SLONLINE';
const version = 1;
const prefix = 16;
const digestLength = 32;

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
  const body: Uint8Array[] = [bytesOf(range.low), bytesOf(range.high)];
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
  const text = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(prefix);
  start.write(magic, 'latin1');
  start.writeUInt32LE(version, 8);
  start.writeUInt32LE(text.length, 12);
  const content = Buffer.concat([start, text, ...body]);
  return new Uint8Array(Buffer.concat([content, digestOf(content)]));
}

/** @throws SightlineError E_MODEL_FORMAT */
export function readOnlineForest(given: Uint8Array): StoredOnlineForest {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  if (bytes.length < prefix + digestLength || bytes.toString('latin1', 0, 8) !== magic) fail('not an on-line forest');
  const found = bytes.readUInt32LE(8);
  if (found !== version) fail(`an on-line forest of version ${found}; this release reads version ${version}`);
  const content = bytes.subarray(0, -digestLength);
  if (!digestOf(content).equals(bytes.subarray(-digestLength))) fail('the forest is damaged: its checksum differs');
  let at = prefix + content.readUInt32LE(12);
  const header = JSON.parse(content.toString('utf8', prefix, at)) as Header;
  const take = (length: number) => new Uint8Array(content.subarray(at, (at += length)));
  const recordsOf = ({ bytes: lengths, ...records }: RecordsHeader): StoredRecords => ({
    ...records,
    arrays: Object.fromEntries(Object.entries(lengths).map(([name, length]) => [name, take(length)])),
  });
  const { options, trees, ...rest } = header;
  const [low, high] = [0, 1].map(() => new Float32Array(take(4 * rest.width).buffer));
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

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function digestOf(content: Buffer): Buffer {
  return createHash('sha256').update(content).digest();
}

function fail(what: string): never {
  throw new SightlineError('E_MODEL_FORMAT', { where: 'on-line forest', what });
}
