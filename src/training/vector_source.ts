import { SightlineError } from '../core/errors.js';
import { tensor, type Tensor } from '../core/tensor.js';
import type { BatchSource, SourceBatch } from './batch_source.js';
import { Sampler } from './feed/sampler.js';
import { rowsOf } from './validation.js';

/**
 * Batches of vectors that are in memory, as square pictures of one channel, each its own target: what a dense autoencoder
 * learns from. Order by seed and epoch alone.
 */
export class VectorSource implements BatchSource {
  /** No more than there are vectors. */
  readonly batch: number;
  readonly iterations: number;
  /** Pixels of a picture's side. */
  readonly side: number;
  readonly #sampler: Sampler;

  /**
   * @param vectors f32[N,P], P a square number
   * @throws SightlineError E_SHAPE, E_POOL_EMPTY, E_IMAGE_VALUES (NaN or infinite), E_ARGUMENT (batch)
   */
  constructor(
    private readonly vectors: Tensor<'f32'>,
    { batch, seed }: { batch: number; seed: number },
  ) {
    this.side = sideOf(vectors);
    const [count] = vectors.dims;
    if (count === 0) throw new SightlineError('E_POOL_EMPTY', { where: 'vectors', what: 'none to learn from' });
    const bad = vectors.data.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      const row = Math.floor(bad / vectors.dims[1]);
      throw new SightlineError('E_IMAGE_VALUES', { where: `vector ${row}`, what: 'it holds NaN or infinite values' });
    }
    this.#sampler = new Sampler({ count, batch, seed });
    this.batch = this.#sampler.batch;
    this.iterations = this.#sampler.iterations;
  }

  async *epoch(epoch: number, { from }: { from: number }): AsyncGenerator<SourceBatch> {
    const order = this.#sampler.order(epoch);
    for (let iteration = from; iteration < this.iterations; iteration++) {
      const rows = this.#sampler.batchOf(order, iteration, () => true).map(({ sample }) => sample);
      const gathered = tensor('f32', [rows.length, this.vectors.dims[1]]);
      rows.forEach((row, b) => gathered.data.set(rowsOf(this.vectors, row, row + 1).data, b * gathered.dims[1]));
      yield this.#batchOf(gathered, iteration, rows);
    }
  }

  async *inOrder(): AsyncGenerator<SourceBatch> {
    const [count] = this.vectors.dims;
    for (let from = 0; from < count; from += this.batch) {
      const to = Math.min(from + this.batch, count);
      const rows = Array.from({ length: to - from }, (_, i) => from + i);
      yield this.#batchOf(rowsOf(this.vectors, from, to), from / this.batch, rows);
    }
  }

  #batchOf(targets: Tensor<'f32'>, iteration: number, rows: readonly number[]): SourceBatch {
    const images = tensor('f32', [targets.dims[0], 1, this.side, this.side], targets.data);
    return { iteration, images, targets, ids: rows.map(String), release: () => {} };
  }
}

/** Side of the pictures that vectors f32[N,P] are. @throws SightlineError E_SHAPE */
export function sideOf({ dims }: Tensor<'f32'>): number {
  const side = Math.round(Math.sqrt(dims[1] ?? 0));
  if (dims.length === 2 && side > 0 && side * side === dims[1]) return side;
  throw new SightlineError('E_SHAPE', {
    where: 'vectors',
    what: `expected [N,P] with P a square number, received [${dims.join()}]`,
  });
}
