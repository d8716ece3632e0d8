import { isOnDevice, type Backend, type DeviceTensor } from '../../backend/index.js';
import { SightlineError } from '../../core/errors.js';
import { sizeOf, tensor, type Tensor } from '../../core/tensor.js';
import { firstOrder, firstOrderFeatures } from '../../kernels/first_order.js';
import { glcm } from '../../kernels/glcm.js';
import { glcmOffsets, offsetWeights } from '../../kernels/glcm_offsets.js';
import { shape2d } from '../../kernels/shape2d.js';
import {
  featureNames,
  radiomicsClasses,
  selectFeatures,
  type FeatureSelection,
  type RadiomicsClass,
} from './features.js';
import { greyLevels, mostLevels, mostMatrixLevels, valueRange, type ValueRange } from './grey_levels.js';
import { completeSettings, type PartialSettings, type RadiomicsSettings } from './settings.js';

type Maps = Tensor<'f32'> | DeviceTensor<'f32'>;
type Masks = Tensor<'u8'> | DeviceTensor<'u8'>;

/** Images of one size with their regions. */
export interface RadiomicsInput {
  /** f32[B,D,H,W]; D = 1 for pictures. */
  maps: Maps;
  /** u8[B,D,H,W], non-zero inside the region of first-order and texture features. */
  masks: Masks;
  /** u8[B,D,H,W]: the region of shape features, where it is another one. */
  shapeMasks?: Tensor<'u8'>;
  /** f32[B]: shape is taken of the pixels where the map (as given, not scaled) reaches its threshold, not of the mask. */
  thresholds?: Tensor<'f32'> | DeviceTensor<'f32'>;
}

/** What is computed, settled once for many calls. */
export interface RadiomicsPlan {
  readonly selection: FeatureSelection;
  readonly settings: RadiomicsSettings;
  /** One name per value: <prefix>_<class>_<Feature>. */
  readonly names: readonly string[];
}

export interface RadiomicsScale {
  /** Factor on the maps, applied in float64: 255 shows a map in [0, 1] as pyradiomics would see its 8-bit picture. Default 1. */
  scale?: number;
  /** Millimetres between voxels [z, y, x]. Default 1. */
  spacing?: readonly [z: number, y: number, x: number];
  /** Of two dimensions: TotalEnergy takes the pixel's area. Default true when D = 1. */
  planar?: boolean;
  /** Bounds of maps·scale where they are known, which saves a pass: scaled saliency lies in [0, 255]. */
  range?: ValueRange;
}

export interface RadiomicsFeatures {
  names: readonly string[];
  /** [B, names.length]; NaN where a feature does not exist. */
  values: Float64Array;
}

/**
 * @param asked.classes firstorder, glcm, shape2D; default: the first two
 * @param asked.features single features; a class of which features are named is narrowed to them
 * @throws SightlineError E_ARGUMENT for unknown names and settings that do not fit
 */
export function planRadiomics(
  asked: {
    classes?: readonly string[];
    features?: readonly string[];
    selection?: FeatureSelection;
    settings?: PartialSettings;
    /** Of the column names. Default original. */
    prefix?: string;
  } = {},
): RadiomicsPlan {
  const selection = asked.selection ?? selectFeatures(asked);
  return {
    selection,
    settings: completeSettings(asked.settings),
    names: featureNames(selection, asked.prefix),
  };
}

/**
 * Radiomic features of each image inside its mask, as pyradiomics' feature classes give them: one kernel call per class
 * for the whole batch. Tensors on a device stay there; only features come back. An empty region, or a NaN or infinite
 * value inside it, makes its features NaN. The settings of the pass over files (label, normalize, resegment, minimum
 * sizes) are not applied here: masks and maps are taken as they come.
 * @throws SightlineError E_SHAPE; E_ARGUMENT when a region would have more grey levels than can be held
 */
export async function extractRadiomics(
  backend: Backend,
  input: RadiomicsInput,
  plan: RadiomicsPlan,
  options: RadiomicsScale = {},
): Promise<RadiomicsFeatures> {
  const { selection, settings, names } = plan;
  const { maps, masks } = input;
  const [B, D, H, W] = dimsOf(maps);
  const { scale = 1, spacing = [1, 1, 1], planar = D === 1 } = options;
  const discretised = { scale, binWidth: settings.binWidth, binCount: settings.binCount ?? 0 };
  const levels = await levelsOf(backend, input, plan, options);
  const values = new Float64Array(B * names.length);
  let column = 0;
  for (const [name, features] of selection) {
    let all: Float32Array | undefined;
    switch (name) {
      case 'firstorder': {
        const voxelVolume = planar ? spacing[1] * spacing[2] : spacing[0] * spacing[1] * spacing[2];
        const flat = { maps: reshaped(maps, [B, D * H * W]), masks: reshaped(masks, [B, D * H * W]) };
        const params = { ...discretised, shift: settings.voxelArrayShift, levels, voxelVolume };
        all = (await backend.run(firstOrder, flat, params)).features.data;
        break;
      }
      case 'glcm':
        all = await cooccurrence(backend, input, settings, { ...discretised, levels }, [D, H, W], spacing);
        break;
      case 'shape2D':
        all = await shape(backend, input, settings, [B, D, H, W], spacing);
    }
    pick(all, name, features, values, names.length, column);
    column += features.length;
  }
  return { names, values };
}

function dimsOf({ dims }: Maps): readonly [number, number, number, number] {
  if (dims.length === 4) return dims as unknown as readonly [number, number, number, number];
  throw new SightlineError('E_SHAPE', { where: 'maps', what: `expected [B,D,H,W], received [${dims.join(',')}]` });
}

