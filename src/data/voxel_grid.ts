import { SightlineError } from '../core/errors.js';
import { niftiReader, niftiVoxels, type NiftiVoxels } from './nifti.js';
import { luminance } from './preprocess.js';
import { decodePicture, readBytes, readerOf, sliceCount } from './readers.js';
import type { Axis, Picture } from './types.js';

export type PlaneValues = Uint8Array | Uint16Array | Float32Array | Float64Array;

/** A picture, a slice or a whole volume in the file's own units, plane by plane. */
export interface VoxelGrid {
  /** [depth, height, width]; depth 1 for pictures and slices. */
  readonly size: readonly [number, number, number];
  /** A picture or slice; a volume is none even when it is one voxel deep. */
  readonly planar: boolean;
  /** Millimetres between voxels [z, y, x], where the file says; z is 1 for pictures and slices. */
  readonly spacing?: readonly [number, number, number];
  /** Array index [x, y, z, 1] → millimetres (NIfTI volumes with a qform or sform). */
  readonly affine?: readonly (readonly number[])[];
  /** Values of plane z, [height, width] row-major; good until the next call. NaN and infinite ones come as they are. */
  plane(z: number): PlaneValues;
}

export interface GridOptions {
  /** Frame or slice; without it a NIfTI volume is whole and any other file its first picture. */
  slice?: number;
  /** NIfTI: the axis along which slices are cut. Default 2. */
  axis?: Axis;
  /** Which channel to read of several; without it colour becomes luminance. */
  channel?: number;
  /** Told when colour was turned into luminance. */
  onLuminance?: () => void;
}

/**
 * Opens a file's voxels with their stored values: Hounsfield units after a DICOM or NIfTI rescale, 0…255 of 8 bit,
 * 0…65535 of 16 bit, floats as they are.
 * @throws SightlineError E_NOT_FOUND, E_IMAGE_FORMAT, E_IMAGE_CORRUPT, E_IMAGE_VALUES (DICOM and raster pictures with NaN),
 *   E_IMAGE_CHANNELS (4-D volumes, numbers of channels that are no colour), E_ARGUMENT (no such slice)
 */
export async function openVoxelGrid(path: string, options: GridOptions = {}): Promise<VoxelGrid> {
  const bytes = readBytes(path, options.slice !== undefined);
  if (readerOf(bytes.subarray(0, 1024)) === niftiReader) return niftiGrid(niftiVoxels(bytes, path), path, options);
  return pictureGrid(await decodePicture(bytes, path, { slice: options.slice, stored: true }), path, options);
}

/** Slices that a file has along an axis. */
export function slicesIn(path: string, axis: Axis = 2): number {
  return sliceCount(path, axis).slices;
}

function pictureGrid(picture: Picture, where: string, { channel, onLuminance }: GridOptions): VoxelGrid {
  const { width, height, channels, data, pixelSpacing } = picture;
  let values: PlaneValues = data;
  if (channels > 1 && channel !== undefined) values = oneChannel(data, channels, channel, where);
  else if (channels === 3) {
    onLuminance?.();
    values = toLuminance(data);
  } else if (channels > 1) throw channelError(where, channels);
  return {
    size: [1, height, width],
    planar: true,
    spacing: pixelSpacing && [1, ...pixelSpacing],
    plane: () => values,
  };
}

function oneChannel(data: Picture['data'], channels: number, channel: number, where: string): Float32Array {
  if (channel >= channels) {
    throw new SightlineError('E_IMAGE_CHANNELS', {
      where,
      what: `there is no channel ${channel}: the file has ${channels} (counted from 0)`,
    });
  }
  return Float32Array.from({ length: data.length / channels }, (_, i) => data[i * channels + channel]);
}

/** Whole numbers stay whole, as in Pillow, so that grey stored as colour keeps its values. */
function toLuminance(data: Picture['data']): Float32Array {
  const whole = !(data instanceof Float32Array);
  const [red, green, blue] = luminance;
  const out = new Float32Array(data.length / 3);
  for (let i = 0; i < out.length; i++) {
    const v = red * data[3 * i] + green * data[3 * i + 1] + blue * data[3 * i + 2];
    out[i] = whole ? Math.round(v) : v;
  }
  return out;
}

function niftiGrid(voxels: NiftiVoxels, where: string, options: GridOptions): VoxelGrid {
  const { dims, colours, at, spacing, affine } = voxels;
  const channels = dims[3] * colours;
  const { slice, axis = 2, channel = 0 } = options;
  if ((channels > 1 && options.channel === undefined) || channel >= channels) throw channelError(where, channels);
  const strides = [1, dims[0], dims[0] * dims[1]];
  const first = colours > 1 ? channel : channel * dims[0] * dims[1] * dims[2];
  const value = (voxel: number) => at(voxel * colours + first);
  if (slice === undefined) {
    const [width, height, depth] = dims;
    const size = width * height;
    const plane = new Float64Array(size);
    return {
      size: [depth, height, width],
      planar: voxels.rank < 3,
      spacing,
      affine,
      plane(z) {
        for (let i = 0; i < size; i++) plane[i] = value(z * size + i);
        return plane;
      },
    };
  }
  if (slice >= dims[axis]) {
    throw new SightlineError('E_ARGUMENT', {
      where,
      what: `there is no slice ${slice}: the volume has ${dims[axis]} along axis ${axis} (counted from 0)`,
    });
  }
  const [columns, rows] = [0, 1, 2].filter((a) => a !== axis); // column index = the lower axis, as niftiReader
  const [width, height] = [dims[columns], dims[rows]];
  const plane = new Float64Array(width * height);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++)
      plane[i] = value(slice * strides[axis] + y * strides[rows] + x * strides[columns]);
  return {
    size: [1, height, width],
    planar: true,
    spacing: spacing && [1, spacing[2 - rows], spacing[2 - columns]],
    plane: () => plane,
  };
}

function channelError(where: string, channels: number): SightlineError {
  return new SightlineError('E_IMAGE_CHANNELS', {
    where,
    what: `${channels} channels, expected one value a voxel`,
    remedy: 'Save each channel (sequence, time point) as a file of its own.',
  });
}
