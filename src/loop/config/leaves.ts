import { z } from 'zod';
import { SightlineError } from '../../core/errors.js';

/**
 * The building blocks of the configuration's schema. A failed check's message is what was expected, as a phrase ("a number
 * above 0"); problems.ts adds path, value and line.
 */

/** A value that passes `test`. @param known the names to choose from: the nearest is suggested */
export function leaf<T>(expected: string, test: (value: unknown) => boolean, known?: readonly string[]) {
  return z.custom<T>(test, { error: expected, ...(known && { params: { known } }) });
}

export function number(expected: string, test: (value: number) => boolean = () => true) {
  return leaf<number>(expected, (value) => typeof value === 'number' && Number.isFinite(value) && test(value));
}

export const anyNumber = number('a number');
export const positive = number('a number above 0', (value) => value > 0);
export const fromZero = number('a number from 0', (value) => value >= 0);
export const share = number('a number from 0 to 1', (value) => value >= 0 && value <= 1);

export function whole(low: number, high = Number.MAX_SAFE_INTEGER) {
  const range = high === Number.MAX_SAFE_INTEGER ? `from ${low}` : `from ${low} to ${high}`;
  return number(`a whole number ${range}`, (value) => Number.isSafeInteger(value) && value >= low && value <= high);
}

export const flag = leaf<boolean>('true or false', (value) => typeof value === 'boolean');

/** Text; a number or truth value counts as its spelling, because nobody quotes the folds 1, 2, 3. */
export const text = leaf<string | number | boolean>(
  'text',
  (value) => (typeof value === 'string' && value.trim() !== '') || ['number', 'boolean'].includes(typeof value),
).transform(String);

export function oneOf<const T extends string>(names: readonly T[]) {
  return leaf<T>(`one of ${names.join(', ')}`, (value) => (names as readonly unknown[]).includes(value), names);
}

/** One entry or more. */
export function listOf<T extends z.ZodType>(item: T, expected = 'a list with at least one entry') {
  return z.array(item, { error: expected }).min(1, { error: expected });
}

/** Number of entries fixed. */
export function listOfLength<T extends z.ZodType>(item: T, length: number, expected: string) {
  return z.array(item, { error: expected }).length(length, { error: expected });
}

/** snake_case → camelCase, on the level of types too. */
type Camel<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S;
export type CamelKeys<T> = { [K in keyof T as K extends string ? Camel<K> : K]: T[K] };

export const camel = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
export const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The same values under camelCase names, those that are undefined left out; nested sections have been renamed already. */
export function camelKeys<T extends object>(value: T): CamelKeys<T> {
  const named = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(named.map(([name, one]) => [camel(name), one as unknown])) as CamelKeys<T>;
}

/** Keys in snake_case, no others; the values come out under camelCase names. */
export function section<S extends z.ZodRawShape>(shape: S) {
  const known = Object.keys(shape).join(' ');
  return z
    .strictObject(shape, { error: ({ code }) => (code === 'unrecognized_keys' ? known : 'keys with values') })
    .transform((value) => camelKeys(value));
}

/** One schema or another, by a look at the value: its messages are then to the point. */
export function either<T extends z.ZodType>(choose: (value: unknown) => T) {
  return z.unknown().transform((value, context): z.output<T> => {
    const parsed = choose(value).safeParse(value);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) context.issues.push(issue as (typeof context.issues)[number]);
    return z.NEVER;
  });
}

export const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A problem in a phrase of its own, in place of "expected …, received …". */
export const said = (message: string, path: (string | number)[] = []) => ({
  code: 'custom' as const,
  message,
  path,
  params: { said: true },
});

/** What a reader of the engine's makes of a value; its SightlineError is the message. */
export function readBy<I extends z.ZodType, O>(input: I, read: (value: z.output<I>) => O) {
  return input.transform((value, context): O => {
    try {
      return read(value);
    } catch (error) {
      if (!(error instanceof SightlineError)) throw error;
      context.addIssue(said([error.what, error.remedy].filter(Boolean).join('. ').replace(/\.$/, '')));
      return z.NEVER;
    }
  });
}

/** Any values under these keys, which something else checks. */
export function unknownKeysRefused(keys: readonly string[]) {
  return z.strictObject(Object.fromEntries(keys.map((key) => [key, z.unknown().optional()])), {
    error: () => keys.join(' '),
  });
}
