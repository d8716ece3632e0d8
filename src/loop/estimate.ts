import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProgressListener } from '../core/progress.js';
import { scorePass } from '../engine/score_pass.js';
import { trainSamples } from '../engine/train.js';
import { epochsOf } from '../engine/training_plan.js';
import { findStrategy } from '../strategies/index.js';
import { contextOf, needsModel } from './acquisition.js';
import { chooseInitial } from './initial_set.js';
import { classifierOptions } from './network_options.js';
import { cellsOf, fullySupervised, type RunConfig, type StrategyConfig } from './run_config.js';
import { openLoopData, type LoopData } from './run_data.js';
import { dearestQuery, nextCount, stopReason, type RoundOutcome } from './stop_rule.js';

/** What a grid would do, and about how long it would take here. */
export interface GridEstimate {
  data: { pool: number; validation: number; test: number };
  classes: readonly string[];
  /** Runs: strategies times seeds. */
  cells: number;
  /** Labels after each round, if no metric stops a run before its time. */
  rounds: { round: number; labelled: number }[];
  /** Seconds an image, measured here: of a training epoch, and of scoring; and to begin a scoring pass. */
  perImage: { training: number; scoring: number };
  perPass: number;
  /** Seconds of one run. */
  strategies: { name: string; seconds: number }[];
  /** Seconds of all. */
  total: number;
}

export interface EstimateListeners {
  onProgress?: ProgressListener;
  onNotice?: (message: string) => void;
}

/** Batches of a training that are measured; images of a short scoring pass, and of a longer one. */
const [measuredBatches, fewImages, moreImages] = [6, 32, 160];

/**
 * Opens and checks the data, counts rounds, and measures training and scoring for some seconds in a temporary folder. Trainings
 * that end early and regions that a U-Net predicts are not foreseen: U-Nets count as much as the classifier.
 * @throws SightlineError as `openLoopData`
 */
export async function estimateGrid(config: RunConfig, listeners: EstimateListeners = {}): Promise<GridEstimate> {
  const data = await openLoopData(config, listeners.onNotice);
  const rounds = plannedRounds(config, data);
  const speed = await measure(config, data, listeners);
  const strategies = config.strategies.map((entry) => ({
    name: entry.name,
    seconds: secondsOf(config, entry, data, rounds, speed),
  }));
  const { pool, validation, test } = data.first;
  return {
    data: { pool: pool.length, validation: validation.length, test: test.length },
    classes: data.classes,
    cells: cellsOf(config).length,
    rounds,
    ...speed,
    strategies,
    total: strategies.reduce((sum, { seconds }) => sum + seconds, 0) * config.seeds.length,
  };
}

/** Labels after each round, where no metric is ever reached and every query costs the most. */
function plannedRounds({ initial, stop, batch, oracle, seeds, switch: other }: RunConfig, data: LoopData) {
  const rules = { stop: { ...stop, auc: undefined, dice: undefined }, batch, dearestQuery: dearestQuery(oracle) };
  const { count } = chooseInitial(data.first.pool, initial, seeds[0]);
  const rounds: GridEstimate['rounds'] = [];
  let labels = count;
  for (let round = 0; ; round++) {
    rounds.push({ round, labelled: labels });
    const pool = other && round + 1 >= other.round ? data.byId.size : data.first.pool.length;
    const cost = labels * rules.dearestQuery;
    const last: RoundOutcome = { round, labels, cost, poolLeft: pool - labels, metrics: {} };
    if (stopReason(last, rules)) return rounds;
    const more = nextCount(last, rules);
    if (more === 0) return rounds;
    labels += more;
  }
}

type Speed = Pick<GridEstimate, 'perImage' | 'perPass'>;

async function measure(config: RunConfig, data: LoopData, { onProgress }: EstimateListeners): Promise<Speed> {
  const folder = await mkdtemp(join(tmpdir(), 'sightline-estimate-'));
  try {
    const run = { config, seed: config.seeds[0], classes: data.classes, onProgress };
    const { batch = 16 } = config.training;
    const { order } = chooseInitial(data.first.pool, { ...config.initial, by: 'sample' }, run.seed);
    const byId = new Map(data.first.pool.map((sample) => [sample.id, sample]));
    // Whoever will label the pool, what is measured takes labels that are there, or any.
    const some = order.slice(0, 2 * batch).map((id, i) => {
      const sample = byId.get(id)!;
      return { ...sample, label: sample.label ?? data.classes[i % data.classes.length] };
    });
    const options = {
      ...classifierOptions(run, join(folder, 'model')),
      epochs: undefined,
      iterations: measuredBatches,
    };
    const trained = await trainSamples({ training: some, validation: [], test: [] }, options);
    const pass = async (count: number) => {
      const started = performance.now();
      const { ids } = await scorePass({
        ...{ ...config.scoring, class: undefined, model: trained.files.model, onProgress },
        ...{ axis: config.model.axis, workers: config.compute.workers, out: join(folder, `pass-${count}`) },
        samples: data.first.pool.slice(0, count),
      });
      return { count: ids.length, seconds: (performance.now() - started) / 1000 };
    };
    // What a pass costs to begin is in both: the difference is the images'.
    const [few, more] = [await pass(fewImages), await pass(moreImages)];
    const each = (more.seconds - few.seconds) / (more.count - few.count);
    const scoring = each > 0 && Number.isFinite(each) ? each : more.seconds / more.count;
    return {
      perImage: { training: 1 / trained.imagesPerSecond, scoring },
      perPass: Math.max(0, more.seconds - more.count * scoring),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function secondsOf(
  config: RunConfig,
  entry: StrategyConfig,
  data: LoopData,
  planned: GridEstimate['rounds'],
  { perImage: { training, scoring }, perPass }: Speed,
): number {
  const { pool, validation, test } = data.first;
  const epochs = epochsOf(config.training) ?? 0;
  const { batch = 16, iterations = Infinity } = config.training;
  const models = config.task === 'segmentation' ? 2 : 1;
  const trainingOn = (labels: number) => {
    const images = Math.min(epochs ? epochs * labels : Infinity, iterations * batch);
    return images * training + Math.ceil(images / Math.max(1, labels)) * validation.length * scoring;
  };
  const testing = perPass + test.length * scoring;
  if (entry.strategy === fullySupervised) return models * trainingOn(pool.length) + testing;
  const needs = needsModel(findStrategy(entry.strategy), contextOf({ entry, seed: 0 }));
  return planned.reduce((sum, { round, labelled }) => {
    const before = planned[round - 1]?.labelled ?? labelled;
    const seen = needs && round > 0 ? perPass + (pool.length - before) * scoring : 0;
    const more =
      round > 0 ? extra(entry, round, before, batch, trainingOn, { training, seen }, validation.length * scoring) : 0;
    return sum + models * trainingOn(labelled) + testing + seen + more;
  }, 0);
}

/** What a strategy trains besides the round's own model. */
function extra(
  { committee, deepFeatures, roi }: StrategyConfig,
  round: number,
  labelled: number,
  batch: number,
  trainingOn: (labels: number) => number,
  { training, seen }: { training: number; seen: number },
  validating: number,
): number {
  let seconds = roi === 'predicted' ? trainingOn(labelled) : 0;
  if (committee) seconds += (committee.members - 1) * (trainingOn(labelled) + seen);
  if (deepFeatures) {
    const { every, clusters, trials, iterations = Math.max(10, Math.floor(labelled / batch)) } = deepFeatures;
    const learns = every > 0 ? (round - 1) % every === 0 : round === 1;
    if (learns) seconds += (clusters + 1) * trials * (iterations * batch * training + validating);
  }
  return seconds;
}
