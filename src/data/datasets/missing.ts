import { SightlineError } from '../../core/errors.js';
import type { Dataset } from './dataset.js';
import type { DatasetFolder } from './folder.js';

type Described = Pick<Dataset, 'title' | 'source' | 'layout'>;

/** The error for an annotation file without which nothing can be imported. @param file its name, or several: "a.csv or b.csv" */
export function missingFile(set: Described, folder: DatasetFolder, file: string): SightlineError {
  return new SightlineError('E_DATASET', {
    where: folder.root,
    what: `${file} of ${set.title} is not there (${folder.describe()})`,
    remedy: `Get the set from ${set.source}, and unpack it so that --root holds:${list(set.layout)}\n`,
  });
}

const list = (lines: readonly string[]): string => lines.map((line) => `\n    ${line}`).join('');
