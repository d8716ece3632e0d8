import type { Backend, DeviceTensor } from '../backend/index.js';
import { SightlineError } from '../core/errors.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { histogram } from '../kernels/histogram.js';
import { quantile } from '../kernels/quantile.js';
import { otsuThreshold } from './otsu.js';

/**
 * How a saliency map in [0, 1] becomes a region:
 *   number    where the value is at least this
 *   otsu      Otsu's threshold of the map's 256-bin histogram
 *   max:f     at least f times the map's maximum (Grad-CAM's localisation: max:0.15)
 *   top:q     the share q of the pixels with the highest values; ties with the last of them belong to it, zeros never
 * A map without evidence (constant) has an empty region.
 */
export type Binarisation = number | 'otsu' | `max:${number}` | `top:${number}`;

const pattern = /^(max|top):(\d*\.?\d+)$/;

/** "0.5", "otsu", "max:0.15" or "top:0.1". @throws SightlineError E_ARGUMENT */
export function parseBinarisation(text: string): Binarisation {
  if (text === 'otsu') return text;
  const share = Number(pattern.exec(text)?.[2] ?? (text.trim() === '' ? NaN : text));
  if (share >= 0 && share <= 1) return pattern.test(text) ? (text as Binarisation) : share;
  throw new SightlineError('E_ARGUMENT', {
    where: 'binarisation',
    what: `"${text}" is none`,
    remedy:
      'Give a threshold from 0 to 1, "otsu", "max:" with a share of the maximum, or "top:" with a share of the pixels.',
  });
}

const bins = 256;
/** The smallest normal float32: every positive value is inside. */
const positive = 2 ** -126;

/**
 * The threshold of each map: inside where value >= threshold; Infinity for an empty region.
 * @param maps f32[B,P] in [0, 1], on the host or on the backend's device
 * @param counts u32[B,256] the maps' histograms over [0, 1], where they are known already
 */
export async function thresholdsOf(
  backend: Backend,
  maps: Tensor<'f32'> | DeviceTensor<'f32'>,
  how: Binarisation,
  counts?: Tensor<'u32'>,
): Promise<Tensor<'f32'>> {
  const batch = maps.dims[0];
  const each = (threshold: (b: number) => number) =>
    tensor(
      'f32',
      [batch],
      Float32Array.from({ length: batch }, (_, b) => threshold(b)),
    );
  if (typeof how === 'number') return each(() => how);
  if (how === 'otsu') {
    const known = counts ?? (await backend.run(histogram, { maps }, { bins, low: 0, high: 1 })).counts;
    return each((b) => otsuThreshold(known.data.subarray(b * bins, (b + 1) * bins)));
  }
  const [, kind, share] = pattern.exec(how)!;
  const ofMaximum = kind === 'max';
  const { values } = await backend.run(quantile, { maps }, { q: ofMaximum ? 1 : 1 - Number(share) });
  return each((b) => {
    const value = values.data[b] * (ofMaximum ? Number(share) : 1);
    return value > 0 ? value : ofMaximum ? Infinity : positive;
  });
}
