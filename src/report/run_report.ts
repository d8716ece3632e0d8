import { mkdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expectArgument, SightlineError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import { ProgressMeter, type ProgressListener } from '../core/progress.js';
import { version } from '../core/version.js';
import type { Figure } from './figures/figure.js';
import { writeFigure } from './figures/write_figure.js';
import { renderPage, type Section } from './page/page.js';
import { caseSections } from './runs/case_sections.js';
import { choiceSections, penaltySections } from './runs/choice_sections.js';
import { curveSections, shareSections } from './runs/curve_sections.js';
import { readReportGrid, type ReportGrid, type SectionMaker } from './runs/grid.js';
import { counted } from './runs/numbers.js';
import { quarantineSections, settingsSections } from './runs/settings_sections.js';
import { summarySections } from './runs/summary.js';
import { timeSections } from './runs/time_sections.js';

/** What a chapter consists of, in the order of the page. */
const makers: readonly SectionMaker[] = [
  summarySections,
  curveSections,
  shareSections,
  caseSections,
  choiceSections,
  penaltySections,
  timeSections,
  settingsSections,
  quarantineSections,
];

export interface ReportOptions {
  /** Configurations (YAML) or result folders: a chapter each. */
  runs: readonly string[];
  /** Default: the first one's result folder. */
  out?: string;
  title?: string;
  /** Whether images of the data are shown. Default true; without them a report can go where the images may not. */
  images?: boolean;
  onNotice?: (message: string) => void;
  onProgress?: ProgressListener;
}

export interface ReportSummary {
  /** The page. */
  file: string;
  bytes: number;
  /** Files of the figures. */
  figures: { svg: string; png: string; csv: string }[];
}

/**
 * Writes what runs of active learning have come to: `report.html`, one file that needs no other, and `figures/` with every figure as
 * SVG, PNG and CSV. Equal runs give equal files. Runs that are at work are left out and told.
 * @throws SightlineError E_ARGUMENT: no runs are named; E_NOT_FOUND, E_CONFIG: nothing to report on; E_OUTPUT, E_DISK_FULL
 */
export async function writeReport(options: ReportOptions): Promise<ReportSummary> {
  const { runs, images = true, onNotice, onProgress } = options;
  expectArgument(runs.length > 0, 'runs', 'one configuration or result folder at least', runs);
  const id = uniqueIds();
  const grids: ReportGrid[] = [];
  const reading = new ProgressMeter('reading runs', runs.length, onProgress, 0, undefined, 'grids');
  for (const path of runs) {
    grids.push(await readReportGrid(path, { id, alone: runs.length === 1 }, onNotice));
    reading.add(1);
  }
  const [sections, figures]: [Section[], Figure[]] = [[], []];
  const drawing = new ProgressMeter('drawing', grids.length * makers.length, onProgress, 0, undefined, 'sections');
  for (const grid of grids) {
    // The only grid has its name in the page's title.
    const title = grids.length === 1 ? 'Results' : grid.config.name;
    sections.push({ id: grid.id, title, html: `<p class="soft">${standing(grid)}</p>` });
    for (const make of makers) {
      for (const { figures: own = [], ...section } of await make(grid, { images, onNotice, onProgress })) {
        sections.push({ level: 3, ...section });
        figures.push(...own);
      }
      drawing.add(1);
    }
  }
  const out = resolve(options.out ?? grids[0].config.out);
  await makeFolder(out);
  const written: ReportSummary['figures'] = [];
  const writing = new ProgressMeter('writing figures', figures.length, onProgress, 0, undefined, 'figures');
  for (const figure of figures) {
    written.push(await writeFigure(join(out, 'figures'), figure));
    writing.add(1);
  }
  const file = join(out, 'report.html');
  const page = renderPage({
    title: options.title ?? `Active learning: ${grids.map(({ config }) => config.name).join(', ')}`,
    subtitle: subtitle(grids),
    sections,
    footer: `Sightline ${version}. The figures are in figures/ too, as SVG, PNG and CSV.`,
  });
  await writeFileAtomic(file, page);
  return { file, bytes: (await stat(file)).size, figures: written };
}

/** "31 of 35 runs have ended a round; test set …" */
function standing({ runs, planned, comparison, trainingSize }: ReportGrid): string {
  const begun = runs.filter(({ rounds }) => rounds.length > 0).length;
  const missing =
    begun < planned
      ? `${begun} of ${counted(planned, 'run')} (the others have not begun or are at work)`
      : counted(planned, 'run');
  const { strategies, seeds } = comparison;
  const what = `${strategies.length} ${strategies.length === 1 ? 'strategy' : 'strategies'}, ${counted(seeds.length, 'seed')}`;
  return `${missing}: ${what}; ${trainingSize} images to label.`;
}

function subtitle(grids: readonly ReportGrid[]): string {
  const count = grids.reduce((sum, { runs }) => sum + runs.length, 0);
  return `Which images to label next: ${counted(count, 'run')} of Sightline side by side`;
}

/** Names as ids, each once. */
function uniqueIds(): (name: string) => string {
  const taken = new Set<string>();
  return (name) => {
    const stem =
      name
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '-')
        .replace(/^-+|-+$/g, '') || 'runs';
    let id = stem;
    for (let n = 2; taken.has(id); n++) id = `${stem}-${n}`;
    taken.add(id);
    return id;
  };
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw SightlineError.from(error, 'E_OUTPUT', {
      where: folder,
      remedy: 'Choose a folder you may write to with --out.',
    });
  });
}
