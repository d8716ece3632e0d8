import type { z } from 'zod';
import { isMap as isYamlMap, LineCounter, parseDocument, type Document } from 'yaml';
import { SightlineError } from '../../core/errors.js';
import { nearestNames } from '../../core/nearest_names.js';
import { isMap } from './leaves.js';

export type ConfigPath = readonly (string | number)[];

/** What is wrong with the value at a path, as a phrase without a final stop. */
export interface ConfigProblem {
  path: ConfigPath;
  what: string;
  /** The key itself is the problem, not its value. */
  atKey?: boolean;
}

/** A YAML file: its values, and the line of each. */
export interface ConfigFile {
  path: string;
  /** Keys without a value are left out, as if they were not there. */
  values: Record<string, unknown>;
  /** Line from 1 of the value, or of what it would be part of. @param key of the key in place of the value */
  line(path: ConfigPath, key?: boolean): number | undefined;
}

/** @throws SightlineError E_CONFIG for what is not YAML with keys and values */
export function parseConfig(path: string, content: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false, merge: true });
  if (document.errors.length) {
    const problems = document.errors.map((error) => ({
      what: `not readable as YAML: ${error.message.replace(/\s+/g, ' ')}`,
      line: lines.linePos(error.pos[0]).line,
    }));
    throw configError(path, problems);
  }
  const values = withoutEmpty(document.toJS({ maxAliasCount: 100 }));
  if (!isMap(values)) throw configError(path, [{ what: 'expected keys with values, as in "data: manifest.csv"' }]);
  return { path, values, line: (at, key = false) => lineOf(document, lines, at, key) };
}

/** Keys with nothing after them are as good as absent: sections whose every line is commented out. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (!isMap(value)) return value;
  const kept = Object.entries(value).filter(([, one]) => one !== null && one !== undefined);
  return Object.fromEntries(kept.map(([key, one]) => [key, withoutEmpty(one)]));
}

function lineOf(document: Document, lines: LineCounter, path: ConfigPath, key: boolean): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const parent: unknown = length > 1 ? document.getIn(path.slice(0, length - 1), true) : document.contents;
    const name = path[length - 1];
    const pair = isYamlMap(parent)
      ? parent.items.find((item) => String((item.key as { value?: unknown } | null)?.value) === String(name))
      : undefined;
    const node = (key || length < path.length ? pair?.key : undefined) ?? document.getIn(path.slice(0, length), true);
    const start = (node as { range?: readonly number[] } | undefined)?.range?.[0];
    if (start !== undefined) return lines.linePos(start).line;
  }
  return undefined;
}

/** The problems of a failed check, a phrase each. @param base path of what was checked */
export function problemsOf(issues: readonly z.core.$ZodIssue[], values: unknown, base: ConfigPath): ConfigProblem[] {
  return issues.flatMap((issue): ConfigProblem[] => {
    const path = [...base, ...(issue.path as ConfigPath)];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        path: [...path, key],
        what: unknownKey(key, issue.message.split(' ')),
        atKey: true,
      }));
    }
    const given: { said?: boolean; known?: readonly string[] } = issue.code === 'custom' ? (issue.params ?? {}) : {};
    if (given.said) return [{ path, what: issue.message }];
    const value = valueAt(values, path);
    if (value === undefined) return [{ path, what: `expected ${issue.message}, but it is missing` }];
    const nearest = given.known && typeof value === 'string' ? similar(value, given.known) : undefined;
    if (!nearest) return [{ path, what: `expected ${issue.message}, received ${shown(value)}` }];
    // A long list of names says less than the one that was meant.
    const expected = issue.message.length > longList ? 'a known name' : issue.message;
    return [{ path, what: `expected ${expected}, received ${shown(value)}; did you mean ${nearest}?` }];
  });
}

const longList = 100;

export function unknownKey(key: string, known: readonly string[]): string {
  const nearest = similar(key, known);
  return `unknown key${nearest ? `; did you mean ${nearest}?` : `; known are ${known.join(', ')}`}`;
}

/** The known name that a slip may have meant: nothing where none is near. */
function similar(name: string, known: readonly string[]): string | undefined {
  const [nearest] = nearestNames(name, known, 1);
  const plain = (one: string) => new Set(one.toLowerCase());
  const letters = plain(name);
  const common = nearest ? [...plain(nearest)].filter((letter) => letters.has(letter)).length : 0;
  return common * 2 > letters.size ? nearest : undefined;
}

function valueAt(values: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string | number, unknown> | undefined)?.[key], values);
}

/** A value as people wrote it, cut where it is long. */
export function shown(value: unknown): string {
  const whole = JSON.stringify(value) ?? 'nothing';
  return whole.length > 60 ? `${whole.slice(0, 57)}...` : whole;
}

/** training.learning_rate, strategies[2].alpha */
export function spelt(path: ConfigPath): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i > 0 ? '.' : ''}${part}`)).join('');
}

/** All problems in one error, in the order of their lines. */
export function configError(
  path: string,
  problems: readonly { path?: ConfigPath; what: string; line?: number }[],
): SightlineError {
  const lines = problems
    .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
    .map(
      ({ path: at = [], what, line }) => `${at.length ? `${spelt(at)}: ` : ''}${what}${line ? ` (line ${line})` : ''}`,
    );
  return new SightlineError('E_CONFIG', {
    where: path,
    what: lines.length === 1 ? lines[0] : `${lines.length} problems:${lines.map((line) => `\n  ${line}`).join('')}`,
    remedy: 'docs/run_configuration.md describes every key.',
  });
}
