import type { Backend } from '../backend/index.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { attentionAgreement, type AttentionAgreement } from '../metrics/attention.js';
import type { InferenceTask } from './inference.js';

/** Compares saliency maps with the regions that experts drew, whatever region the criteria are about. */
export class AttentionScorer {
  constructor(private readonly backend: Backend) {}

  /** @param maps f32[B,H,W] @returns by row; undefined without a region, or where the map is not finite */
  async score(
    maps: Tensor<'f32'>,
    { rois, hasRoi }: Pick<InferenceTask, 'rois' | 'hasRoi'>,
  ): Promise<(AttentionAgreement | undefined)[]> {
    const [, height, width] = maps.dims;
    const pixels = height * width;
    const mapOf = (b: number) => maps.data.subarray(b * pixels, (b + 1) * pixels);
    // One image that the model fails on must not take its batch along.
    const rows = hasRoi.flatMap((has, b) => (has && mapOf(b).every(Number.isFinite) ? [b] : []));
    const chosen = tensor('f32', [rows.length, height, width]);
    const masks = tensor('u8', [rows.length, height, width]);
    rows.forEach((b, i) => {
      chosen.data.set(mapOf(b), i * pixels);
      masks.data.set(new Uint8Array(rois, b * pixels, pixels), i * pixels);
    });
    const agreements = await attentionAgreement(this.backend, chosen, masks);
    return hasRoi.map((_, b) => (rows.includes(b) ? agreements[rows.indexOf(b)] : undefined));
  }
}
