import { basename, posix, resolve, sep } from 'node:path';
import { SightlineError } from '../../core/errors.js';
import { stemOf } from '../mask_files.js';
import { readerByName } from '../readers.js';
import { DatasetFolder } from './folder.js';
import { splitOfFile } from './split_names.js';

/** Images that annotation files name: written with other folders, or none, than those in which they lie. */
export class ImageFinder {
  readonly #files: ReadonlySet<string>;
  readonly #byStem = new Map<string, string[]>();

  private constructor(
    private readonly folder: DatasetFolder,
    ignored: (file: string) => boolean,
  ) {
    this.#files = new Set(folder.files);
    for (const file of folder.files) {
      if (!readerByName(file) || ignored(file)) continue;
      const stem = stemOf(file).toLowerCase();
      const same = this.#byStem.get(stem);
      if (same) same.push(file);
      else this.#byStem.set(stem, [file]);
    }
  }

  /**
   * @param images folder of the images: below the set's folder, or a path as it is typed; without it the set's folder
   * @param out folder of the import's own files, where no image is looked for @param masks folders that hold none either
   * @throws SightlineError E_NOT_FOUND when the folder cannot be read
   */
  static async open(
    folder: DatasetFolder,
    { images, out, masks }: { images?: string; out: string; masks?: RegExp },
  ): Promise<ImageFinder> {
    const own = images === undefined ? folder : await DatasetFolder.open(pathBelow(folder, images));
    return new ImageFinder(own, (file) => isBelow(own.path(file), out) || masks?.test(file) === true);
  }

  /** Absolute path of a file of the folder in which images are looked for. */
  path(file: string): string {
    return this.folder.path(file);
  }

  /**
   * The file of a name: in the first of `folders` that has it, else anywhere but in folders of another part, if there is one
   * alone. Letter case and extension count only in that a file with the very name goes before others.
   * @param name with folders of its own or not @param folders relative to the root @param split that it belongs to, where known
   * @returns undefined where there is none
   * @throws SightlineError E_DATASET where several fit
   */
  find(name: string, folders: readonly string[], split?: string): string | undefined {
    const given = name.replaceAll('\\', '/').replace(/^(\.?\/)+/, '');
    for (const place of folders) {
      const file = posix.normalize(posix.join(place, given));
      if (this.#files.has(file)) return file;
    }
    const alike = (this.#byStem.get(stemOf(given).toLowerCase()) ?? []).filter((file) => {
      const part = splitOfFile(posix.dirname(file));
      return !split || !part || part === split;
    });
    const same = alike.filter((file) => basename(file) === basename(given));
    const found = same.length ? same : alike;
    if (found.length < 2) return found[0];
    const within = found.filter((file) => folders.includes(posix.dirname(file)));
    if (within.length === 1) return within[0];
    throw new SightlineError('E_DATASET', {
      where: this.folder.root,
      what: `${found.length} files may be the image "${name}": ${found.slice(0, 3).join(', ')}${found.length > 3 ? ' …' : ''}`,
      remedy: 'Keep one of them below the folder, or give the folder of the images alone.',
    });
  }
}

/** A folder given by its path below the set's folder ("." is that folder itself), or as it is typed elsewhere. */
export function pathBelow(folder: DatasetFolder, given: string): string {
  const below = posix.normalize(given.replaceAll('\\', '/')).replace(/\/$/, '');
  return below === '.' || folder.files.some((file) => file.startsWith(`${below}/`))
    ? folder.path(below)
    : resolve(given);
}

/** @param file absolute @param folder absolute */
export const isBelow = (file: string, folder: string): boolean => file.startsWith(folder + sep);
