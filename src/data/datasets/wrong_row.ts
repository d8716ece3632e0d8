import { SightlineError } from '../../core/errors.js';
import type { DatasetFolder } from './folder.js';
import type { Table, TableRow } from './table.js';

/** The error for a row that is not as the set is handed out. @param what a phrase without a final stop */
export function wrongRow(
  folder: DatasetFolder,
  { file }: Pick<Table, 'file'>,
  { line }: Pick<TableRow, 'line'>,
  what: string,
): SightlineError {
  return new SightlineError('E_DATASET', {
    where: `${folder.path(file)}, line ${line}`,
    what,
    remedy: 'Copy the file again as it is handed out, and check that it belongs to this set.',
  });
}
