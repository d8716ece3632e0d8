import type { Backend, DeviceTensor } from '../backend/index.js';
import type { Criteria } from '../core/criteria.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { thresholdsOf } from '../features/binarisation.js';
import { dice, diceModes } from '../kernels/dice.js';
import type { InferenceSetup, InferenceTask } from './inference.js';
import type { RegionPredictor } from './region_predictor.js';

/** Regions of interest of a batch. */
export interface Regions {
  /** u8[B,H·W], non-zero inside. */
  masks: Tensor<'u8'>;
  /** Whether a row has one: rows without are all zeros, but all zeros may also be a region that is empty. */
  has: boolean[];
}

/** What a batch's regions of interest decide: the criteria `roi_area` and `dice`. */
export class RegionScorer {
  constructor(
    private readonly setup: InferenceSetup,
    private readonly backend: Backend,
    private readonly predictor: RegionPredictor | null,
  ) {}

  /** The regions that the criteria are about, and `roi_area`: the share of the image inside. */
  async regionsOf(images: Tensor<'f32'>, task: InferenceTask, criteria: Criteria<Float64Array>): Promise<Regions> {
    const { batch, height, width } = this.setup;
    const pixels = height * width;
    const regions = await this.#choose(images, task);
    for (let b = 0; b < batch; b++) {
      if (!regions.has[b]) continue;
      let inside = 0;
      for (let p = b * pixels; p < (b + 1) * pixels; p++) inside += Number(regions.masks.data[p] !== 0);
      criteria.roi_area[b] = inside / pixels;
    }
    return regions;
  }

  /**
   * Overlap of maps and regions, into `dice`.
   * @param maps f32[B,P] @param counts their histograms
   */
  async compare(
    maps: Tensor<'f32'> | DeviceTensor<'f32'>,
    counts: Tensor<'u32'>,
    { masks, has }: Regions,
    criteria: Criteria<Float64Array>,
  ): Promise<void> {
    if (!has.some(Boolean)) return;
    const { binarise } = this.setup;
    const soft = binarise === 'soft';
    const thresholds = await thresholdsOf(this.backend, maps, soft ? 0 : binarise, counts);
    const mode = soft ? diceModes.soft : diceModes.threshold;
    const overlap = await this.backend.run(dice, { maps, masks, thresholds }, { mode });
    has.forEach((own, b) => own && (criteria.dice[b] = overlap.dice.data[b]));
  }

  async #choose(images: Tensor<'f32'>, { rois, hasRoi }: InferenceTask): Promise<Regions> {
    const { batch, height, width, roi } = this.setup;
    if (this.predictor) {
      const predicted = await this.predictor.predict(images);
      // Where the model finds nothing there is no region, rather than one that attention cannot overlap.
      const found = (b: number) => predicted.data.subarray(b * height * width, (b + 1) * height * width).some(Boolean);
      return { masks: predicted, has: hasRoi.map((_, b) => found(b)) };
    }
    const masks = tensor('u8', [batch, height * width], new Uint8Array(rois));
    return { masks, has: roi === 'manifest' ? hasRoi : hasRoi.map(() => false) };
  }
}
