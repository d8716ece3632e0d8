import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SightlineError, type ErrorData } from '../core/errors.js';
import { MaskFolder } from '../data/mask_files.js';
import type { Sample } from '../data/types.js';

/** A sample with the region that its features are taken of. */
export interface RadiomicsCase extends Sample {
  /** The region is the whole image; else it is `mask`, else `boxes`. */
  whole: boolean;
}

/** A case without a usable region, and why. */
export interface CaseProblem {
  sample: Sample;
  error: ErrorData;
}

/**
 * Gives every sample its region.
 * @param mask a mask file for all; a folder with one for each (`MaskFolder`); "none" or "full" for the whole image;
 *   undefined: the masks and boxes of the manifest
 * @throws SightlineError E_NOT_FOUND, E_ARGUMENT when no sample has a region
 */
export async function findRegions(
  samples: readonly Sample[],
  mask: string | undefined,
  onNotice: (message: string) => void,
): Promise<{ cases: RadiomicsCase[]; problems: CaseProblem[] }> {
  if (mask === 'none' || mask === 'full') return { cases: samples.map((s) => ({ ...s, whole: true })), problems: [] };
  if (mask === undefined) return fromManifest(samples);
  const path = resolve(mask);
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    throw new SightlineError('E_NOT_FOUND', {
      where: mask,
      what: 'no such file or folder',
      remedy: 'Give a mask file, a folder of masks, or "full" for the whole image.',
    });
  }
  if (found.isFile()) return { cases: samples.map((s) => ({ ...s, mask: path, whole: false })), problems: [] };
  return fromFolder(samples, path, onNotice);
}

function fromManifest(samples: readonly Sample[]): { cases: RadiomicsCase[]; problems: CaseProblem[] } {
  const has = (s: Sample) => s.mask !== undefined || (s.boxes?.length ?? 0) > 0;
  if (!samples.some(has)) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'mask',
      what: 'no image has a mask',
      remedy: 'Give --mask a file, a folder, or "full" for the whole image; or a manifest with the column mask.',
    });
  }
  const error: ErrorData = {
    code: 'E_ROI',
    what: 'its row has neither mask nor boxes',
    remedy: 'Fill in the mask, or take the whole image with --mask full.',
  };
  return {
    cases: samples.filter(has).map((s) => ({ ...s, whole: false })),
    problems: samples.filter((s) => !has(s)).map((sample) => ({ sample, error })),
  };
}

async function fromFolder(
  samples: readonly Sample[],
  folder: string,
  onNotice: (message: string) => void,
): Promise<{ cases: RadiomicsCase[]; problems: CaseProblem[] }> {
  const masks = await MaskFolder.open(folder);
  const cases: RadiomicsCase[] = [];
  const problems: CaseProblem[] = [];
  for (const sample of samples) {
    try {
      const file = { path: sample.path, id: sample.slice === undefined ? sample.id : sample.id.replace(/#\d+$/, '') };
      const mask = masks.find(file);
      if (mask) cases.push({ ...sample, mask, whole: false });
      else problems.push({ sample, error: { code: 'E_ROI', what: `no mask of its name in ${folder}` } });
    } catch (error) {
      problems.push({ sample, error: SightlineError.from(error, 'E_ROI').toData() });
    }
  }
  if (cases.length === 0) {
    throw new SightlineError('E_ARGUMENT', {
      where: folder,
      what: `none of ${samples.length} images has a mask there`,
      remedy: 'Masks have their image\'s name, or that name and "_mask" or "_seg"; else name them in a manifest.',
    });
  }
  // Images and masks in one folder: what is a mask of another file is no image.
  const used = new Set(cases.map(({ mask }) => mask));
  const others = <T extends { path: string }>(file: T) => !used.has(file.path);
  const kept = { cases: cases.filter(others), problems: problems.filter(({ sample }) => others(sample)) };
  const dropped = samples.length - kept.cases.length - kept.problems.length;
  if (dropped) onNotice(`${dropped} files of the pool are masks of others and are no images themselves.`);
  return kept;
}
