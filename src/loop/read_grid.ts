import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { SightlineError } from '../core/errors.js';
import { readText, writeFileAtomic } from '../core/files.js';
import { readRunConfig, type RunConfig } from './run_config.js';

const resolvedFile = 'resolved.json';

/** Keeps a configuration in its result folder as it was understood: defaults filled in, paths absolute. */
export async function writeResolved(config: RunConfig): Promise<void> {
  await writeFileAtomic(join(config.out, resolvedFile), `${JSON.stringify(config, null, 2)}\n`);
}

/**
 * The configuration of a grid, by its YAML file or by the folder of its results. Of a folder that was moved since, `out` is
 * where it lies now.
 * @throws SightlineError E_NOT_FOUND: no such file, or a folder of an older release, which says nothing of its paths;
 *   E_CONFIG
 */
export function readGrid(pathOrFolder: string): RunConfig {
  const folder = resolve(pathOrFolder);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return readRunConfig(pathOrFolder);
  const file = join(folder, resolvedFile);
  if (!existsSync(file)) {
    throw new SightlineError('E_NOT_FOUND', {
      where: folder,
      what: `the folder has no ${resolvedFile}: it holds no results, or those of an older release`,
      remedy: 'Give the YAML file that the runs were made with.',
    });
  }
  return { ...parseResolved(file), out: folder };
}

function parseResolved(file: string): RunConfig {
  try {
    const config = JSON.parse(readText(file, 'the configuration')) as Partial<RunConfig> | null;
    if (typeof config?.data === 'string' && Array.isArray(config.strategies) && Array.isArray(config.seeds)) {
      return config as RunConfig;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new SightlineError('E_CONFIG', {
    where: file,
    what: 'it is no configuration that a run has left',
    remedy: 'Give the YAML file that the runs were made with.',
  });
}
