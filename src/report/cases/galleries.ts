import { ProgressMeter } from '../../core/progress.js';
import { SightlineError } from '../../core/errors.js';
import type { Criteria } from '../../core/criteria.js';
import { reasonOf } from '../../loop/reasons.js';
import type { RunConfig } from '../../loop/run_config.js';
import { mapCases, questionOf, type CaseMap, type ModelQuestion } from './case_maps.js';
import { asProblem, CaseSource, type CaseOptions } from './case_source.js';
import type { CasePicture } from './layers.js';
import { rankedRounds, seenAgain, type RankedCase, type RankedRound } from './ranked_cases.js';

/** A sample of a ranking: its picture, what the model saw, and why it has its place. */
export interface Case {
  id: string;
  /** From 1 = label first. */
  rank: number;
  /** True class, where it is known. */
  label?: string;
  /** Class that the model expected, and its probability; null where no model has looked. */
  predicted: { label: string; confidence: number } | null;
  /** NaN where the strategy gives none. */
  score: number;
  /** Null where no model has looked. */
  criteria: Criteria | null;
  reason: string;
  picture: CasePicture;
  /** Saliency map of the model that made the choice, as a data URI; null: a constant map, or none. */
  heat: string | null;
  /** Of map and region of interest; NaN where one of them is missing. */
  dice: number;
}

/** Both ends of a round's ranking by one strategy. */
export interface Gallery {
  /** Its name in the grid. */
  strategy: string;
  seed: number;
  round: number;
  /** Rounds of the run that selected. */
  rounds: number;
  /** Labels when the choice was made. */
  labelled: number;
  /** Samples that were ranked. */
  of: number;
  /** "grad-cam at layer4"; null where no map is shown. */
  explanation: string | null;
  /** The order is random: nothing is informative about its ends. */
  random: boolean;
  /** Most informative first. */
  most: Case[];
  /** Least informative last. */
  least: Case[];
}

export interface GalleryOptions extends CaseOptions {
  /** Cases of each end. Default 6. */
  count?: number;
}

/**
 * The most and the least informative samples of each strategy, in the last and in the first round that selected, of the first
 * seed that has ended; those without a model come last. What cannot be read is left out, which notices say.
 */
export async function galleries(config: RunConfig, options: GalleryOptions = {}): Promise<Gallery[]> {
  const source = await CaseSource.open(config, options);
  return source ? galleriesOf(source, options.count) : [];
}

/** As `galleries`, of data that are already opened. */
export async function galleriesOf(source: CaseSource, count = 6): Promise<Gallery[]> {
  const { onNotice, onProgress } = source;
  const rounds: RankedRound[] = [];
  for (const entry of source.strategies) rounds.push(...(await roundsOf(source, entry, count)));
  // What nobody has chosen is the contrast to all that was.
  rounds.sort((a, b) => Number(b.byModel) - Number(a.byModel));
  const asked = rounds.flatMap((ranked) => {
    const question = questionFor(ranked);
    return question ? [{ question, samples: [...ranked.most, ...ranked.least].map(({ sample }) => sample) }] : [];
  });
  const total = new Set(
    asked.flatMap(({ question, samples }) => samples.map(({ id }) => `${JSON.stringify(question)} ${id}`)),
  );
  const meter = new ProgressMeter('explaining cases', total.size, onProgress);
  const mapOf = await mapCases(asked, { onNotice, meter });
  const shown: Gallery[] = [];
  for (const ranked of rounds) shown.push(await galleryOf(source, ranked, mapOf));
  return shown.filter(({ most, least }) => most.length + least.length > 0);
}

async function roundsOf(
  source: CaseSource,
  entry: CaseSource['strategies'][number],
  count: number,
): Promise<RankedRound[]> {
  const run = source.finishedRun(entry);
  if (!run) {
    source.onNotice(`${entry.name}: no cases are shown, because none of its runs has ended.`);
    return [];
  }
  try {
    return await rankedRounds(source, run, count);
  } catch (error) {
    source.onNotice(`${entry.name}: no cases are shown: ${asProblem(error).message}`);
    return [];
  }
}

/** The model of the round before made the choice. Of a random order nobody has looked at the images. */
function questionFor({ run, round, byModel }: RankedRound): ModelQuestion | null {
  return byModel ? questionOf(run, round - 1, 'pool', { class: run.config.scoring.class }) : null;
}

async function galleryOf(
  source: CaseSource,
  ranked: RankedRound,
  mapOf: (question: ModelQuestion, sample: RankedCase['sample']) => CaseMap | undefined,
): Promise<Gallery> {
  const { run, round, rounds, labelled, of, byModel } = ranked;
  const question = questionFor(ranked);
  const failed: SightlineError[] = [];
  let explanation: string | null = null;
  const show = async (cases: readonly RankedCase[]): Promise<Case[]> => {
    const shown: Case[] = [];
    for (const own of cases) {
      const picture = await source.picture(own.sample);
      if (picture instanceof SightlineError) {
        failed.push(picture);
        continue;
      }
      const map = question ? mapOf(question, own.sample) : undefined;
      explanation ??= map?.explanation ?? null;
      shown.push(caseOf(ranked, own, picture, map));
    }
    return shown;
  };
  const [most, least] = [await show(ranked.most), await show(ranked.least)];
  if (failed.length) {
    const all = ranked.most.length + ranked.least.length;
    source.onNotice(
      `${run.entry.name}, round ${round}: ${failed.length} of ${all} cases are left out: ${failed[0].message}`,
    );
  }
  return {
    ...{ strategy: run.entry.name, seed: run.seed, round, rounds, labelled, of },
    ...{ explanation, random: !byModel, most, least },
  };
}

function caseOf(ranked: RankedRound, own: RankedCase, picture: CasePicture, map: CaseMap | undefined): Case {
  const { sample, rank, score, label } = own;
  const seen = own.seen ?? (map ? seenAgain(ranked, own, map) : null);
  return {
    ...{ id: sample.id, rank, label, score, picture },
    predicted: seen && { label: seen.predicted, confidence: seen.confidence },
    criteria: seen && { ...seen.criteria },
    reason: own.reason ?? reasonOf(ranked.strategy, rank, ranked.of, seen),
    heat: map?.heat ?? null,
    dice: map?.row.criteria.dice ?? NaN,
  };
}
