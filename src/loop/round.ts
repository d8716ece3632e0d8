import { join } from 'node:path';
import type { Backend } from '../backend/index.js';
import type { ProgressListener } from '../core/progress.js';
import type { Sample } from '../data/types.js';
import type { StoredQuery } from '../store/run_schema.js';
import type { RunStore } from '../store/run_store.js';
import { fullySupervised } from './config/types.js';
import type { DecodedData } from './decoded_data.js';
import type { RunConfig, StrategyConfig } from './run_config.js';
import type { RunData } from './run_data.js';
import type { Stopwatch } from './stopwatch.js';

/** What a run has at hand wherever it is. */
export interface RunContext {
  config: RunConfig;
  entry: StrategyConfig;
  seed: number;
  /** The run's. */
  folder: string;
  classes: readonly string[];
  store: RunStore;
  backend: Backend;
  /** Images that any run of the grid has decoded. */
  decoded: DecodedData;
  watch: Stopwatch;
  onProgress?: ProgressListener;
  onNotice: (message: string) => void;
}

/** A round that selects: what there is to choose from and with. */
export interface SelectionRound extends RunContext {
  /** From 1. */
  round: number;
  data: RunData;
  /** ONNX file of the round before. */
  model: string;
  /** Samples without a label, in the pool's order. */
  pool: readonly Sample[];
  /** Samples with the oracle's labels, in the order in which they were asked. */
  labelled: readonly Sample[];
  /** Labels to ask for. */
  count: number;
  /** Asks the oracle about samples at once, and gives back those that it labelled. */
  ask(queries: readonly StoredQuery[]): Promise<Sample[]>;
}

/** Folder of a round, or of a part of it. */
export function roundFolder({ folder }: Pick<RunContext, 'folder'>, round: number, ...part: string[]): string {
  return join(folder, 'rounds', String(round).padStart(2, '0'), ...part);
}

/** What the runs of a seed have in common, by seed: the training of the initial set. */
export function initialFolder({ out }: Pick<RunConfig, 'out'>): string {
  return join(out, 'initial');
}

/**
 * Folder of what a round has trained. The initial set's training is the same for all strategies of a seed, where nobody has to
 * be asked: the first of them does it, for all.
 */
export function trainedFolder(
  { config, entry, seed, folder }: Pick<RunContext, 'config' | 'entry' | 'seed' | 'folder'>,
  round: number,
  ...part: string[]
): string {
  const own = round > 0 || entry.strategy === fullySupervised || config.oracle.kind !== 'simulated';
  return own ? roundFolder({ folder }, round, ...part) : join(initialFolder(config), `seed-${seed}`, ...part);
}

/** ONNX file of a round's classifier. */
export function modelFile(run: Pick<RunContext, 'config' | 'entry' | 'seed' | 'folder'>, round: number): string {
  return join(trainedFolder(run, round, 'model'), 'model.onnx');
}
