import { ProgressMeter } from '../../core/progress.js';
import type { Sample } from '../../data/types.js';
import { explainSamples } from '../../engine/explain.js';
import { openModel } from '../../engine/model.js';
import { chooseCases } from '../../report/cases/attention_drift.js';
import { questionOf } from '../../report/cases/case_maps.js';
import { CaseSource, type FinishedRun } from '../../report/cases/case_source.js';
import { renderContactSheet, type ContactTile } from '../../report/contact_sheet.js';
import { describeSaliency, subjectOf } from '../../report/subject.js';
import type { FinishedExperiment, FinishedGrid } from '../run_experiment.js';
import type { Result, ResultListeners, ResultPicture } from './result.js';

const shownCases = 6;

/** Where the last model of each strategy looks: a row per strategy, the same test images in each, by one explanation. */
export async function panels({ grids }: FinishedExperiment, listeners: ResultListeners): Promise<Result> {
  const pictures: ResultPicture[] = [];
  for (const grid of grids) {
    const source = await CaseSource.open(grid.config, listeners);
    const picture = source && (await gridPanels(grid, source));
    if (picture) pictures.push(picture);
  }
  return { pictures };
}

async function gridPanels({ plan, summary }: FinishedGrid, source: CaseSource): Promise<ResultPicture | null> {
  const { data, config } = source;
  const lastRound = ({ entry, seed }: FinishedRun) =>
    summary.runs.find((run) => run.strategy === entry.name && run.seed === seed)?.rounds.at(-1)?.round;
  const runs = source.strategies.flatMap((entry) => {
    const run = source.finishedRun(entry);
    const round = run ? lastRound(run) : undefined;
    return run && round !== undefined ? [{ run, round }] : [];
  });
  const { test } = data.second ?? data.first;
  const cases = runs.length ? chooseCases(test, data.classes, runs[0].run.seed, shownCases) : [];
  if (!cases.length) return null;
  const meter = new ProgressMeter('drawing panels', runs.length * cases.length, source.onProgress);
  const explained = new Set<string>();

  async function* tiles(): AsyncGenerator<ContactTile> {
    for (const { run, round } of runs) {
      // One explanation for all, whatever the strategies themselves go by.
      const asked = { class: 'label', explain: config.scoring.explain ?? 'grad-cam' };
      const question = questionOf(run, round, 'test', asked);
      if (!question) continue;
      const model = await openModel({ ...question.options, model: question.model });
      const numbered = cases.map((sample, index): Sample => ({ ...sample, index }));
      for await (const found of explainSamples(model, numbered)) {
        meter.add(1);
        if ('problem' in found) continue;
        const { sample, row, map } = found;
        explained.add(describeSaliency(model, sample, row.predicted).replace(/ of .*? at /, ' at '));
        const dice = row.criteria.dice;
        yield {
          ...(await subjectOf(sample, map, model.preprocessing)),
          ...{
            rank: sample.index + 1,
            id: `${run.entry.name} · ${model.labels[row.predicted]} ${row.confidence.toFixed(2)}`,
          },
          detail: `truth: ${sample.label}${Number.isFinite(dice) ? ` · Dice with region ${dice.toFixed(2)}` : ''}`,
        };
      }
    }
  }

  const sheet: ContactTile[] = [];
  for await (const tile of tiles()) sheet.push(tile);
  const { seed } = runs[0].run;
  const png = await renderContactSheet(sheet, {
    columns: cases.length,
    title: `Where the last models look: ${plan.title}`,
    subtitle: `a row per strategy with the class that its model takes the image for; the same ${cases.length} test images; seed ${seed}`,
    footer: `${[...explained].join('; ')} · evidence for the true class · saliency scaled to [0, 1] per image`,
  });
  return {
    name: `panels-${plan.name}`,
    title: `Where the last models look${plan.title ? `: ${plan.title}` : ''}`,
    png,
  };
}
