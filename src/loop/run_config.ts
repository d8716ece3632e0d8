import { basename, dirname, extname, join, resolve } from 'node:path';
import { readText } from '../core/files.js';
import { crossCheck } from './config/checks.js';
import { camelKeys } from './config/leaves.js';
import {
  configError,
  parseConfig,
  problemsOf,
  unknownKey,
  type ConfigFile,
  type ConfigProblem,
} from './config/problems.js';
import { runShape, type ParsedRun } from './config/schema.js';
import type { RunConfig, StrategyConfig } from './config/types.js';
import { findingClasses } from './finding.js';

export { fullySupervised } from './config/types.js';
export type * from './config/types.js';

/** One run of a grid: a strategy under a seed, in a folder of its own. */
export interface Cell {
  entry: StrategyConfig;
  seed: number;
  /** <out>/<name>/seed-<n> */
  folder: string;
}

/**
 * The YAML configuration of a run or a grid of runs (docs/run_configuration.md), defaults filled in, paths resolved against
 * its folder. Settings of training, scoring and strategies that are left out stay so: their defaults are the engine's.
 * @throws SightlineError E_NOT_FOUND; E_CONFIG listing every problem by path and line
 */
export function readRunConfig(path: string): RunConfig {
  const file = parseConfig(resolve(path), readText(path, 'the configuration'));
  const problems: ConfigProblem[] = [];
  const parsed = parseSections(file, problems);
  const run = complete(parsed, file.path);
  problems.push(...crossCheck({ ...run, labels: parsed.labels }));
  if (problems.length) {
    const placed = problems.map((problem) => ({ ...problem, line: file.line(problem.path, problem.atKey) }));
    throw configError(path, placed);
  }
  return run as RunConfig;
}

/** The runs of a configuration: all seeds of the first strategy, then of the next. */
export function cellsOf({ strategies, seeds, out }: Pick<RunConfig, 'strategies' | 'seeds' | 'out'>): Cell[] {
  return strategies.flatMap((entry) =>
    seeds.map((seed) => ({ entry, seed, folder: join(out, entry.name, `seed-${seed}`) })),
  );
}

/** Each section by itself, so that a slip in one does not hide those in others. */
function parseSections({ path, values }: ConfigFile, problems: ConfigProblem[]): Partial<ParsedRun> {
  const shape = runShape(dirname(path));
  const sections = Object.entries(shape).flatMap(([key, schema]): [string, unknown][] => {
    const result = schema.safeParse(values[key]);
    if (result.success) return [[key, result.data]];
    problems.push(...problemsOf(result.error.issues, values, [key]));
    return [];
  });
  const known = Object.keys(shape);
  for (const key of Object.keys(values)) {
    if (!known.includes(key)) problems.push({ path: [key], what: unknownKey(key, known), atKey: true });
  }
  return Object.fromEntries(sections);
}

/** Names, class order and absolute paths. */
function complete(parsed: Partial<ParsedRun>, file: string): Partial<RunConfig> {
  const folder = dirname(file);
  const name = parsed.name ?? basename(file, extname(file));
  const { data, model, switch: other, finding, labels, initial } = parsed;
  return {
    ...camelKeys(parsed),
    file,
    name,
    out: resolve(folder, parsed.out ?? join('runs', name)),
    ...(data !== undefined && { data: resolve(folder, data) }),
    ...(model && { model: { ...model, ...(model.file !== undefined && { file: resolve(folder, model.file) }) } }),
    ...(other && { switch: { ...other, data: resolve(folder, other.data) } }),
    ...(initial && { initial: initial.count === undefined ? { fraction: 0.1, ...initial } : initial }),
    ...(finding !== undefined && !labels && { labels: findingClasses(finding) }),
  };
}
