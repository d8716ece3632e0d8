import { SightlineError } from '../core/errors.js';
import { fillBoxes } from '../data/roi.js';
import { openVoxelGrid, slicesIn, type VoxelGrid } from '../data/voxel_grid.js';
import type { RadiomicsSettings } from '../features/radiomics/settings.js';
import type { RadiomicsCase } from './radiomics_cases.js';

export interface Region {
  /** u8[D,H,W], 1 inside. */
  mask: Uint8Array;
  /** The mask's value that was taken; absent without a mask file. */
  label?: number | 'any';
}

/**
 * The region of a case on its image's grid.
 * @throws SightlineError E_ROI when a mask does not fit its image or lacks the label; the mask reader's own errors
 */
export async function readRegion(
  { mask, boxes, whole, slice, id }: RadiomicsCase,
  image: VoxelGrid,
  axis: 0 | 1 | 2,
  settings: RadiomicsSettings,
): Promise<Region> {
  const [depth, height, width] = image.size;
  if (whole) return { mask: new Uint8Array(depth * height * width).fill(1) };
  if (!mask) {
    if (depth === 1) return { mask: fillBoxes(boxes ?? [], width, height, id) };
    throw new SightlineError('E_ROI', {
      where: id,
      what: 'boxes are two-dimensional but the image is a volume',
      remedy: 'Give a mask, or take single slices.',
    });
  }
  // A volume's mask is a volume with the same slices, or one picture for a single slice.
  const ownSlice = slice !== undefined && slicesIn(mask, axis) > 1 ? slice : undefined;
  const grid = await openVoxelGrid(mask, { slice: ownSlice, axis, channel: settings.label_channel });
  expectSameGrid(mask, grid, image, settings.geometryTolerance);
  return selectLabel(grid, settings.label, mask);
}

function expectSameGrid(where: string, mask: VoxelGrid, image: VoxelGrid, tolerance: number): void {
  const fault = (what: string) =>
    new SightlineError('E_ROI', {
      where,
      what,
      remedy: 'Save the mask on the voxel grid of its image, or raise geometryTolerance.',
    });
  const size = ({ size: [d, h, w] }: VoxelGrid) => (d === 1 ? `${w}×${h}` : `${w}×${h}×${d}`);
  if (size(mask) !== size(image)) throw fault(`the mask is ${size(mask)} but its image is ${size(image)}`);
  const [a, b] = [mask.affine, image.affine];
  if (!a || !b) return;
  const step = Math.min(...[0, 1, 2].map((c) => Math.hypot(b[0][c], b[1][c], b[2][c])));
  const [depth, height, width] = image.size;
  for (const corner of [0, 1, 2, 3, 4, 5, 6, 7]) {
    const index = [corner & 1 ? width - 1 : 0, corner & 2 ? height - 1 : 0, corner & 4 ? depth - 1 : 0, 1];
    const apart = [0, 1, 2].map((row) => index.reduce((sum, v, c) => sum + (a[row][c] - b[row][c]) * v, 0));
    const voxels = Math.hypot(...apart) / step;
    if (!(voxels <= tolerance)) throw fault(`the mask lies ${voxels.toFixed(2)} voxels away from its image`);
  }
}

/** A mask's values are whole numbers; those of a float file are cut, as in pyradiomics. */
function selectLabel(grid: VoxelGrid, label: RadiomicsSettings['label'], where: string): Region {
  const [depth, height, width] = grid.size;
  const mask = new Uint8Array(depth * height * width);
  const found = new Set<number>();
  const mark = (wanted: number | 'any'): number => {
    let count = 0;
    for (let z = 0, i = 0; z < depth; z++) {
      const plane = grid.plane(z);
      let last = 0;
      for (let p = 0; p < plane.length; p++, i++) {
        const v = Math.trunc(plane[p]);
        if (v !== last && found.size < 1000) found.add((last = v));
        if (wanted === 'any' ? v !== 0 && !Number.isNaN(v) : v === wanted) {
          mask[i] = 1;
          count++;
        }
      }
    }
    return count;
  };
  const first = label === 'auto' ? 1 : label;
  if (mark(first) > 0) return { mask, label: first };
  const values = [...found].filter((v) => v !== 0).sort((a, b) => a - b);
  if (label === 'auto' && values.length === 1 && mark(values[0]) > 0) return { mask, label: values[0] };
  const some = `${values.slice(0, 10).join(', ')}${values.length > 10 ? ' …' : ''}`;
  throw new SightlineError('E_ROI', {
    where,
    what: values.length ? `label ${first} is not in the mask, which holds ${some}` : 'the mask is empty',
    remedy: values.length ? 'Choose with --label; "any" takes every value but 0.' : undefined,
  });
}
