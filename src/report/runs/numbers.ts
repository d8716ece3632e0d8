/** A number to three decimals; a dash where there is none. */
export const number = (value: number, digits = 3): string => (Number.isFinite(value) ? value.toFixed(digits) : '–');

/** With its sign, a true minus. */
export const signed = (value: number, digits = 3): string =>
  Number.isFinite(value) ? `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}` : '–';

/** A p-value: two significant digits, none below a thousandth. */
export const pText = (value: number): string =>
  !Number.isFinite(value) ? '–' : value < 0.001 ? '< 0.001' : value < 0.1 ? value.toFixed(3) : value.toFixed(2);

const bounds = { exact: '', 'at-least': '≥ ', 'at-most': '≤ ', unknown: '' };

/** "1.25×", "≥ 1.25×": how many times fewer labels. */
export const speedUpText = ({ factor, bound }: { factor: number; bound: keyof typeof bounds }): string =>
  Number.isFinite(factor) ? `${bounds[bound]}${factor.toFixed(2)}×` : '–';

/** "1 seed", "5 seeds". */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
