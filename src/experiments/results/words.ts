import { meanDefined } from '../../metrics/inputs.js';

/** Numbers as people read them; "–" for what is not defined. */
export const number = (value: number, digits = 3): string => (Number.isFinite(value) ? value.toFixed(digits) : '–');

export const signedNumber = (value: number): string =>
  Number.isFinite(value) ? `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}` : '–';

export const percent = (share: number | null | undefined): string =>
  share === null || share === undefined || Number.isNaN(share) ? '–' : `${(100 * share).toFixed(0)} %`;

export const pValue = (p: number): string => (!Number.isFinite(p) ? '–' : p < 0.0001 ? '< 0.0001' : p.toPrecision(2));

/** "0.871 ± 0.012"; the sample standard deviation. */
export function meanAndSpread(values: readonly number[]): string {
  const defined = values.filter((value) => !Number.isNaN(value));
  const mean = meanDefined(values);
  if (defined.length < 2) return number(mean);
  const variance = defined.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (defined.length - 1);
  return `${number(mean)} ± ${number(Math.sqrt(variance))}`;
}
