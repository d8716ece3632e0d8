import { SightlineError } from '../core/errors.js';
import { openVoxelGrid, type VoxelGrid } from '../data/voxel_grid.js';
import { flatAxis } from '../features/radiomics/extract.js';
import {
  boundingBox,
  checkRegion,
  meanAndDeviation,
  normalisation,
  resegmented,
  type Box3,
  type Size,
} from '../features/radiomics/roi.js';
import type { RadiomicsSettings } from '../features/radiomics/settings.js';
import type { RadiomicsCase } from './radiomics_cases.js';
import { readRegion } from './radiomics_region.js';

/** What is worth telling once about a pass. */
export interface CaseNotes {
  /** The file states no spacing: 1 was taken. */
  unknownSpacing: boolean;
  luminance: boolean;
  /** The region is several slices thick: there is no shape2D. */
  thick: boolean;
}

/** A case ready for the kernels, cropped to its region where asked. */
export interface PreparedCase {
  values: Float32Array;
  mask: Uint8Array;
  /** The region before resegmentation. */
  shapeMask: Uint8Array;
  size: Size;
  spacing: readonly [number, number, number];
  /** A picture or slice, not a volume. */
  planar: boolean;
  label?: number | 'any';
  notes: CaseNotes;
}

/** What a case went through when it failed. */
export type CaseStage = 'read' | 'roi' | 'compute';

/**
 * Reads image and region and does what pyradiomics' extractor does before features: label, normalize, the checks of the
 * region, resegment, crop.
 * @param options.crop cut pictures to the region's box; volumes always are, so that a lesion's cost is its own size
 * @throws SightlineError with any of the image codes, E_ROI, E_IMAGE_VALUES for NaN or infinite values in the region
 */
export async function readCase(
  sample: RadiomicsCase,
  settings: RadiomicsSettings,
  options: { axis: 0 | 1 | 2; crop: boolean },
  onStage: (stage: CaseStage) => void = () => {},
): Promise<PreparedCase> {
  const where = sample.slice === undefined ? sample.path : `${sample.path}#${sample.slice}`;
  onStage('read');
  let luminance = false;
  const { slice } = sample;
  const image = await openVoxelGrid(sample.path, { slice, axis: options.axis, onLuminance: () => (luminance = true) });
  onStage('roi');
  const region = await readRegion(sample, image, options.axis, settings);
  const box = boundingBox(region.mask, image.size);
  checkRegion(box, settings, where);
  const { planar } = image;
  const cut: Box3 = options.crop || !planar ? box : { low: [0, 0, 0], high: image.size };
  const values = cropValues(image, cut, settings);
  const whole = cropMask(region.mask, image.size, cut);
  const size = [0, 1, 2].map((axis) => cut.high[axis] - cut.low[axis]) as unknown as Size;
  const mask = resegmented(values, whole, settings, where);
  if (mask !== whole) checkRegion(boundingBox(mask, size), settings, where);
  expectFiniteInside(values, mask, where);
  return {
    values: values instanceof Float32Array ? values : new Float32Array(values),
    mask,
    shapeMask: settings.resegmentShape ? mask : whole,
    size,
    spacing: image.spacing ?? [1, 1, 1],
    planar,
    label: region.label,
    notes: { unknownSpacing: image.spacing === undefined, luminance, thick: flatAxis(size, settings) === undefined },
  };
}

/** Values of the box, in double precision where they are computed with before the kernels. */
function cropValues(image: VoxelGrid, { low, high }: Box3, settings: RadiomicsSettings): Float32Array | Float64Array {
  const width = image.size[2];
  const columns = high[2] - low[2];
  const count = (high[0] - low[0]) * (high[1] - low[1]) * columns;
  const exact = settings.normalize || settings.resegmentRange !== null;
  const out = exact ? new Float64Array(count) : new Float32Array(count);
  let i = 0;
  for (let z = low[0]; z < high[0]; z++) {
    const plane = image.plane(z);
    for (let y = low[1]; y < high[1]; y++, i += columns)
      out.set(plane.subarray(y * width + low[2], y * width + high[2]), i);
  }
  if (settings.normalize) {
    const map = normalisation(
      meanAndDeviation(() => planesOf(image)),
      settings,
    );
    for (let k = 0; k < out.length; k++) out[k] = map(out[k]);
  }
  return out;
}

function* planesOf(image: VoxelGrid): Generator<ArrayLike<number>> {
  for (let z = 0; z < image.size[0]; z++) yield image.plane(z);
}

function cropMask(mask: Uint8Array, [, height, width]: Size, { low, high }: Box3): Uint8Array {
  const columns = high[2] - low[2];
  const out = new Uint8Array((high[0] - low[0]) * (high[1] - low[1]) * columns);
  let i = 0;
  for (let z = low[0]; z < high[0]; z++) {
    for (let y = low[1]; y < high[1]; y++, i += columns) {
      const first = (z * height + y) * width;
      out.set(mask.subarray(first + low[2], first + high[2]), i);
    }
  }
  return out;
}

function expectFiniteInside(values: Float32Array | Float64Array, mask: Uint8Array, where: string): void {
  let bad = 0;
  for (let i = 0; i < values.length; i++) if (mask[i] !== 0 && !Number.isFinite(values[i])) bad++;
  if (bad === 0) return;
  throw new SightlineError('E_IMAGE_VALUES', {
    where,
    what: `${bad} values inside the region are NaN or infinite`,
    remedy: 'Leave them out of the mask.',
  });
}
