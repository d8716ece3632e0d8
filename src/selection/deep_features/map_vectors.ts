import type { Backend } from '../../backend/index.js';
import { expectArgument, SightlineError } from '../../core/errors.js';
import { tensor, type Tensor } from '../../core/tensor.js';
import { resize } from '../../kernels/resize.js';

/**
 * Saliency maps as the autoencoder of IDEAL's Algorithm 2 takes them: resized (antialiased bilinear, which keeps them in
 * [0, 1]) and flattened row by row.
 * @param maps f32[N,H,W] @param size side of the square that maps become; 64
 * @returns f32[N,size²]
 * @throws SightlineError E_SHAPE, E_ARGUMENT
 */
export async function mapVectors(backend: Backend, maps: Tensor<'f32'>, size = 64): Promise<Tensor<'f32'>> {
  if (maps.dims.length !== 3) {
    throw new SightlineError('E_SHAPE', { where: 'maps', what: `expected [N,H,W], received [${maps.dims.join(',')}]` });
  }
  expectArgument(Number.isSafeInteger(size) && size >= 1, 'size', 'a whole number from 1', size);
  const [count, rows, columns] = maps.dims;
  const vectors = tensor('f32', [count, size * size]);
  const area = { sourceWidth: columns, sourceHeight: rows, width: size, height: size };
  for (let i = 0; i < count; i++) {
    const image = tensor('f32', [rows, columns, 1], maps.data.subarray(i * rows * columns, (i + 1) * rows * columns));
    const resized = tensor('f32', [size, size, 1], vectors.data.subarray(i * size * size, (i + 1) * size * size));
    await backend.run(resize, { image }, area, { into: { resized } });
  }
  return vectors;
}
