import { basename } from 'node:path';
import { stemOf } from '../mask_files.js';

/**
 * Ids for files: their names without extension where these differ, else their paths without it, else their paths.
 * @param files relative paths, each once @returns ids in the same order, no two alike
 */
export function idsOf(files: readonly string[]): string[] {
  const withoutExtension = (file: string) => file.slice(0, file.length - (basename(file).length - stemOf(file).length));
  for (const id of [stemOf, withoutExtension]) {
    const ids = files.map(id);
    if (new Set(ids).size === ids.length) return ids;
  }
  return [...files];
}
