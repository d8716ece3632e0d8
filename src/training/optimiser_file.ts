import { createHash } from 'node:crypto';
import { SightlineError } from '../core/errors.js';
import { sizeOf } from '../core/tensor.js';
import { completeOptions, stateSizes, type OptimiserOptions } from './optimiser_options.js';

/** What an optimiser is made of; the flat arrays hold the tensors one behind the other. */
export interface OptimiserState {
  options: OptimiserOptions;
  /** Steps applied. */
  step: number;
  /** Calls of accumulate since the last step. */
  accumulated: number;
  tensors: { name: string; dims: number[] }[];
  /** Updates of each tensor. */
  steps: Uint32Array;
  parameters: Float32Array;
  gradients: Float32Array;
  first: Float32Array;
  second: Float32Array;
}

/*
 * magic "SLOPTIMS" · u32 version · u32 length of the header · header (JSON, UTF-8) · steps u32, parameters, first, second,
 * and gradients where some are accumulated, f32 · SHA-256 of everything before it. Little-endian, nothing aligned.
 */
const magic = 'SLOPTIMS';
const version = 1;
const prefix = 16;
const digestLength = 32;

type Header = Pick<OptimiserState, 'options' | 'step' | 'accumulated' | 'tensors'>;

export function writeOptimiser(state: OptimiserState): Uint8Array {
  const { options, step, accumulated, tensors, steps, parameters, gradients, first, second } = state;
  const header: Header = { options, step, accumulated, tensors };
  const text = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(prefix);
  start.write(magic, 'latin1');
  start.writeUInt32LE(version, 8);
  start.writeUInt32LE(text.length, 12);
  const arrays = [steps, parameters, first, second, ...(accumulated > 0 ? [gradients] : [])];
  const parts = [start, text, ...arrays.map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength))];
  // Without a copy of everything for the digest: this is as large as the model, three times over.
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  const { buffer, byteOffset, byteLength } = Buffer.concat([...parts, digest.digest()]);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** @throws SightlineError E_MODEL_FORMAT */
export function readOptimiser(given: Uint8Array): OptimiserState {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  if (bytes.length < prefix + digestLength || bytes.toString('latin1', 0, 8) !== magic) fail('not an optimiser');
  const found = bytes.readUInt32LE(8);
  if (found !== version) fail(`an optimiser of version ${found}; this release reads version ${version}`);
  const content = bytes.subarray(0, -digestLength);
  if (!createHash('sha256').update(content).digest().equals(bytes.subarray(-digestLength))) {
    fail('the optimiser is damaged: its checksum differs');
  }
  try {
    return parse(content);
  } catch (error) {
    const what = error instanceof Error ? error.message.replace(/\.+$/, '') : String(error);
    throw new SightlineError('E_MODEL_FORMAT', {
      where: 'optimiser',
      what: `not a valid optimiser: ${what}`,
      cause: error,
    });
  }
}

function parse(content: Buffer): OptimiserState {
  let at = prefix + content.readUInt32LE(12);
  const { options: stored, step, accumulated, tensors } = JSON.parse(content.toString('utf8', prefix, at)) as Header;
  const options = completeOptions(stored);
  const whole = (n: unknown) => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!whole(step) || !whole(accumulated) || !tensors.every(({ dims }) => dims.every(whole))) {
    throw new Error('its header makes no sense');
  }
  const count = tensors.reduce((sum, { dims }) => sum + sizeOf(dims), 0);
  const { F, V } = stateSizes(options, count);
  const stride = accumulated > 0 ? 2 * count : count;
  if (content.length !== at + 4 * (tensors.length + stride + F + V)) throw new Error('its length is wrong');
  const take = <A extends Uint32Array | Float32Array>(array: A): A => {
    new Uint8Array(array.buffer).set(content.subarray(at, at + array.byteLength));
    at += array.byteLength;
    return array;
  };
  return {
    ...{ options, step, accumulated, tensors },
    steps: take(new Uint32Array(tensors.length)),
    parameters: take(new Float32Array(count)),
    first: take(new Float32Array(F)),
    second: take(new Float32Array(V)),
    gradients: accumulated > 0 ? take(new Float32Array(count)) : new Float32Array(count),
  };
}

function fail(what: string): never {
  throw new SightlineError('E_MODEL_FORMAT', { where: 'optimiser', what });
}
