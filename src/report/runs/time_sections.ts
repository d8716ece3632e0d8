import { overheadShare } from '../../loop/stopwatch.js';
import { timings } from '../figures/timings.js';
import { figureHtml } from '../page/figure_html.js';
import type { ReportGrid, ReportSection } from './grid.js';

/** Where a run's time went, mean over seeds. */
export async function timeSections({ runs, id, prefix }: ReportGrid): Promise<ReportSection[]> {
  const names = [...new Set(runs.map(({ strategy }) => strategy))];
  const strategies = names.map((name) => {
    const own = runs.filter(({ strategy }) => strategy === name);
    const seconds = new Map<string, number>();
    for (const { times } of own)
      for (const [activity, value] of times) seconds.set(activity, (seconds.get(activity) ?? 0) + value / own.length);
    return { name, seconds };
  });
  const all = new Map<string, number>();
  for (const { times } of runs)
    for (const [activity, value] of times) all.set(activity, (all.get(activity) ?? 0) + value);
  const overhead = overheadShare(all);
  if (Number.isNaN(overhead)) return [];
  const figure = timings({
    ...{ name: `${prefix}times`, title: 'Time of a run', strategies },
    caption: `Mean over seeds, all rounds together. ${(100 * overhead).toFixed(1)} % of it is neither training nor scoring, preparing or evaluating.`,
  });
  return [{ id: `${id}-times`, title: 'Time', level: 3, html: await figureHtml(figure), figures: [figure] }];
}
