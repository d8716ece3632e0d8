import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { SightlineError } from '../../core/errors.js';
import { sizeOf } from '../../core/tensor.js';
import { valuesOf, type ElementType } from '../constant.js';
import { checked, weightSchema, type WeightGroupJson, type WeightJson } from './schema.js';

/** A weight of a layer, as floats in Keras's own layout. */
export interface Weight {
  name: string;
  dims: readonly number[];
  data: Float32Array;
}

/** Paths of the binary files that a model.json names, resolved. @throws SightlineError E_MODEL_FORMAT for one outside */
export function shardPaths(groups: readonly WeightGroupJson[], modelPath: string): string[] {
  return groups.flatMap((group) => group.paths.map((location) => shardPath(location, modelPath)));
}

function shardPath(location: string, modelPath: string): string {
  const folder = dirname(resolve(modelPath));
  const path = resolve(folder, location);
  const inside = relative(folder, path);
  if (isAbsolute(location) || isAbsolute(inside) || inside === '' || inside.split(/[\\/]/)[0] === '..') {
    throw new SightlineError('E_MODEL_FORMAT', {
      where: modelPath,
      what: `it names a weights file outside its own folder ('${location}'), which is refused`,
      remedy: 'Put the weights files beside model.json, under the names that it lists.',
    });
  }
  return path;
}

/**
 * Reads all weights: the shards of a group are one run of bytes, in which the weights follow one another.
 * @throws SightlineError E_MODEL_FORMAT (a shard is missing, or bytes are too few or too many)
 */
export function readWeights(groups: readonly WeightGroupJson[], modelPath: string): Weight[] {
  return groups.flatMap((group, index) => {
    const specs = group.weights.map((weight, i) =>
      checked(weightSchema, weight, modelPath, `weightsManifest.${index}.weights.${i}`),
    );
    const bytes = joined(group.paths.map((location) => readShard(location, modelPath)));
    let at = 0;
    const weights = specs.map((spec) => {
      const width = widths[storedType(spec)];
      const length = sizeOf(spec.shape) * width;
      if (at + length > bytes.byteLength) throw wrongLength(group, specs, bytes.byteLength, modelPath);
      const weight = decoded(spec, bytes.subarray(at, at + length), modelPath);
      at += length;
      return weight;
    });
    if (at !== bytes.byteLength) throw wrongLength(group, specs, bytes.byteLength, modelPath);
    return weights;
  });
}

type Stored = 'f32' | 'f16' | 'i32' | 'u8' | 'u16';
const widths: Record<Stored, number> = { f32: 4, f16: 2, i32: 4, u8: 1, u16: 2 };
const types = { float32: 'f32', float16: 'f16', int32: 'i32', bool: 'u8', uint8: 'u8', uint16: 'u16' } as const;

/** Element type in the file: the quantised one where the weight is quantised. */
function storedType({ dtype, quantization }: WeightJson): Stored {
  return types[quantization?.dtype ?? dtype];
}

/** Quantised integers q stand for q · scale + min. */
function decoded(spec: WeightJson, raw: Uint8Array, modelPath: string): Weight {
  const type: ElementType = storedType(spec);
  const stored = valuesOf({ type, dims: spec.shape, raw });
  const { quantization } = spec;
  let data = stored instanceof Float32Array ? stored : Float32Array.from(stored);
  if (quantization && quantization.dtype !== 'float16') {
    const { scale, min } = quantization;
    if (scale === undefined || min === undefined) {
      throw new SightlineError('E_MODEL_FORMAT', {
        where: `${modelPath}, weight '${spec.name}'`,
        what: `it is quantised to ${quantization.dtype} but its scale or min is missing`,
        remedy: 'Convert the model again, without quantisation if need be.',
      });
    }
    data = Float32Array.from(stored, (q) => q * scale + min);
  }
  return { name: spec.name, dims: spec.shape, data };
}

function readShard(location: string, modelPath: string): Uint8Array {
  try {
    return readFileSync(shardPath(location, modelPath));
  } catch (cause) {
    if (cause instanceof SightlineError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new SightlineError('E_MODEL_FORMAT', {
      where: modelPath,
      what: `its weights file '${location}' ${missing ? 'is missing' : `cannot be read (${(cause as Error).message})`}`,
      remedy: 'A TensorFlow.js model is a folder: keep model.json and all its .bin files together.',
      cause,
    });
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const all = new Uint8Array(parts.reduce((total, part) => total + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}

function wrongLength(
  group: WeightGroupJson,
  specs: readonly WeightJson[],
  received: number,
  modelPath: string,
): SightlineError {
  const expected = specs.reduce((total, spec) => total + sizeOf(spec.shape) * widths[storedType(spec)], 0);
  const named = group.paths.length > 4 ? [...group.paths.slice(0, 3), '…', group.paths.at(-1)] : group.paths;
  return new SightlineError('E_MODEL_FORMAT', {
    where: modelPath,
    what: `the weights need ${expected} bytes but ${named.join(', ') || 'no file'} hold ${received}`,
    remedy: 'A weights file is truncated or belongs to another model: copy the whole folder again.',
  });
}