/** The same memory under another shape, on the device as well. */
function reshaped<T extends Maps | Masks>(t: T, dims: readonly number[]): T {
  return { ...t, dims };
}

/** Single features may need no grey levels: then the range need not be known. */
function needsLevels(selection: FeatureSelection): boolean {
  const first = selection.get('firstorder');
  return selection.has('glcm') || first?.some((f) => f === 'Entropy' || f === 'Uniformity') === true;
}

/** A bound of the grey levels of every region. */
async function levelsOf(
  backend: Backend,
  { maps, masks }: RadiomicsInput,
  { selection, settings }: RadiomicsPlan,
  { range, scale = 1 }: RadiomicsScale,
): Promise<number> {
  if (!needsLevels(selection)) return 1;
  const most = selection.has('glcm') ? mostMatrixLevels : mostLevels;
  if (range) return greyLevels(range, settings, most);
  if (!isOnDevice(maps) && !isOnDevice(masks))
    return greyLevels(valueRange(maps.data, masks.data, scale), settings, most);
  // The device's minimum and maximum are rounded to float32: a value on an edge may lie one level further.
  return 1 + greyLevels(await rangeOf(backend, maps, masks, scale), settings, most - 1);
}

async function rangeOf(backend: Backend, maps: Maps, masks: Masks, scale: number): Promise<ValueRange> {
  const [B, ...size] = dimsOf(maps);
  const flat = { maps: reshaped(maps, [B, sizeOf(size)]), masks: reshaped(masks, [B, sizeOf(size)]) };
  const { data } = (await backend.run(firstOrder, flat, { scale, levels: 1 })).features;
  const [minimum, maximum] = (['Minimum', 'Maximum'] as const).map((f) => firstOrderFeatures.indexOf(f));
  const range = { low: Infinity, high: -Infinity };
  for (let row = 0; row < data.length; row += firstOrderFeatures.length) {
    if (data[row + minimum] < range.low) range.low = data[row + minimum];
    if (data[row + maximum] > range.high) range.high = data[row + maximum];
  }
  return range;
}

async function cooccurrence(
  backend: Backend,
  { maps, masks }: RadiomicsInput,
  settings: RadiomicsSettings,
  params: { scale: number; binWidth: number; binCount: number; levels: number },
  size: [number, number, number],
  spacing: readonly [number, number, number],
): Promise<Float32Array | undefined> {
  const { distances, force2D, force2Ddimension, weightingNorm, symmetricalGLCM } = settings;
  const offsets = glcmOffsets(size, distances, { force2D, force2Ddimension });
  if (offsets.length === 0) return undefined; // one voxel, or a line across the planes: no pairs in any direction
  const weights = weightingNorm
    ? offsetWeights(offsets, spacing, weightingNorm)
    : new Float32Array(offsets.length / 3).fill(1);
  const { features } = await backend.run(
    glcm,
    {
      maps,
      masks,
      offsets: tensor('i32', [offsets.length / 3, 3], offsets),
      weights: tensor('f32', [weights.length], weights),
    },
    { ...params, symmetric: symmetricalGLCM ? 1 : 0, merge: weightingNorm === null ? 0 : 1 },
  );
  return features.data;
}

/** Axis along which images are one voxel thick, so that they are planes; undefined for volumes. */
export function flatAxis(
  size: readonly number[],
  { force2D, force2Ddimension }: RadiomicsSettings,
): 0 | 1 | 2 | undefined {
  if (force2D && size[force2Ddimension] === 1) return force2Ddimension as 0 | 1 | 2;
  return size[0] === 1 ? 0 : undefined;
}

async function shape(
  backend: Backend,
  { maps, masks, shapeMasks, thresholds }: RadiomicsInput,
  settings: RadiomicsSettings,
  [B, ...size]: readonly [number, number, number, number],
  spacing: readonly [number, number, number],
): Promise<Float32Array | undefined> {
  const axis = flatAxis(size, settings);
  if (axis === undefined) return undefined;
  const [rows, columns] = [0, 1, 2].filter((a) => a !== axis);
  const dims = [B, size[rows], size[columns]];
  const params = { rowSpacing: spacing[rows], columnSpacing: spacing[columns] };
  if (thresholds) {
    return (await backend.run(shape2d, { maps: reshaped(maps, dims), thresholds }, params)).features.data;
  }
  const regions = shapeMasks ?? masks;
  if (isOnDevice(regions)) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'masks',
      what: 'shape features of a mask need it in host memory',
      remedy: 'Give `shapeMasks`, or `thresholds` for the shape of the map itself.',
    });
  }
  const inside = new Float32Array(regions.data.length);
  for (let i = 0; i < inside.length; i++) inside[i] = regions.data[i] === 0 ? 0 : 1;
  const half = tensor('f32', [B], new Float32Array(B).fill(0.5));
  return (await backend.run(shape2d, { maps: tensor('f32', dims, inside), thresholds: half }, params)).features.data;
}

/** Copies the chosen columns of a class into the rows of all; without a result they are NaN. */
function pick(
  all: Float32Array | undefined,
  name: RadiomicsClass,
  features: readonly string[],
  values: Float64Array,
  width: number,
  first: number,
): void {
  const known = radiomicsClasses[name];
  features.forEach((feature, i) => {
    const from = known.indexOf(feature);
    for (let row = 0; row * width < values.length; row++)
      values[row * width + first + i] = all ? all[row * known.length + from] : NaN;
  });
}
