import type { Backend, DeviceTensor } from '../backend/index.js';
import { sizeOf, tensor, type Tensor } from '../core/tensor.js';
import { luminance } from '../data/preprocess.js';
import type { Preprocessing } from '../data/types.js';
import { thresholdsOf, type Binarisation } from '../features/binarisation.js';
import { extractRadiomics, planRadiomics, type RadiomicsPlan } from '../features/radiomics/extract.js';
import { findFeature, radiomicsClasses, type RadiomicsClass } from '../features/radiomics/features.js';

/** What radiomics are taken of, and the prefix of its columns: pyradiomics calls the image itself "original". */
export const radiomicsPrefix = { saliency: 'saliency', image: 'original' } as const;
export type RadiomicsOf = keyof typeof radiomicsPrefix;
const sources = Object.keys(radiomicsPrefix) as RadiomicsOf[];

/** Feature classes that are computed of each. */
export type RadiomicsClasses = Readonly<Record<RadiomicsOf, readonly RadiomicsClass[]>>;

/** Everything a worker needs to compute a run's radiomics: plain data. */
export interface MapRadiomicsSetup {
  classes: RadiomicsClasses;
  /** Grey levels: as pyradiomics' settings of the same names, on values in [0, 255]. */
  binWidth: number;
  /** Instead of a width, when set. */
  binCount: number | null;
  /** How a map becomes the region whose shape is measured. */
  binarise: Binarisation;
}

/** Saliency maps and images in [0, 1] are measured as 8-bit images would be (definition of IDEAL's radiomics). */
const scale = 255;

/** The classes that hold the named features ("saliency_glcm_Idn"), and `classes` besides. */
export function classesOf(
  names: readonly string[],
  classes: readonly RadiomicsClass[],
  of: RadiomicsOf,
): RadiomicsClasses {
  const found = { saliency: new Set<RadiomicsClass>(), image: new Set<RadiomicsClass>() };
  for (const name of classes) found[of].add(name);
  for (const name of names) {
    const { prefix, class: className } = findFeature(name);
    found[prefix === radiomicsPrefix.image ? 'image' : 'saliency'].add(className);
  }
  return { saliency: [...found.saliency].sort(), image: [...found.image].sort() };
}

/** Whether everything in `wanted` is in `classes`. */
export function covers(classes: RadiomicsClasses, wanted: RadiomicsClasses): boolean {
  return sources.every((of) => wanted[of].every((name) => classes[of].includes(name)));
}

/** Names of the features of whole classes, in the order of their columns. */
export function radiomicsNames({ classes }: Pick<MapRadiomicsSetup, 'classes'>): string[] {
  return sources.flatMap((of) => planOf(of, classes[of]).names);
}

function planOf(
  of: RadiomicsOf,
  classes: readonly RadiomicsClass[],
  settings: Pick<MapRadiomicsSetup, 'binWidth' | 'binCount'> = { binWidth: 25, binCount: null },
): RadiomicsPlan {
  const selection = new Map(classes.map((name) => [name, radiomicsClasses[name]]));
  const { binWidth, binCount } = settings;
  return planRadiomics({ selection, settings: { binWidth, binCount }, prefix: radiomicsPrefix[of] });
}

/** Radiomics of a batch of maps or images. */
export class MapRadiomics {
  readonly #plans: Readonly<Record<RadiomicsOf, RadiomicsPlan>>;
  /** The whole image, for the size of batch seen last. */
  #whole: Tensor<'u8'> = tensor('u8', [0]);

  constructor(
    private readonly setup: MapRadiomicsSetup,
    private readonly backend: Backend,
  ) {
    const plan = (of: RadiomicsOf) => planOf(of, setup.classes[of], setup);
    this.#plans = { saliency: plan('saliency'), image: plan('image') };
  }

  /**
   * @param maps f32[B,P] in [0, 1], on the host or on the backend's device
   * @param counts their histograms, where they are known
   * @returns B rows of the classes' features
   */
  async score(
    of: RadiomicsOf,
    maps: Tensor<'f32'> | DeviceTensor<'f32'>,
    [height, width]: readonly [number, number],
    counts?: Tensor<'u32'>,
  ): Promise<Float64Array> {
    const plan = this.#plans[of];
    if (!plan.names.length) return new Float64Array();
    const thresholds = plan.selection.has('shape2D')
      ? await thresholdsOf(this.backend, maps, this.setup.binarise, counts)
      : undefined;
    const dims = [maps.dims[0], 1, height, width];
    const input = { maps: { ...maps, dims }, masks: this.#wholeImages(dims), thresholds };
    return (await extractRadiomics(this.backend, input, plan, { scale, range: { low: 0, high: scale } })).values;
  }

  #wholeImages(dims: readonly number[]): Tensor<'u8'> {
    if (this.#whole.data.length !== sizeOf(dims))
      this.#whole = tensor('u8', dims, new Uint8Array(sizeOf(dims)).fill(1));
    return { ...this.#whole, dims };
  }
}

/** Pixel values in [0, 1] of a batch of model inputs, colours as luminance: f32[B,H·W]. */
export function greyImages(
  { dims, data }: Tensor<'f32'>,
  { mean, std }: Pick<Preprocessing, 'mean' | 'std'>,
): Tensor<'f32'> {
  const [batch, channels, height, width] = dims;
  const pixels = height * width;
  const weights = channels === 3 ? luminance : new Array<number>(channels).fill(1 / channels);
  const grey = new Float32Array(batch * pixels);
  for (let b = 0; b < batch; b++) {
    for (let p = 0; p < pixels; p++) {
      let value = 0;
      for (let c = 0; c < channels; c++)
        value += weights[c] * (data[(b * channels + c) * pixels + p] * std[c] + mean[c]);
      grey[b * pixels + p] = (Math.round(value * scale * 1024) + 0) / (scale * 1024); // an 8-bit value k is k / 255 again
    }
  }
  return tensor('f32', [batch, pixels], grey);
}
