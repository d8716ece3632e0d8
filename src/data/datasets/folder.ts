import { readdir } from 'node:fs/promises';
import { basename, extname, join, relative, resolve, sep } from 'node:path';
import { SightlineError } from '../../core/errors.js';

/** The folder of a data set: every file below it by its path, listed once. */
export class DatasetFolder {
  readonly #byName = new Map<string, string[]>();

  private constructor(
    /** Absolute. */
    readonly root: string,
    /** Paths relative to the root with "/" between folders, in order of code units; hidden files left out. */
    readonly files: readonly string[],
  ) {
    for (const file of files) {
      const name = basename(file).toLowerCase();
      const same = this.#byName.get(name);
      if (same) same.push(file);
      else this.#byName.set(name, [file]);
    }
  }

  /** @throws SightlineError E_NOT_FOUND when the folder cannot be read */
  static async open(root: string): Promise<DatasetFolder> {
    const folder = resolve(root);
    let entries;
    try {
      entries = await readdir(folder, { withFileTypes: true, recursive: true });
    } catch (cause) {
      throw new SightlineError('E_NOT_FOUND', {
        where: root,
        what: 'the folder cannot be read',
        remedy: 'Give the folder into which the data set was unpacked as --root.',
        cause,
      });
    }
    const files = entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) =>
        relative(folder, join(entry.parentPath ?? entry.path, entry.name))
          .split(sep)
          .join('/'),
      )
      .filter((file) => !/(^|\/)\./.test(file));
    return new DatasetFolder(folder, files.sort());
  }

  /** Absolute path of a file of the folder. */
  path(file: string): string {
    return join(this.root, file);
  }

  /** Files of a name anywhere below the root, letter case ignored; the one in the uppermost folder first. */
  named(name: string): string[] {
    const found = this.#byName.get(name.toLowerCase()) ?? [];
    return [...found].sort((a, b) => depth(a) - depth(b));
  }

  /** The uppermost file that has one of these names; undefined where there is none. */
  find(...names: readonly string[]): string | undefined {
    for (const name of names) {
      const [first] = this.named(name);
      if (first !== undefined) return first;
    }
    return undefined;
  }

  /** Files whose name ends so (lower case: ".png"), by their lower-case name; of two the uppermost. */
  byName(...endings: readonly string[]): Map<string, string> {
    const found = new Map<string, string>();
    for (const [name, files] of this.#byName) {
      if (endings.some((ending) => name.endsWith(ending)))
        found.set(name, [...files].sort((a, b) => depth(a) - depth(b))[0]);
    }
    return found;
  }

  /** How many files of each extension there are, most first: what a folder looks like to people. */
  describe(): string {
    if (!this.files.length) return 'the folder is empty';
    const counts = new Map<string, number>();
    for (const file of this.files) {
      const kind = /\.nii\.gz$/i.test(file) ? '.nii.gz' : extname(file).toLowerCase() || 'without extension';
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 5);
    return `the folder holds ${most.map(([kind, count]) => `${count} × ${kind}`).join(', ')}`;
  }
}

const depth = (file: string): number => file.split('/').length;
