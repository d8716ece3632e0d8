import { openCpuBackend, type Backend } from '../backend/index.js';
import { SightlineError } from '../core/errors.js';
import { tensor } from '../core/tensor.js';
import { augmentSample, drawAugmentation } from './augment.js';
import { addFixedNoise } from './fixed_noise.js';
import { inUnits, normalise, preprocessPicture } from './preprocess.js';
import { decodePicture, readBytes } from './readers.js';
import { placeRoi, readRoi } from './roi.js';
import { SampleCache } from './sample_cache.js';
import type { DecodedSample, DecodeResult, DecodeStage, DecodeTask, Preprocessing, Sample } from './types.js';

export type { DecodedSample, DecodeResult, DecodeStage, DecodeTask } from './types.js';

let backend: Backend | undefined;

/** One thread a worker, and never a GPU, which would need a device per worker. The engine's own backend warns the user. */
const cpuBackend = (): Backend => (backend ??= openCpuBackend({ threads: 1, onNotice: () => {} }));

/**
 * Reads one sample into its slot: `image` f32[C, H, W], normalised, and `roi` u8[H, W], 1 inside the region
 * of interest (all zeros when there is none). Depends on the sample's files, `preprocessing` and, with noise, its id alone.
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
  const { noise } = preprocessing;
  await preprocessPicture(picture, noise ? inUnits(preprocessing) : preprocessing, cpu, image, where);
  if (noise) {
    addFixedNoise(image, preprocessing, picture.channels, sample.id);
    normalise(image, preprocessing);
  }
  onStage('roi');
  const region = await readRoi(sample, picture.width, picture.height, preprocessing.axis);
  await placeRoi(region, picture.width, picture.height, preprocessing, cpu, roi);
  return { roi: region.source, originalWidth: picture.width, originalHeight: picture.height };
}

/** Decodes the samples of a task into their slots. A sample that fails leaves zeros and its error; the rest go on. */
export async function decodeSamples(task: DecodeTask): Promise<DecodeResult[]> {
  const { samples, preprocessing, images, rois, offset } = task;
  const { channels, height, width } = preprocessing;
  const pixels = height * width;
  const size = pixels * channels;
  const results: DecodeResult[] = [];
  for (const [i, sample] of samples.entries()) {
    const slot = offset + i;
    const image = new Float32Array(images, slot * size * 4, size);
    const roi = new Uint8Array(rois, slot * pixels, pixels);
    let stage: DecodeStage = 'read';
    try {
      const decoded = await decodeAndAugment(task, i, image, roi, (s) => (stage = s));
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

async function decodeAndAugment(
  { samples, preprocessing, augmentation, cache }: DecodeTask,
  i: number,
  image: Float32Array,
  roi: Uint8Array,
  onStage: (stage: DecodeStage) => void,
): Promise<DecodedSample> {
  const { channels, height, width } = preprocessing;
  const cached = cache && new SampleCache(cache.memory, channels, height * width);
  const entry = cache?.entries[i] ?? -1;
  let decoded = cached?.read(entry, image, roi) ?? cached?.readImage(cache!.withRegion?.[i] ?? -1, image, roi);
  if (!decoded) {
    decoded = await decodeSample(
      samples[i],
      augmentation ? inUnits(preprocessing) : preprocessing,
      image,
      roi,
      onStage,
    );
    if (entry >= 0) cached!.write(entry, decoded, image, roi);
  }
  if (augmentation) {
    onStage('augment');
    const { settings, seed, epoch, repeats } = augmentation;
    const repeat = repeats?.[i] ?? 0;
    const id = repeat === 0 ? samples[i].id : `${samples[i].id} ×${repeat + 1}`;
    const region = decoded.roi === 'none' ? undefined : tensor('u8', [height, width], roi);
    const drawn = drawAugmentation(settings, id, epoch, seed);
    await augmentSample(tensor('f32', [channels, height, width], image), region, drawn, cpuBackend());
    normalise(image, preprocessing);
  }
  return decoded;
}
