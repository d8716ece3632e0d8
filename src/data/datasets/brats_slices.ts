import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SightlineError } from '../../core/errors.js';
import { niftiVoxels, type NiftiVoxels } from '../nifti.js';
import type { BratsSubject, Modality } from './brats_subjects.js';
import type { DatasetFolder } from './folder.js';
import { writeMaskPng } from './mask_png.js';
import { fullScale, writeNiftiSlice } from './nifti_slice.js';
import { areasBySlice, largestSlices } from './slice_choice.js';

export interface SliceSettings {
  modalities: readonly Modality[];
  /** Slices with tumour, and as many without it where `withoutTumour` is set. */
  slices: number;
  /** Least distance between chosen slices. */
  gap: number;
  /** Of the tumour in its slice. */
  minimumArea: { value: number; unit: 'pixels' | 'mm2' };
  withoutTumour: boolean;
}

/** A slice that was written; absolute paths. */
export interface WrittenSlice {
  slice: number;
  image: string;
  /** Where there is tumour. */
  mask?: string;
}

/** Percentiles of the non-zero voxels that become 0 and 1: as usual for brain MRI, whose units mean nothing. */
const clipped = [0.005, 0.995] as const;

/** A slice without tumour shows brain when it has at least this share of what the fullest slice has. */
const brainShare = 0.25;

/**
 * Chooses axial slices of a subject and writes them below `out`: `images/<subject>_<slice>.nii.gz` with a channel a sequence and
 * `masks/<subject>_<slice>.png` (any label inside), on the volume's own pixel grid. One volume at a time is in memory.
 * @returns none where no slice has enough tumour
 * @throws SightlineError E_DATASET: volumes of different sizes; the reader's errors
 */
export async function writeSlices(
  folder: DatasetFolder,
  { name, files }: BratsSubject,
  settings: SliceSettings,
  out: string,
): Promise<WrittenSlice[]> {
  const seg = await openVolume(folder, files.get('seg')!);
  const [width, height, depth] = seg.dims;
  const pixel = (seg.spacing?.[1] ?? 1) * (seg.spacing?.[2] ?? 1);
  const { minimumArea, slices: count, gap } = settings;
  const least = Math.max(1, minimumArea.unit === 'mm2' ? minimumArea.value / pixel : minimumArea.value);
  const tumour = areasBySlice(seg.at, seg.dims, (value) => value !== 0);
  const chosen = largestSlices(tumour, { count, gap, least });
  if (!chosen.length) return [];
  const masks = new Map(chosen.map((slice) => [slice, maskPlane(seg, slice)]));
  const planes = new Map<number, Uint16Array[]>();
  for (const modality of settings.modalities) {
    const file = files.get(modality)!;
    const volume = await openVolume(folder, file);
    if ([width, height, depth].some((size, axis) => volume.dims[axis] !== size)) {
      throw new SightlineError('E_DATASET', {
        where: folder.path(file),
        what: `it has ${volume.dims.slice(0, 3).join(' × ')} voxels, and its segmentation ${seg.dims.slice(0, 3).join(' × ')}`,
        remedy: 'Copy the subject again from its source.',
      });
    }
    if (settings.withoutTumour && planes.size === 0) chosen.push(...withoutTumour(volume, tumour, count, gap));
    const toStored = scaleOf(volume);
    for (const slice of chosen) planes.set(slice, [...(planes.get(slice) ?? []), plane(volume, slice, toStored)]);
  }
  // A folder that cannot be made is told of by the write.
  await mkdir(join(out, 'images'), { recursive: true }).catch(() => undefined);
  const written: WrittenSlice[] = [];
  for (const slice of chosen.sort((a, b) => a - b)) {
    const id = `${name}_${String(slice).padStart(3, '0')}`;
    const image = join(out, 'images', `${id}.nii.gz`);
    await writeNiftiSlice(image, planes.get(slice)!, width, height, seg.spacing);
    const own = masks.get(slice);
    const mask = own && join(out, 'masks', `${id}.png`);
    if (own && mask) await writeMaskPng(mask, own, width, height);
    written.push({ slice, image, ...(mask && { mask }) });
  }
  return written;
}

async function openVolume(folder: DatasetFolder, file: string): Promise<NiftiVoxels> {
  const path = folder.path(file);
  return niftiVoxels(await readFile(path), path);
}

/** Slices without any tumour and at least `gap` away from it and from each other, those with most brain first. */
function withoutTumour(volume: NiftiVoxels, tumour: Uint32Array, count: number, gap: number): number[] {
  const brain = areasBySlice(volume.at, volume.dims, (value) => value !== 0);
  const least = Math.max(1, brainShare * brain.reduce((most, area) => Math.max(most, area), 0));
  const taken = [...tumour.keys()].filter((slice) => tumour[slice] > 0);
  return largestSlices(brain, { count, gap: Math.max(1, gap), least, taken });
}

/** From a voxel's value to what is stored: 0 for background, 0…65535 between the percentiles of the whole volume. */
function scaleOf({ at, dims }: NiftiVoxels): (value: number) => number {
  const voxels = dims[0] * dims[1] * dims[2];
  const values = new Float32Array(voxels);
  let count = 0;
  for (let i = 0; i < voxels; i++) {
    const value = at(i);
    if (value !== 0 && Number.isFinite(value)) values[count++] = value;
  }
  if (count === 0) return () => 0;
  const sorted = values.subarray(0, count).sort();
  const [low, high] = clipped.map((share) => sorted[Math.round(share * (count - 1))]);
  const gain = high > low ? 1 / (high - low) : 0;
  return (value) =>
    value === 0 || !Number.isFinite(value) ? 0 : Math.round(Math.min(1, Math.max(0, (value - low) * gain)) * fullScale);
}

function plane({ at, dims }: NiftiVoxels, slice: number, toStored: (value: number) => number): Uint16Array {
  const size = dims[0] * dims[1];
  return Uint16Array.from({ length: size }, (_, i) => toStored(at(slice * size + i)));
}

function maskPlane({ at, dims }: NiftiVoxels, slice: number): Uint8Array {
  const size = dims[0] * dims[1];
  return Uint8Array.from({ length: size }, (_, i) => (at(slice * size + i) === 0 ? 0 : 1));
}
