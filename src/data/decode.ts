import { openCpuBackend, type Backend } from '../backend/index.js';
import { SightlineError } from '../core/errors.js';
import { preprocessPicture } from './preprocess.js';
import { decodePicture, readBytes } from './readers.js';
import { placeRoi, readRoi } from './roi.js';
import type { DecodedSample, DecodeResult, DecodeStage, DecodeTask, Preprocessing, Sample } from './types.js';

export type { DecodedSample, DecodeResult, DecodeStage, DecodeTask } from './types.js';

let backend: Backend | undefined;

/** One thread a worker, and never a GPU, which would need a device per worker. The engine's own backend warns the user. */
const cpuBackend = (): Backend => (backend ??= openCpuBackend({ threads: 1, onNotice: () => {} }));

/**
 * Reads one sample into its slot: `image` f32[C, H, W], normalised, and `roi` u8[H, W], 1 inside the region
 * of interest (all zeros when there is none). Depends on the sample's files and `preprocessing` alone.
 * @throws SightlineError with any of the image codes, E_ROI, E_NOT_FOUND.
 */
export async function decodeSample(
  sample: Sample,
  preprocessing: Preprocessing,
  image: Float32Array,
  roi: Uint8Array,
  onStage: (stage: DecodeStage) => void = () => {},
): Promise<DecodedSample> {
  const { slice, path } = sample;
  const where = slice === undefined ? path : `${path}#${slice}`;
  onStage('read');
  const cpu = cpuBackend();
  const bytes = readBytes(path, slice !== undefined);
  onStage('decode');
  const picture = await decodePicture(bytes, path, { slice, window: preprocessing.window, axis: preprocessing.axis });
  onStage('preprocess');
  await preprocessPicture(picture, preprocessing, cpu, image, where);
  onStage('roi');
  const region = await readRoi(sample, picture.width, picture.height, preprocessing.axis);
  await placeRoi(region, picture.width, picture.height, preprocessing, cpu, roi);
  return { roi: region.source, originalWidth: picture.width, originalHeight: picture.height };
}

/** Decodes the samples of a task into their slots. A sample that fails leaves zeros and its error; the rest go on. */
export async function decodeSamples({
  samples,
  preprocessing,
  images,
  rois,
  offset,
}: DecodeTask): Promise<DecodeResult[]> {
  const pixels = preprocessing.height * preprocessing.width;
  const size = pixels * preprocessing.channels;
  const results: DecodeResult[] = [];
  for (const [i, sample] of samples.entries()) {
    const slot = offset + i;
    const image = new Float32Array(images, slot * size * 4, size);
    const roi = new Uint8Array(rois, slot * pixels, pixels);
    let stage: DecodeStage = 'read';
    try {
      const decoded = await decodeSample(sample, preprocessing, image, roi, (s) => (stage = s));
      results.push({ ok: true, ...decoded });
    } catch (error) {
      image.fill(0);
      roi.fill(0);
      results.push({
        ok: false,
        stage,
        error: SightlineError.from(error, 'E_INTERNAL', { where: sample.path }).toData(),
      });
    }
  }
  return results;
}
