import { attentionDriftOf } from '../cases/attention_drift.js';
import { CaseSource } from '../cases/case_source.js';
import { clusterMapOf } from '../cases/cluster_map.js';
import { driftHtml } from '../cases/drift_html.js';
import { galleriesOf } from '../cases/galleries.js';
import { galleryHtml } from '../cases/gallery_html.js';
import { figureHtml } from '../page/figure_html.js';
import type { ReportGrid, ReportSection, SectionOptions } from './grid.js';

/** Cases: what was chosen and left, where the models look from round to round, and the pool as a strategy sees it. */
export async function caseSections(grid: ReportGrid, options: SectionOptions): Promise<ReportSection[]> {
  const { config, id, prefix } = grid;
  const source = await CaseSource.open(config, options);
  if (!source) return [];
  const sections: ReportSection[] = [];
  if (options.images) {
    const gallery = galleryHtml(await galleriesOf(source));
    if (gallery) sections.push({ id: `${id}-cases`, title: 'Most and least informative', html: gallery });
    const drift = driftHtml(await attentionDriftOf(source), prefix);
    if (drift) sections.push({ id: `${id}-attention`, title: 'Where the models look, round after round', html: drift });
  }
  const map = await clusterMapOf(source);
  if (map) {
    const figure = { ...map, name: `${prefix}${map.name}` };
    sections.push({
      ...{ id: `${id}-map`, title: 'The pool as a map', figures: [figure] },
      html: await figureHtml(figure),
    });
  }
  return sections;
}
