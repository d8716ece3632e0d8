import { SightlineError } from '../core/errors.js';

/** Values of pyradiomics' setting weightingNorm. */
export const weightingNorms = ['manhattan', 'euclidean', 'infinity', 'no_weighting'] as const;
export type WeightingNorm = (typeof weightingNorms)[number];

export interface OffsetOptions {
  /** Only within slices. */
  force2D?: boolean;
  /** The axis across the slices: 0 z, 1 y, 2 x. */
  force2Ddimension?: number;
}

/**
 * Offsets (dz, dy, dx) that pyradiomics counts pairs at (cmatrices.c, generate_angles), in its order: those with an
 * infinity norm among `distances`, one of each pair ±d, shorter than the image along every axis.
 * @param size image [D, H, W]; a 2-D image has D = 1
 * @param distances whole numbers in pixels, 1 or more
 * @returns i32[A, 3] row by row; A may be 0
 * @throws SightlineError E_ARGUMENT
 */
export function glcmOffsets(
  size: readonly [number, number, number],
  distances: readonly number[] = [1],
  { force2D = false, force2Ddimension = 0 }: OffsetOptions = {},
): Int32Array {
  expect('distances', distances.length > 0, 'at least one', 'none');
  for (const d of distances) expect('distances', Number.isInteger(d) && d >= 1, 'whole numbers from 1', d);
  expect('force2Ddimension', [0, 1, 2].includes(force2Ddimension), '0, 1 or 2', force2Ddimension);
  const farthest = Math.max(...distances);
  const [Z, Y, X] = size.map((n, axis) =>
    force2D && axis === force2Ddimension ? 0 : Math.max(0, Math.min(farthest, n - 1)),
  );
  const offsets: number[] = [];
  for (let dz = Z; dz >= 0; dz--) {
    for (let dy = Y; dy >= -Y; dy--) {
      for (let dx = X; dx >= -X; dx--) {
        const first = dz > 0 || (dz === 0 && (dy > 0 || (dy === 0 && dx > 0))); // of the pair ±d
        if (first && distances.includes(Math.max(dz, Math.abs(dy), Math.abs(dx)))) offsets.push(dz, dy, dx);
      }
    }
  }
  return Int32Array.from(offsets);
}

/**
 * Weights of offsets (pyradiomics, glcm.py, weightingNorm): exp(−‖d‖²) with d in spacing units (mm); 1 each for
 * 'no_weighting'. They are given in units of the largest: the weighted matrix is normalised anyway, and spacings of a
 * centimetre would leave nothing of them in float32.
 * @param offsets i32[A, 3]
 * @param spacing pixel spacing [z, y, x]
 */
export function offsetWeights(
  offsets: Int32Array,
  spacing: readonly [number, number, number],
  norm: WeightingNorm,
): Float32Array {
  expect('norm', weightingNorms.includes(norm), weightingNorms.join(', '), norm);
  const squares = Array.from({ length: offsets.length / 3 }, (_, a) => {
    const d = spacing.map((s, axis) => Math.abs(offsets[3 * a + axis]) * s);
    if (norm === 'no_weighting') return 0;
    if (norm === 'infinity') return Math.max(...d) ** 2;
    if (norm === 'euclidean') return d.reduce((sum, x) => sum + x * x, 0);
    return d.reduce((sum, x) => sum + x, 0) ** 2;
  });
  const nearest = Math.min(...squares);
  return Float32Array.from(squares, (square) => Math.exp(nearest - square));
}

function expect(name: string, holds: boolean, expected: string, received: unknown): void {
  if (holds) return;
  throw new SightlineError('E_ARGUMENT', {
    where: `glcm ${name}`,
    what: `expected ${expected}, received ${String(received)}`,
  });
}
