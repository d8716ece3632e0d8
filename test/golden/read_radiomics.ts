import { readFileSync } from 'node:fs';
import type { WeightingNorm } from '../../src/kernels/glcm_offsets.js';

/** Features of one class; NaN where pyradiomics gave NaN. */
export interface RadiomicsValues {
  values?: Record<string, number>;
  /** What pyradiomics raised instead. */
  error?: string;
  /** By feature: angles that numpy.nanmean skipped, and the mean with 0 in their place. */
  skipped?: Record<string, { angles: number; zeros: number }>;
  /** Highest grey level. */
  levels?: number;
}

/** One image and mask with the settings of pyradiomics; a 2-D image has one slice. */
export interface RadiomicsCase {
  name: string;
  image: Float32Array;
  /** The image is this many times larger. */
  scale: number;
  mask: Uint8Array;
  size: [number, number, number];
  spacing: [number, number, number];
  settings: {
    binWidth?: number;
    binCount?: number;
    distances?: number[];
    symmetricalGLCM?: boolean;
    weightingNorm?: WeightingNorm;
    voxelArrayShift?: number;
    force2D?: boolean;
    force2Ddimension?: number;
  };
  firstorder?: RadiomicsValues;
  glcm?: RadiomicsValues;
  shape2D?: RadiomicsValues;
}

interface Stored extends Omit<RadiomicsCase, 'image' | 'mask' | 'size' | 'firstorder' | 'glcm' | 'shape2D'> {
  image: string;
  mask: string;
}
type StoredValues = Omit<RadiomicsValues, 'values'> & { values?: (number | null)[] };

/** Reads what radiomics_features.py writes. */
export function readRadiomics(folder: URL): RadiomicsCase[] {
  const arrays = readTypedArrays(new URL('images.bin', folder));
  const file = JSON.parse(readFileSync(new URL('cases.json', folder), 'utf8')) as {
    features: Record<string, string[]>;
    cases: (Stored & Record<string, StoredValues>)[];
  };
  const three = (from: readonly number[]) => (from.length === 2 ? [1, ...from] : from) as [number, number, number];
  return file.cases.map((stored): RadiomicsCase => {
    const image = arrays.get(stored.image)!;
    const classes = Object.entries(file.features).flatMap(([name, features]) => {
      const found: StoredValues | undefined = stored[name];
      if (!found) return [];
      const values = found.values && Object.fromEntries(features.map((f, i) => [f, found.values![i] ?? NaN]));
      return [[name, { ...found, values }] as const];
    });
    return {
      ...stored,
      ...Object.fromEntries(classes),
      image: Float32Array.from(image.data),
      mask: arrays.get(stored.mask)!.data as Uint8Array,
      size: three(image.dims),
      spacing: three(stored.spacing),
    };
  });
}

/** Reads a file written by write_typed_golden in golden_file.py: its arrays by name. */
function readTypedArrays(path: URL): Map<string, { dims: number[]; data: Uint8Array | Int16Array | Float32Array }> {
  const bytes = readFileSync(path);
  if (bytes.toString('latin1', 0, 8) !== 'SLGOLD2\n') throw new Error(`${path.href}: not a golden file`);
  const length = bytes.readUInt32LE(8);
  const header = JSON.parse(bytes.toString('utf8', 12, 12 + length)) as {
    arrays: { name: string; dtype: 'u8' | 'i16' | 'f32'; dims: number[]; offset: number }[];
  };
  const data = new Uint8Array(bytes.subarray(12 + length)).buffer;
  const types = { u8: Uint8Array, i16: Int16Array, f32: Float32Array };
  return new Map(
    header.arrays.map(({ name, dtype, dims, offset }) => {
      const count = dims.reduce((a, b) => a * b, 1);
      return [name, { dims, data: new types[dtype](data, offset, count) }];
    }),
  );
}
