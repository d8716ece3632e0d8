import { coveredBox, placePicture } from './placement.js';
import { openPicture } from './readers.js';
import { readRoi } from './roi.js';
import type { Box, Picture, Preprocessing, Sample } from './types.js';

/** What an overlay needs to draw a sample on its original pixels. */
export interface DisplaySubject {
  /** Values in [0, 1], [height, width, channels] interleaved. */
  picture: { width: number; height: number; channels: 1 | 3; data: Float32Array };
  /** u8[height, width] of the original picture, 1 inside; absent when the sample has no region. */
  roi?: Uint8Array;
  /** The part of the picture that a saliency map [H, W] covers, in original pixels; may reach beyond it. */
  covers: Box;
}

/**
 * A sample's original picture, its region of interest on the same grid, and where the model's input lies on it.
 * @throws SightlineError as reading and decoding do.
 */
export async function readForDisplay(sample: Sample, preprocessing: Preprocessing): Promise<DisplaySubject> {
  const { slice, path } = sample;
  const picture = await openPicture(path, { slice, window: preprocessing.window, axis: preprocessing.axis });
  const { width, height } = picture;
  const { mask } = await readRoi(sample, width, height, preprocessing.axis);
  return {
    picture: displayable(picture),
    roi: mask,
    covers: coveredBox(placePicture(width, height, preprocessing), preprocessing),
  };
}

/** Grey and RGB as they are; of any other channel count (MR sequences) the first channel. */
function displayable({ width, height, channels, data, scale }: Picture): DisplaySubject['picture'] {
  const shown = channels === 3 ? 3 : 1;
  const out = new Float32Array(width * height * shown);
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < shown; c++) out[shown * i + c] = data[channels * i + c] * scale;
  return { width, height, channels: shown, data: out };
}
