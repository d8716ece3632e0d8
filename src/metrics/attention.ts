import type { Backend } from '../backend/index.js';
import { expectArgument, SightlineError } from '../core/errors.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { dice, diceModes } from '../kernels/dice.js';
import { expectLength, meanDefined } from './inputs.js';

export interface AttentionOptions {
  /** Maps are inside where they are at least this; default 0.5 (XAL). */
  threshold?: number;
  /** Dice of the thresholded map (default), or a soft Dice (kernels/dice.ts). */
  dice?: keyof typeof diceModes;
  /** Pointing game: how near the maximum must be to the region, pixels of the map; default 0 (inside). */
  tolerance?: number;
}

/** How well one saliency map agrees with the region of interest. All but `roiShare` are NaN where the sample has no region. */
export interface AttentionAgreement {
  /** Dice of map and region, in [0, 1]. */
  dice: number;
  /** 1 where the map's maximum lies in the region or near enough, else 0. */
  hit: number;
  /** Part of the map's sum that lies in the region, in [0, 1]. */
  energy: number;
  /** Part of the image that is region: what `energy`, and `hit` without tolerance, are on average for a map that knows nothing. */
  roiShare: number;
  /** Whether the map is all zeros: it points nowhere, so that dice, hit and energy are 0. */
  flat: boolean;
}

/**
 * Agreement of saliency maps with regions of interest, per sample.
 *   dice    2|A ∩ G| / (|A| + |G|), A = {map ≥ threshold} (XAL's attention–ROI agreement)
 *   hit     the pointing game (Zhang et al., IJCV 2018): the first largest value of the map, in row-major order, is in the region
 *           or less than `tolerance` pixels from one of its pixels (Euclidean distance of pixel centres; TorchRay: 15)
 *   energy  Σ map inside / Σ map (Wang et al., Score-CAM, CVPRW 2020)
 * @param maps f32[B,H,W], 0 or more, usually in [0, 1]
 * @param masks u8[B,H,W], non-zero = inside; all zeros: no region
 * @throws SightlineError E_SHAPE where maps and masks differ, E_ARGUMENT for NaN or negative map values or a negative tolerance
 */
export async function attentionAgreement(
  backend: Backend,
  maps: Tensor<'f32'>,
  masks: Tensor<'u8'>,
  options: AttentionOptions = {},
): Promise<AttentionAgreement[]> {
  const { threshold = 0.5, dice: mode = 'threshold', tolerance = 0 } = options;
  expectArgument(tolerance >= 0, 'tolerance', 'a number of 0 or more', tolerance);
  if (maps.dims.length !== 3 || masks.dims.join() !== maps.dims.join()) {
    throw new SightlineError('E_SHAPE', {
      where: 'attention',
      what: `expected maps and masks [B, H, W] of one size, received [${maps.dims.join(', ')}] and [${masks.dims.join(', ')}]`,
    });
  }
  const [batch, height, width] = maps.dims;
  const pixels = height * width;
  if (batch === 0) return [];
  const flattened = {
    maps: tensor('f32', [batch, pixels], maps.data),
    masks: tensor('u8', [batch, pixels], masks.data),
    thresholds: tensor('f32', [batch], new Float32Array(batch).fill(threshold)),
  };
  const overlap = await backend.run(dice, flattened, { mode: diceModes[mode] });
  return Array.from({ length: batch }, (_, b): AttentionAgreement => {
    const map = maps.data.subarray(b * pixels, (b + 1) * pixels);
    const mask = masks.data.subarray(b * pixels, (b + 1) * pixels);
    const { total, inside, maximum, area } = sums(map, mask, `maps[${b}]`);
    const flat = total === 0;
    const roiShare = area / pixels;
    if (area === 0) return { dice: NaN, hit: NaN, energy: NaN, roiShare, flat };
    if (flat) return { dice: 0, hit: 0, energy: 0, roiShare, flat };
    const hit = Number(isNear(mask, width, maximum, tolerance));
    return { dice: overlap.dice.data[b], hit, energy: inside / total, roiShare, flat };
  });
}

function sums(map: Float32Array, mask: Uint8Array, where: string) {
  let [total, inside, area, maximum] = [0, 0, 0, 0];
  for (let i = 0; i < map.length; i++) {
    if (!(map[i] >= 0)) {
      throw new SightlineError('E_ARGUMENT', {
        where: `${where}, pixel ${i}`,
        what: `expected a value of 0 or more, received ${map[i]}`,
        remedy: 'Take maps scaled to [0, 1], or the positive part of signed ones.',
      });
    }
    total += map[i];
    if (mask[i]) {
      inside += map[i];
      area++;
    }
    if (map[i] > map[maximum]) maximum = i;
  }
  return { total, inside, area, maximum };
}

function isNear(mask: Uint8Array, width: number, maximum: number, tolerance: number): boolean {
  if (mask[maximum]) return true;
  const [row, column] = [Math.floor(maximum / width), maximum % width];
  for (let i = 0; i < mask.length; i++) {
    if (!mask[i]) continue;
    if ((Math.floor(i / width) - row) ** 2 + ((i % width) - column) ** 2 < tolerance ** 2) return true;
  }
  return false;
}

/** A model's attention on a test set. */
export interface AttentionSummary {
  /** Means over the samples with a region; NaN where there is none. */
  dice: number;
  /** Rate of hits. */
  pointing: number;
  /** Mean over classes of the rate of hits (TorchRay); NaN without classes. */
  classPointing: number;
  energy: number;
  /** Mean part of the image that is region, over the samples with one. */
  roiShare: number;
  /** Samples with a region, those without, and maps of all zeros among the former. */
  samples: number;
  withoutRegion: number;
  flat: number;
}

/**
 * Means of attentionAgreement over a test set, of whatever batches.
 * @param classes of each sample, for `classPointing`
 * @throws SightlineError E_ARGUMENT for unequal lengths
 */
export function summariseAttention(
  agreements: readonly AttentionAgreement[],
  classes?: ArrayLike<number | string>,
): AttentionSummary {
  if (classes) expectLength(classes, agreements.length, 'classes');
  const regions = agreements.filter(({ roiShare }) => roiShare > 0);
  const hitsOf = (one: number | string): number[] =>
    agreements.flatMap(({ hit }, i) => (classes?.[i] === one ? hit : []));
  return {
    dice: meanDefined(regions.map((a) => a.dice)),
    pointing: meanDefined(regions.map((a) => a.hit)),
    classPointing: meanDefined([...new Set(Array.from(classes ?? []))].map((one) => meanDefined(hitsOf(one)))),
    energy: meanDefined(regions.map((a) => a.energy)),
    roiShare: meanDefined(regions.map((a) => a.roiShare)),
    samples: regions.length,
    withoutRegion: agreements.length - regions.length,
    flat: regions.filter(({ flat }) => flat).length,
  };
}
