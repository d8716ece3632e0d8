import { SightlineError } from '../../core/errors.js';
import type { Dataset } from './dataset.js';
import type { DatasetFolder } from './folder.js';

/** The error for a folder that is not in a common layout; for published sets see `missingFile`. @param what as a phrase */
export function layoutError(set: Pick<Dataset, 'layout'>, folder: DatasetFolder, what: string): SightlineError {
  return new SightlineError('E_DATASET', {
    where: folder.root,
    what: `${what} (${folder.describe()})`,
    remedy: `Give a folder as --root that holds:${set.layout.map((line) => `\n    ${line}`).join('')}\n`,
  });
}
