import type { SourceBatch } from './batch_source.js';
import type { TrainingStep } from './training_step.js';
import { rowsOf } from './validation.js';

/** What the gradients of one batch came with. */
export interface AccumulatedBatch {
  /** Mean over its parts; NaN or infinite where one of them is. */
  loss: number;
  /** Mean alignment term; null without one. */
  alignment: number | null;
  /** Parts with a finite loss: those that were added. */
  added: number;
}

/**
 * Adds the gradients of a batch, in `split` parts of equal size.
 * @param number of the batch in the run: dropout's draws are keyed by it and by the part
 */
export async function accumulateBatch(
  step: Pick<TrainingStep, 'accumulate'>,
  batch: SourceBatch,
  split: number,
  number: number,
): Promise<AccumulatedBatch> {
  const size = batch.images.dims[0] / split;
  let loss = 0;
  let alignment: number | null = null;
  let added = 0;
  for (let part = 0; part < split; part++) {
    const [from, to] = [part * size, (part + 1) * size];
    const rois = batch.rois && rowsOf(batch.rois, from, to);
    const images = rowsOf(batch.images, from, to);
    const targets = rowsOf(batch.targets, from, to);
    const report = await step.accumulate({ images, targets, ...(rois && { rois }) }, number * split + part);
    loss += report.loss / split;
    if (report.alignment !== undefined) alignment = (alignment ?? 0) + report.alignment / split;
    added += Number(Number.isFinite(report.loss));
  }
  return { loss, alignment, added };
}
