import { SightlineError } from '../../core/errors.js';
import { ProgressMeter } from '../../core/progress.js';
import { Rng } from '../../core/rng.js';
import type { Sample } from '../../data/types.js';
import type { RunConfig } from '../../loop/run_config.js';
import { RunStore } from '../../store/run_store.js';
import { findStrategy } from '../../strategies/index.js';
import { mapCases, questionOf, type CaseMap, type ModelQuestion } from './case_maps.js';
import { asProblem, CaseSource, type CaseOptions, type FinishedRun } from './case_source.js';
import type { CasePicture } from './layers.js';

/** One sample as the model of one round sees it. */
export interface DriftCell {
  round: number;
  /** Labels that the model has learnt from. */
  labelled: number;
  /** Map of the evidence for the true class, as a data URI; null: a constant map. */
  heat: string | null;
  /** Of the true class. */
  probability: number;
  /** Of map and region of interest; NaN where there is no region. */
  dice: number;
}

export interface DriftCase {
  id: string;
  /** True class. */
  label: string;
  picture: CasePicture;
  /** By round; those whose model is gone are left out. */
  cells: DriftCell[];
}

/** Where the models of a run look, round after round, on samples that nobody has learnt from. */
export interface Drift {
  strategy: string;
  seed: number;
  explanation: string;
  cases: DriftCase[];
}

const shownCases = 4;
const shownRounds = 6;
/** Strategies whose attention is looked at first: those that go by it. */
const preferred = ['xal', 'deep-features'];

/**
 * Attention across rounds (Mahapatra et al., IEEE TMI 2021, Fig. 2): the same test samples by the models of up to six rounds, of one
 * strategy and of random selection as the contrast. The class that is explained is the true one throughout.
 * @returns the strategy, then random, as far as their runs have ended
 */
export async function attentionDrift(config: RunConfig, options: CaseOptions = {}): Promise<Drift[]> {
  const source = await CaseSource.open(config, options);
  return source ? attentionDriftOf(source) : [];
}

/** As `attentionDrift`, of data that are already opened. */
export async function attentionDriftOf(source: CaseSource): Promise<Drift[]> {
  const { onNotice, onProgress } = source;
  const runs = await lengthsOf(source, contrasted(source));
  if (!runs.length) return [];
  const last = Math.min(...runs.map(({ labels }) => labels.length - 1));
  const rounds = spread(last, shownRounds);
  const { switch: other } = source.config;
  const { test } = other && last >= other.round ? source.data.second! : source.data.first;
  const cases = await pictured(source, chooseCases(test, source.data.classes, runs[0].run.seed));
  if (!cases.length) return [];
  const { entry } = runs[0].run;
  const explain = entry.explain ?? source.config.scoring.explain;
  const asked = runs.flatMap(({ run }) =>
    rounds.flatMap((round) => {
      const question = questionOf(run, round, 'test', { class: 'label', ...(explain && { explain }) });
      return question ? [{ run, round, question, samples: cases.map(({ sample }) => sample) }] : [];
    }),
  );
  const models = new Set(asked.map(({ question }) => question.model));
  const meter = new ProgressMeter('following attention', models.size * cases.length, onProgress);
  const mapOf = await mapCases(asked, { onNotice, meter });
  return runs.flatMap(({ run, labels }) => {
    const own = asked.filter((question) => question.run === run);
    return driftOf(run, labels, cases, own, mapOf);
  });
}

/** A strategy that is worth looking at, and random, of those with a run that has ended. */
function contrasted(source: CaseSource): CaseSource['strategies'] {
  const strategies = source.strategies.filter((entry) => source.finishedRun(entry));
  const random = strategies.find(({ strategy }) => strategy === 'random');
  const guided = strategies.filter(({ strategy }) => !findStrategy(strategy).blind);
  const byName = preferred.map((name) => guided.find(({ strategy }) => strategy === name));
  return [byName.find((entry) => entry) ?? guided[0], random].filter((entry) => entry !== undefined);
}

/** Runs that have ended, with the labels of each of their rounds. */
async function lengthsOf(
  source: CaseSource,
  strategies: CaseSource['strategies'],
): Promise<{ run: FinishedRun; labels: number[] }[]> {
  const found: { run: FinishedRun; labels: number[] }[] = [];
  for (const entry of strategies) {
    const run = source.finishedRun(entry);
    if (!run) continue;
    try {
      const store = await RunStore.open(run.folder);
      try {
        const labels: number[] = [];
        for (const { round, labelled } of await store.metrics()) labels[round] = labelled;
        if (labels.length) found.push({ run, labels });
      } finally {
        store.close();
      }
    } catch (error) {
      source.onNotice(`${entry.name}: its attention is not followed: ${asProblem(error).message}`);
    }
  }
  return found;
}

/** At most `count` rounds from 0 to `last`, evenly. */
export function spread(last: number, count: number): number[] {
  const steps = Math.min(count - 1, last);
  return Array.from({ length: steps + 1 }, (_, i) => (steps ? Math.round((i * last) / steps) : 0));
}

/** Test samples with a region where there are any, a class after the other in turn, drawn by seed. */
export function chooseCases(
  test: readonly Sample[],
  classes: readonly string[],
  seed: number,
  count = shownCases,
): Sample[] {
  const withRegion = test.filter(({ mask, boxes }) => mask !== undefined || boxes?.length);
  const candidates = withRegion.length ? withRegion : test;
  const order = (sample: Sample) => new Rng(seed, 'attention drift', sample.id).uniform();
  const byClass = classes.map((name) =>
    candidates.filter(({ label }) => label === name).sort((a, b) => order(a) - order(b)),
  );
  const chosen: Sample[] = [];
  for (let turn = 0; chosen.length < count && byClass.some((own) => turn < own.length); turn++) {
    chosen.push(...byClass.flatMap((own) => own.slice(turn, turn + 1)).slice(0, count - chosen.length));
  }
  return chosen;
}

interface PicturedSample {
  sample: Sample;
  picture: CasePicture;
}

async function pictured(source: CaseSource, samples: readonly Sample[]): Promise<PicturedSample[]> {
  const shown: PicturedSample[] = [];
  for (const sample of samples) {
    const picture = await source.picture(sample);
    if (picture instanceof SightlineError)
      source.onNotice(`Attention is not followed on ${sample.id}: ${picture.message}`);
    else shown.push({ sample, picture });
  }
  return shown;
}

function driftOf(
  { entry, seed }: FinishedRun,
  labels: readonly number[],
  cases: readonly PicturedSample[],
  asked: readonly { round: number; question: ModelQuestion }[],
  mapOf: (question: ModelQuestion, sample: Sample) => CaseMap | undefined,
): Drift[] {
  const explanations = new Set<string>();
  const shown = cases.map(({ sample, picture }): DriftCase => {
    const cells = asked.flatMap(({ round, question }): DriftCell[] => {
      const map = mapOf(question, sample);
      if (!map) return [];
      explanations.add(map.explanation);
      const probability = probabilityOf(map, sample.label!);
      return [{ round, labelled: labels[round], heat: map.heat, probability, dice: map.row.criteria.dice }];
    });
    return { id: sample.id, label: sample.label!, picture, cells };
  });
  const [explanation] = explanations;
  const seen = shown.filter(({ cells }) => cells.length > 0);
  return seen.length ? [{ strategy: entry.name, seed, explanation, cases: seen }] : [];
}

function probabilityOf({ probabilities: own, labels }: CaseMap, label: string): number {
  const at = labels.indexOf(label);
  if (own.length > 1) return own[at] ?? NaN;
  return at === 1 ? own[0] : 1 - own[0];
}
