import { basename } from 'node:path';
import { readText } from '../../core/files.js';
import type { RunConfig } from '../../loop/run_config.js';
import { escapeMarkup } from '../figures/svg.js';
import { tableHtml } from '../page/table_html.js';
import type { ReportGrid, ReportSection } from './grid.js';

/** How the runs were made: the configuration in short and in full. */
export async function settingsSections({ config, id, trainingSize }: ReportGrid): Promise<ReportSection[]> {
  const table = tableHtml({ columns: ['setting', 'value'], rows: settings(config, trainingSize), right: [] });
  const full =
    `<details><summary>The whole configuration (${escapeMarkup(basename(config.file))})</summary>` +
    `<pre tabindex="0">${escapeMarkup(readText(config.file, 'the configuration'))}</pre></details>`;
  return [{ id: `${id}-settings`, title: 'Settings', level: 3, html: table + full }];
}

function settings(config: RunConfig, trainingSize: number): [string, string][] {
  const { model, training, labels, finding, initial, batch, seeds, strategies, task } = config;
  const network = [
    ...[model.file ? basename(model.file) : model.arch, model.size && `${model.size} × ${model.size}`],
    model.width && `width ${model.width}`,
  ];
  const updates = [
    ...[training.epochs && `${training.epochs} epochs`, training.iterations && `${training.iterations} batches`],
    ...[training.batch && `${training.batch} images a batch`, training.learningRate && `rate ${training.learningRate}`],
    ...[training.schedule, training.augmentation && `augmentation ${JSON.stringify(training.augmentation)}`],
    training.start,
  ];
  return [
    ['task', finding ? `${task}: ${finding} against the rest` : task],
    ['images to label', String(trainingSize)],
    ['classes', labels?.join(', ') ?? 'those that occur'],
    ['network', joined(network)],
    ['training of a round', joined(updates)],
    ['strategies', strategies.map(({ name }) => name).join(', ')],
    ['seeds', seeds.join(', ')],
    [
      'initial set',
      initial.count === undefined ? `${100 * (initial.fraction ?? NaN)} % of the pool` : `${initial.count} labels`,
    ],
    ['labels a round', typeof batch === 'number' ? String(batch) : JSON.stringify(batch)],
    [
      'stop',
      joined(Object.entries(config.stop).flatMap(([rule, value]) => (rule === 'part' ? [] : `${rule} ${value}`))),
    ],
  ];
}

const joined = (parts: readonly (string | number | undefined)[]): string =>
  parts.filter(Boolean).join(', ').replaceAll('"', '');

/** More rows than these say nothing more. */
const mostRows = 200;

/** Images that could not be used, by id alone. */
export async function quarantineSections({ quarantined, id }: ReportGrid): Promise<ReportSection[]> {
  if (!quarantined.length) return [];
  const rest = quarantined.length - mostRows;
  const html = tableHtml({
    caption: `Images that could not be used${rest > 0 ? `, the first ${mostRows} of ${quarantined.length}` : ''}. The others were used as ever.`,
    columns: ['id', 'stage', 'code', 'what', 'runs'],
    rows: quarantined.slice(0, mostRows).map((row) => [row.id, row.stage, row.code, row.message, row.runs]),
    right: [4],
  });
  return [{ id: `${id}-quarantine`, title: 'Quarantine', level: 3, html }];
}
