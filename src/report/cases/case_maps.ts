import { existsSync } from 'node:fs';
import type { ProgressMeter } from '../../core/progress.js';
import type { Sample } from '../../data/types.js';
import { explainSamples } from '../../engine/explain.js';
import { openModel, type OpenModel, type OpenModelOptions } from '../../engine/model.js';
import { noExplanation } from '../../explain/index.js';
import { probabilities } from '../../features/uncertainty.js';
import type { NoiseConfig } from '../../loop/config/types.js';
import { modelFile } from '../../loop/round.js';
import { modelOptions } from '../../loop/scoring_options.js';
import type { ScoreRow } from '../../store/score_store.js';
import { asProblem, type FinishedRun } from './case_source.js';
import { encodeHeat } from './layers.js';

/** How a round's model of a run is asked about images. */
export interface ModelQuestion {
  model: string;
  options: Omit<OpenModelOptions, 'model'>;
}

/** What a model says of a sample. */
export interface CaseMap {
  row: ScoreRow;
  /** Saliency at the model's input size or below, as a data URI; null where the map is constant. */
  heat: string | null;
  /** By output: softmax rows sum to 1; a single sigmoid output is the probability of class 1. */
  probabilities: Float64Array;
  /** Class names by predicted number. */
  labels: readonly string[];
  /** "grad-cam at features.norm5". */
  explanation: string;
}

/**
 * The question that a run puts to the model of a round; null where it wants no maps.
 * @param class which to explain
 * @param explain explanation in place of the run's own
 */
export function questionOf(
  run: FinishedRun,
  round: number,
  part: NoiseConfig['on'][number],
  asked: { class?: number | string; explain?: string } = {},
): ModelQuestion | null {
  const { config } = run;
  // Stochastic passes and radiomics are what a strategy ranks by, not what a picture shows.
  const options = { ...modelOptions(run, part, true), ...asked };
  if (options.explain === noExplanation) return null;
  const { backend, limitMemory } = config.compute;
  return { model: modelFile(run, round), options: { ...options, workers: 1, backend, limitMemory } };
}

/**
 * Maps and predictions of many samples by many models, each model opened once.
 * @returns by question and sample
 */
export async function mapCases(
  asked: readonly { question: ModelQuestion; samples: readonly Sample[] }[],
  { onNotice, meter }: { onNotice: (message: string) => void; meter?: ProgressMeter },
): Promise<(question: ModelQuestion, sample: Sample) => CaseMap | undefined> {
  const groups = new Map<string, { question: ModelQuestion; samples: Map<string, Sample> }>();
  for (const { question, samples } of asked) {
    const key = JSON.stringify(question);
    const group = groups.get(key) ?? { question, samples: new Map<string, Sample>() };
    for (const sample of samples) group.samples.set(sample.id, sample);
    groups.set(key, group);
  }
  const found = new Map<string, ReadonlyMap<string, CaseMap>>();
  const problems = new Set<string>();
  for (const [key, { question, samples }] of groups) {
    found.set(key, await mapsBy(question, [...samples.values()], (what) => problems.add(what)));
    meter?.add(samples.size);
  }
  for (const what of problems) onNotice(`Shown without saliency maps: ${what}`);
  return (question, sample) => found.get(JSON.stringify(question))?.get(sample.id);
}

async function mapsBy(
  { model: file, options }: ModelQuestion,
  samples: readonly Sample[],
  onProblem: (what: string) => void,
): Promise<ReadonlyMap<string, CaseMap>> {
  const maps = new Map<string, CaseMap>();
  if (!samples.length) return maps;
  if (!existsSync(file)) {
    onProblem(`${file}: the model is gone.`);
    return maps;
  }
  try {
    const model = await openModel({ ...options, model: file });
    if (model.noSaliency) throw model.noSaliency;
    // Positions of one pass: those of a pool and of test samples may be the same numbers.
    const numbered = samples.map((sample, index) => ({ ...sample, index }));
    for await (const explained of explainSamples(model, numbered)) {
      // An image that cannot be read has no picture either, and is told of there.
      if ('map' in explained) maps.set(explained.sample.id, await caseMap(model, explained.row, explained.map));
    }
  } catch (error) {
    onProblem(asProblem(error).message);
  }
  return maps;
}

async function caseMap({ setup, labels, targetLayer }: OpenModel, row: ScoreRow, map: Float32Array): Promise<CaseMap> {
  return {
    row,
    heat: await encodeHeat(map, setup),
    probabilities: probabilities(row.logits, setup.activation),
    labels,
    explanation: `${setup.explanation}${targetLayer ? ` at ${targetLayer}` : ''}`,
  };
}
