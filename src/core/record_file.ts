import { createHash } from 'node:crypto';
import { SightlineError } from './errors.js';

/** A kind of file: a JSON header, then arrays. */
export interface RecordFormat {
  /** Eight Latin-1 characters. */
  magic: string;
  version: number;
  /** What it holds, for errors: "optimiser". */
  what: string;
  /** Part of another such file, whose checksum covers it: has none of its own, which would take as long again. */
  inner?: true;
}

/** The arrays behind a header, to be read in their order. */
export interface RecordBody {
  /** Bytes not read yet. */
  readonly left: number;
  /** Fills an array with the next bytes, and returns it. @throws Error when fewer are left */
  fill<A extends ArrayBufferView>(array: A): A;
}

/*
 * magic · u32 version · u32 length of the header · header (JSON, UTF-8) · the arrays' bytes · SHA-256 of everything before
 * it. Little-endian, nothing aligned.
 */
const prefix = 16;
const digestLength = 32;

/** Header and arrays as bytes. @param header plain data */
export function writeRecordFile(
  { magic, version, inner }: RecordFormat,
  header: unknown,
  arrays: readonly ArrayBufferView[],
): Uint8Array {
  const text = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(prefix);
  start.write(magic, 'latin1');
  start.writeUInt32LE(version, 8);
  start.writeUInt32LE(text.length, 12);
  const parts = [start, text, ...arrays.map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength))];
  // Without a copy of everything for the digest: an optimiser's state is as large as its model, three times over.
  const digest = createHash('sha256');
  if (!inner) for (const part of parts) digest.update(part);
  const { buffer, byteOffset, byteLength } = Buffer.concat(inner ? parts : [...parts, digest.digest()]);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/**
 * What `parse` makes of header and arrays; the header is as the file has it, its meaning not checked.
 * @throws SightlineError E_MODEL_FORMAT for another kind or version of file, a damaged one, and whatever `parse` throws
 */
export function readRecordFile<H, R>(
  { magic, version, what, inner }: RecordFormat,
  given: Uint8Array,
  parse: (header: H, body: RecordBody) => R,
): R {
  const fail = (problem: string, cause?: unknown): never => {
    throw new SightlineError('E_MODEL_FORMAT', { where: what, what: problem, cause });
  };
  const article = /^[aeiou]/.test(what) ? 'an' : 'a';
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  const ending = inner ? 0 : digestLength;
  if (bytes.length < prefix + ending || bytes.toString('latin1', 0, 8) !== magic) fail(`not ${article} ${what}`);
  const found = bytes.readUInt32LE(8);
  if (found !== version) fail(`${article} ${what} of version ${found}; this release reads version ${version}`);
  const content = bytes.subarray(0, bytes.length - ending);
  if (!inner && !createHash('sha256').update(content).digest().equals(bytes.subarray(content.length))) {
    fail(`the ${what} is damaged: its checksum differs`);
  }
  let at = prefix + content.readUInt32LE(12);
  const body: RecordBody = {
    get left() {
      return content.length - at;
    },
    fill(array) {
      if (content.length - at < array.byteLength) throw new Error('its length is wrong');
      const next = content.subarray(at, at + array.byteLength);
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(next);
      at += array.byteLength;
      return array;
    },
  };
  try {
    return parse(JSON.parse(content.toString('utf8', prefix, at)) as H, body);
  } catch (error) {
    const problem = error instanceof Error ? error.message.replace(/\.+$/, '') : String(error);
    return fail(`not a valid ${what}: ${problem}`, error);
  }
}
