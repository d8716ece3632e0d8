import { SightlineError } from '../core/errors.js';
import { tensor, type Tensor } from '../core/tensor.js';

/**
 * Number of rows and columns of a matrix whose values are all finite.
 * @throws SightlineError E_SHAPE (not [N,D]), E_ARGUMENT (NaN or infinite: a distance to that row means nothing)
 */
export function checkedRows({ dims, data }: Tensor<'f32' | 'f64'>, name: string): [rows: number, width: number] {
  if (dims.length !== 2) {
    throw new SightlineError('E_SHAPE', { where: name, what: `expected [N,D], received [${dims.join(',')}]` });
  }
  const [rows, width] = dims;
  for (let i = 0; i < data.length; i++) {
    if (data[i] - data[i] === 0) continue;
    throw new SightlineError('E_ARGUMENT', {
      where: `${name}, row ${Math.floor(i / width)}, column ${i % width}`,
      what: `expected a finite number, received ${data[i]}`,
      remedy: 'Leave the row out.',
    });
  }
  return [rows, width];
}

/** @throws SightlineError E_ARGUMENT unless every index is a row's, and none comes twice */
export function checkIndices(indices: Uint32Array, rows: number, name: string): void {
  const seen = new Uint8Array(rows);
  for (const [at, index] of indices.entries()) {
    if (index < rows && !seen[index]) {
      seen[index] = 1;
      continue;
    }
    throw new SightlineError('E_ARGUMENT', {
      where: `${name}[${at}]`,
      what: index < rows ? `row ${index} comes twice` : `expected a row below ${rows}, received ${index}`,
    });
  }
}

/** Copies of the named rows, in that order: f32[indices.length, D]. */
export function gatherRows({ dims, data }: Tensor<'f32'>, indices: ArrayLike<number>): Tensor<'f32'> {
  const width = dims[1];
  const out = tensor('f32', [indices.length, width]);
  for (let i = 0; i < indices.length; i++) {
    out.data.set(data.subarray(indices[i] * width, (indices[i] + 1) * width), i * width);
  }
  return out;
}

/** Positions of the rows whose values are all finite, in rising order. */
export function finiteRows({ dims, data }: Tensor<'f32' | 'f64'>): number[] {
  const [rows, width] = dims;
  return [...Array(rows).keys()].filter((i) => {
    for (let k = i * width; k < (i + 1) * width; k++) if (!Number.isFinite(data[k])) return false;
    return true;
  });
}

/** The rows of `b` below those of `a`, copied. @throws SightlineError E_SHAPE unless both are as wide */
export function stackRows(a: Tensor<'f32'>, b: Tensor<'f32'>): Tensor<'f32'> {
  if (a.dims.length !== 2 || b.dims.length !== 2 || a.dims[1] !== b.dims[1]) {
    throw new SightlineError('E_SHAPE', { what: `rows [${a.dims.join(',')}] and [${b.dims.join(',')}] do not fit` });
  }
  const out = tensor('f32', [a.dims[0] + b.dims[0], a.dims[1]]);
  out.data.set(a.data);
  out.data.set(b.data, a.data.length);
  return out;
}

/** Rows scaled to length 1 (Euclidean); rows of zeros stay zeros. A copy: f32[N,D]. */
export function unitRows({ dims, data }: Tensor<'f32'>): Tensor<'f32'> {
  const [rows, width] = dims;
  const out = tensor('f32', dims);
  for (let i = 0; i < rows; i++) {
    let squares = 0;
    for (let k = i * width; k < (i + 1) * width; k++) squares += data[k] * data[k];
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let k = i * width; k < (i + 1) * width; k++) out.data[k] = data[k] * scale;
  }
  return out;
}
