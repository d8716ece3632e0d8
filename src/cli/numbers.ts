import { InvalidArgumentError } from 'commander';
import { SightlineError } from '../core/errors.js';
import { parseBinarisation, type Binarisation } from '../features/binarisation.js';

/** Parsers of flag values: each says what it expected, and commander adds which flag it was. */

export function integer(low: number, high = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new InvalidArgumentError(
        `Expected a whole number ${high === Number.MAX_SAFE_INTEGER ? `from ${low}` : `from ${low} to ${high}`}.`,
      );
    }
    return value;
  };
}

export function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('Expected a number from 0 to 1.');
  return value;
}

/** A number from `low`. */
export function number(low: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= low && value < Infinity))
      throw new InvalidArgumentError(`Expected a number from ${low}.`);
    return value;
  };
}

/** "0.485,0.456,0.406" → three numbers; one number stands for every channel. */
export function numberList(text: string): number[] {
  const values = text
    .split(/[,;\s]+/)
    .filter(Boolean)
    .map(Number);
  if (!values.length || values.some((v) => !Number.isFinite(v)))
    throw new InvalidArgumentError('Expected numbers separated by commas.');
  return values;
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}

/** "firstorder,glcm" → two names. */
export function nameList(text: string): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  if (!names.length) throw new InvalidArgumentError('Expected names separated by commas.');
  return names;
}

/** A mask's value from 1, or "any". */
export function maskLabel(text: string): number | 'any' {
  const value = Number(text);
  if (text === 'any') return text;
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('Expected a whole number from 1, or "any".');
  return value;
}

/** "224" or "320x256" (height × width). */
export function imageSize(text: string): [number, number] {
  const match = /^(\d+)(?:[x×,](\d+))?$/i.exec(text.trim());
  const height = Number(match?.[1]);
  const width = Number(match?.[2] ?? match?.[1]);
  if (!(height > 0 && width > 0))
    throw new InvalidArgumentError('Expected a size such as 224, or height x width such as 320x256.');
  return [height, width];
}

/** "1500", "1500MB" or "1.5GB" → MiB. */
export function memorySize(text: string): number {
  const match = /^([\d.]+)\s*(mb|mib|m|gb|gib|g)?$/i.exec(text.trim());
  const value = Number(match?.[1]) * (match?.[2]?.toLowerCase().startsWith('g') ? 1024 : 1);
  if (!(value > 0)) throw new InvalidArgumentError('Expected a size such as 1500MB or 2GB.');
  return Math.floor(value);
}

/** "40,400" → window centre and width in the file's units. */
export function intensityWindow(text: string): { center: number; width: number } {
  const [center, width, ...rest] = numberList(text);
  if (!(width > 0) || rest.length) throw new InvalidArgumentError('Expected CENTER,WIDTH with a positive width.');
  return { center, width };
}

/** A parser of the engine's as a flag's: its remedy is what commander prints. */
export function parsed<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof SightlineError)) throw error;
      throw new InvalidArgumentError(
        `${error.what[0].toUpperCase()}${error.what.slice(1)}. ${error.remedy ?? ''}`.trim(),
      );
    }
  };
}

/** A threshold in [0, 1], "otsu", "max:0.15" or "top:0.1". */
export const binarisation = parsed(parseBinarisation);

/** The same, or "soft". */
export function softBinarisation(text: string): Binarisation | 'soft' {
  return text === 'soft' ? text : binarisation(text);
}

const secondsIn: Record<string, number> = { s: 1, min: 60, h: 3600 };

/** "5min", "90s", "2h" → seconds; "2000fits" → forests. */
export function searchBudget(text: string): { seconds?: number; fits?: number } {
  const match = /^([\d.]+)\s*(s|min|h|fits)$/i.exec(text.trim());
  const value = Number(match?.[1]);
  const unit = match?.[2].toLowerCase();
  if (!unit || !(value > 0)) throw new InvalidArgumentError('Expected a limit such as 5min, 90s, 2h or 2000fits.');
  return unit === 'fits' ? { fits: value } : { seconds: value * secondsIn[unit] };
}
