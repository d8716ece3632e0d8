import { statSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join, relative, resolve, sep } from 'node:path';
import { glob } from 'tinyglobby';
import { SightlineError } from '../core/errors.js';
import { isManifest, manifestExtensions, readManifest } from './manifest.js';
import { niftiReader } from './nifti.js';
import { readerByName, readerOf, readers, readHead, sliceCount } from './readers.js';
import type { Axis, Sample } from './types.js';

export interface PoolOptions {
  /** NIfTI: the axis along which volumes are cut into slices. Default 2. */
  axis?: Axis;
  /** A NIfTI volume is one sample instead of one a slice (rows of a manifest that name a slice stay slices). */
  wholeVolumes?: boolean;
  /** Rows of a manifest whose files are gone are samples all the same: for those who look back. Default false. */
  filesMayBeGone?: boolean;
  /** Things worth telling once: files that were ignored, columns that were not used. */
  onNotice?: (message: string) => void;
}

/**
 * The candidates that `spec` names: a folder (searched recursively, hidden files skipped), a glob, a
 * manifest (.csv, .jsonl, .ndjson, .parquet), or one image file. Files come in the order of their paths by
 * code unit, the same on every machine. A volume or multi-frame file becomes one sample a slice, found
 * from its header, with id `<id>#<slice>`; ids of files are their paths relative to the folder or the glob's root.
 * @throws SightlineError E_NOT_FOUND, E_POOL_EMPTY, E_MANIFEST.
 */
export async function openPool(spec: string, options: PoolOptions = {}): Promise<Sample[]> {
  const notice = options.onNotice ?? (() => {});
  const found = await stat(spec).catch(() => undefined);
  if (!found && !/[*?[\]{}()!]/.test(spec)) {
    throw new SightlineError('E_NOT_FOUND', {
      where: spec,
      what: 'no such file or folder',
      remedy: 'Give a folder, a glob, or a manifest.',
    });
  }
  if (found?.isFile()) {
    const samples = await openFile(resolve(spec), notice, options.filesMayBeGone);
    return expandSlices(samples, options, spec, notice, false);
  }
  const root = found ? resolve(spec) : process.cwd();
  const files = found ? await listFolder(root) : await glob(spec, { absolute: true, onlyFiles: true });
  const { images, ignored } = chooseImages(files.map((f) => resolve(f)));
  if (found) noteManifest(files, root, notice);
  const samples = images
    .map((path) => ({ path, id: relative(root, path).split(sep).join('/') }))
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
    .map(({ path, id }, index): Sample => ({ index, id, path }));
  if (ignored.size) notice(`Ignored: ${countsOf(ignored)}.`);
  return expandSlices(samples, options, spec, notice, true, ignored);
}

async function openFile(path: string, notice: (message: string) => void, filesMayBeGone?: boolean): Promise<Sample[]> {
  if (isManifest(path)) return readManifest(path, notice, filesMayBeGone);
  if (readerByName(path) || readerOf(readHead(path))) return [{ index: 0, id: basename(path), path }];
  throw new SightlineError('E_MANIFEST', {
    where: path,
    what: 'neither an image nor a manifest',
    remedy: `Manifests: ${manifestExtensions.join(', ')}. Images: ${readers.flatMap((r) => r.extensions).join(', ')}.`,
  });
}

/** Files below `folder`; names that start with a dot are skipped. */
async function listFolder(folder: string): Promise<string[]> {
  const files: string[] = [];
  const folders = [folder];
  for (let at = 0; at < folders.length; at++) {
    for (const entry of await readdir(folders[at], { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folders[at], entry.name);
      if (entry.isDirectory()) folders.push(path);
      // A linked file counts; a linked folder does not, because links can form circles.
      else if (entry.isFile() || (entry.isSymbolicLink() && statSync(path, { throwIfNoEntry: false })?.isFile()))
        files.push(path);
    }
  }
  return files;
}

/** By extension where it is an image's; else by content, because DICOM files often have none. Counts what is ignored by extension. */
function chooseImages(files: readonly string[]): { images: string[]; ignored: Map<string, number> } {
  const images: string[] = [];
  const ignored = new Map<string, number>();
  for (const path of files) {
    if (readerByName(path) || (!isManifest(path) && recognised(path))) images.push(path);
    else
      ignored.set(
        extname(path).toLowerCase() || 'no extension',
        (ignored.get(extname(path).toLowerCase() || 'no extension') ?? 0) + 1,
      );
  }
  return { images, ignored };
}

function recognised(path: string): boolean {
  try {
    return readerOf(readHead(path)) !== undefined;
  } catch {
    return false; // unreadable and without an image's name: no candidate
  }
}

function noteManifest(files: readonly string[], root: string, notice: (message: string) => void): void {
  const manifest = files.find((file) => isManifest(file) && /^manifest\./i.test(relative(root, file)));
  if (manifest)
    notice(`The folder holds ${basename(manifest)}: give that file as the pool to use its labels, masks and boxes.`);
}

function countsOf(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, n]) => `${n} × ${name}`).join(', ');
}

/**
 * Replaces every sample of a multi-slice file by its slices. A file whose header cannot be read stays one
 * sample, so that decoding quarantines it; with `dropEmpty`, DICOM files without pixels (directories,
 * reports) are left out.
 */
function expandSlices(
  samples: Sample[],
  options: PoolOptions,
  spec: string,
  notice: (message: string) => void,
  dropEmpty: boolean,
  ignored: Map<string, number> = new Map(),
): Sample[] {
  const out: Sample[] = [];
  let withoutPixels = 0;
  for (const sample of samples) {
    const { slices, hasPixels } =
      sample.slice === undefined ? slicesOf(sample.path, options) : { slices: 1, hasPixels: true };
    if (!hasPixels && dropEmpty) withoutPixels++;
    else if (slices === 1) out.push({ ...sample, index: out.length });
    else
      for (let slice = 0; slice < slices; slice++)
        out.push({ ...sample, index: out.length, id: `${sample.id}#${slice}`, slice });
  }
  if (withoutPixels) {
    notice(`Ignored: ${withoutPixels} DICOM files without an image.`);
    ignored.set('DICOM without an image', withoutPixels);
  }
  if (out.length > 0) return out;
  throw new SightlineError('E_POOL_EMPTY', {
    where: spec,
    what: ignored.size ? `no images; ignored ${countsOf(ignored)}` : 'no images',
    remedy: `Looked for ${readers.flatMap((r) => r.extensions).join(', ')} and DICOM files of any name.`,
  });
}

function slicesOf(path: string, { axis, wholeVolumes }: PoolOptions): { slices: number; hasPixels: boolean } {
  const single = { slices: 1, hasPixels: true };
  // Formats that are one picture are told by their name: no need to open 100,000 PNG files.
  const named = readerByName(path);
  if (named && !named.countSlices) return single;
  try {
    if (wholeVolumes && readerOf(readHead(path)) === niftiReader) return single;
    return sliceCount(path, axis ?? 2);
  } catch {
    return single;
  }
}
