import { meanDefined } from '../../metrics/inputs.js';
import { number } from '../../report/runs/numbers.js';
import type { FinishedGrid } from '../run_experiment.js';
import type { PlannedGrid } from '../plan.js';

/** Of a result that an experiment has once per grid: which one it is, where there are several. */
export const variantTitle = (title: string, { title: variant }: PlannedGrid, grids: readonly FinishedGrid[]): string =>
  grids.length > 1 ? `${title}: ${variant}` : title;

export const percent = (share: number | null | undefined): string =>
  share === null || share === undefined || Number.isNaN(share) ? '–' : `${(100 * share).toFixed(0)} %`;

/** "0.871 ± 0.012"; the sample standard deviation. */
export function meanAndSpread(values: readonly number[]): string {
  const defined = values.filter((value) => !Number.isNaN(value));
  const mean = meanDefined(values);
  if (defined.length < 2) return number(mean);
  const variance = defined.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (defined.length - 1);
  return `${number(mean)} ± ${number(Math.sqrt(variance))}`;
}
