import { sizeOf } from '../core/tensor.js';
import type { BatchSource, SourceBatch } from './batch_source.js';

/** A source whose targets are [B, all values of one]: images for a dense autoencoder's output. */
export function flatTargets(source: BatchSource): BatchSource {
  async function* flat(batches: AsyncIterable<SourceBatch>): AsyncGenerator<SourceBatch> {
    for await (const batch of batches) {
      const { dims } = batch.targets;
      yield { ...batch, targets: { ...batch.targets, dims: [dims[0], sizeOf(dims.slice(1))] } };
    }
  }
  return {
    batch: source.batch,
    iterations: source.iterations,
    epoch: (epoch, options) => flat(source.epoch(epoch, options)),
    inOrder: () => flat(source.inOrder()),
    quarantined: () => source.quarantined?.() ?? [],
  };
}
