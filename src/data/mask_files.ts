import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { SightlineError } from '../core/errors.js';
import { readers } from './readers.js';
import type { Sample } from './types.js';

/** What a mask's name may have after its image's. */
const suffixes = ['', '_mask', '_seg'];

/** A file name without its image extension. */
export function stemOf(path: string): string {
  const name = basename(path);
  const extensions = readers.flatMap((reader) => reader.extensions).filter((e) => name.toLowerCase().endsWith(e));
  const longest = extensions.reduce((a, b) => (b.length > a.length ? b : a), '');
  return name.slice(0, name.length - (longest || extname(name)).length);
}

/**
 * A folder of masks, found by their images' names: the same name with any image extension, the name with `_mask` or
 * `_seg` after it, and each of these without the channel number that nnU-Net and the Medical Segmentation Decathlon put
 * after images alone (`case_0000.nii.gz` → `case.nii.gz`). Of several, the one with the same file name or below the
 * same folder is taken.
 */
export class MaskFolder {
  private constructor(
    private readonly root: string,
    private readonly byStem: ReadonlyMap<string, readonly string[]>,
  ) {}

  /** @throws SightlineError E_NOT_FOUND when the folder cannot be read */
  static async open(root: string): Promise<MaskFolder> {
    const byStem = new Map<string, string[]>();
    let entries;
    try {
      entries = await readdir(root, { withFileTypes: true, recursive: true });
    } catch (cause) {
      throw new SightlineError('E_NOT_FOUND', { where: root, what: 'the mask folder cannot be read', cause });
    }
    for (const entry of entries) {
      if (entry.name.startsWith('.') || entry.isDirectory()) continue;
      const path = join(entry.parentPath ?? entry.path, entry.name);
      const stem = stemOf(path);
      const same = byStem.get(stem);
      if (same) same.push(path);
      else byStem.set(stem, [path]);
    }
    return new MaskFolder(root, byStem);
  }

  /** The mask of an image; undefined when there is none. @throws SightlineError E_ROI when several fit equally */
  find({ path, id }: Pick<Sample, 'path' | 'id'>): string | undefined {
    const stem = stemOf(path);
    const stems = [...new Set([stem, stem.replace(/_\d{4}$/, '')])];
    const named = suffixes.flatMap((suffix) =>
      stems.map((s) => (this.byStem.get(s + suffix) ?? []).filter((file) => file !== path)),
    );
    // Whatever its suffix, a mask below the image's own folder goes before another image's of the same name.
    const below = named.map((files) => files.filter((file) => this.#folderOf(file) === dirname(id)));
    const found = [...below, ...named].find((files) => files.length);
    return found && this.#one(found, path, id);
  }

  /** Folder of a mask relative to the root, with "/" between names as in ids. */
  #folderOf(file: string): string {
    return dirname(relative(this.root, file)).split(sep).join('/');
  }

  #one(found: readonly string[], path: string, id: string): string {
    const below = found.filter((file) => this.#folderOf(file) === dirname(id));
    const nearer = below.length ? below : found;
    const named = nearer.filter((file) => basename(file) === basename(path));
    const best = named.length ? named : nearer;
    if (best.length === 1) return best[0];
    throw new SightlineError('E_ROI', {
      where: path,
      what: `${best.length} masks fit: ${best.slice(0, 3).join(', ')}`,
      remedy: 'Keep one of them in the folder, or name the masks in a manifest.',
    });
  }
}
