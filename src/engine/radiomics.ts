import { access, constants, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { BackendInfo } from '../backend/index.js';
import { SightlineError, type ErrorData } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import { ProgressMeter, type ProgressListener } from '../core/progress.js';
import { version } from '../core/version.js';
import { coreCount, WorkerPool } from '../core/worker_pool.js';
import { openPool } from '../data/pool.js';
import type { Sample } from '../data/types.js';
import { planRadiomics, type RadiomicsPlan } from '../features/radiomics/extract.js';
import { selectFeatures } from '../features/radiomics/features.js';
import { readParamsFile } from '../features/radiomics/params_file.js';
import type { PartialSettings, RadiomicsSettings } from '../features/radiomics/settings.js';
import { tableExtensions, writeTable, type Table } from '../store/table.js';
import { findRegions, type RadiomicsCase } from './radiomics_cases.js';
import type { CaseOutcome, RadiomicsResult, RadiomicsSetup, RadiomicsTask } from './radiomics_worker.js';

export interface RadiomicsOptions {
  /** Folder, glob, manifest or one image. */
  images: string;
  /** A mask file for all, a folder of masks, "none" or "full" for the whole image; default: the manifest's. */
  mask?: string;
  /** A pyradiomics parameter file, YAML or JSON. */
  params?: string;
  /** firstorder, glcm, shape2D: over the parameter file's featureClass. Default: firstorder and glcm. */
  classes?: readonly string[];
  /** Single features, over the parameter file's. */
  features?: readonly string[];
  /** Over the parameter file's `setting`. */
  settings?: PartialSettings;
  /** One row per slice of a NIfTI volume, instead of one for the volume. */
  slices?: boolean;
  /** With slices: the axis along which volumes are cut. Default 2. */
  axis?: 0 | 1 | 2;
  /** Default auto: C++ where the addon loads, else the reference. */
  backend?: RadiomicsSetup['backend'];
  /** Threads that decode and compute. Default: the number of cores; one on a GPU. */
  workers?: number;
  /** .parquet or .csv; settings go to `<out>.json`, cases without a row to `<out>.quarantine.csv`. */
  out?: string;
  onProgress?: ProgressListener;
  onNotice?: (message: string) => void;
}

/** A case without a row, and why. */
export interface QuarantinedCase {
  id: string;
  path: string;
  stage: string;
  error: ErrorData;
}

export interface RadiomicsSummary {
  /** Cases in the pool. */
  cases: number;
  /** Columns id, path, slice?, mask, mask_label, label?, then one per feature; rows in the pool's order. */
  table: Table;
  names: readonly string[];
  settings: RadiomicsSettings;
  quarantined: QuarantinedCase[];
  /** Cases whose file states no voxel spacing: 1 was taken. */
  unknownSpacing: number;
  seconds: number;
  casesPerSecond: number;
  backend: BackendInfo | undefined;
  files?: { table: string; settings: string; quarantine?: string };
}

/**
 * Radiomic features of a pool of images, one row per image (or volume, or slice): decoded and computed on all cores.
 * A file that cannot be used is quarantined and the rest goes on; rows do not depend on the number of workers.
 * @throws SightlineError for anything that stops the whole pass: no pool, no masks, settings that do not fit, no case
 *   that could be used (E_ROI), an output that cannot be written
 */
export async function radiomics(options: RadiomicsOptions): Promise<RadiomicsSummary> {
  const notice = options.onNotice ?? (() => {});
  if (options.out !== undefined) await checkOutput(options.out);
  const plan = planOf(options, notice);
  const { axis = 2, slices = false } = options;
  const samples = await openPool(options.images, { axis, wholeVolumes: !slices, onNotice: notice });
  const { cases, problems } = await findRegions(samples, options.mask, notice);
  const start = performance.now();
  const { outcomes, values, ran } = await run(cases, plan, options, axis);
  const seconds = (performance.now() - start) / 1000;

  const failed = cases.flatMap((sample, i): (QuarantinedCase & { index: number })[] => {
    const outcome = outcomes[i];
    return outcome.ok ? [] : [quarantined(sample, outcome.stage, outcome.error)];
  });
  const all = [...problems.map(({ sample, error }) => quarantined(sample, 'roi', error)), ...failed];
  const summary: RadiomicsSummary = {
    cases: cases.length + problems.length,
    table: tableOf(cases, outcomes, values, plan.names),
    names: plan.names,
    settings: plan.settings,
    quarantined: all.sort((a, b) => a.index - b.index).map(({ index: _, ...rest }) => rest),
    unknownSpacing: outcomes.filter((o) => o.ok && o.notes.unknownSpacing).length,
    seconds,
    casesPerSecond: cases.length / seconds,
    backend: ran,
  };
  tellOnce(summary, outcomes, plan, notice);
  if (summary.table.rows === 0) throw nothingLeft(summary);
  if (options.out !== undefined) summary.files = await write(options.out, summary, plan, slices);
  return summary;
}

function planOf(options: RadiomicsOptions, notice: (message: string) => void): RadiomicsPlan {
  const { params, classes, features } = options;
  const named = classes !== undefined || features !== undefined;
  const file = params === undefined ? undefined : readParamsFile(params, { featureClasses: !named });
  file?.notices.forEach(notice);
  return planRadiomics({
    selection: named || !file?.selection ? selectFeatures({ classes, features }) : file.selection,
    settings: { ...file?.settings, ...options.settings },
  });
}

/** Pictures a task: enough that messages between threads cost nothing, few enough that progress moves. */
const casesPerTask = 16;
const slicesPerTask = 512;

/** Runs of neighbours; the slices of one file stay together, so that one worker reads it once. */
function tasksOf(cases: readonly RadiomicsCase[]): { first: number; cases: RadiomicsCase[] }[] {
  const tasks: { first: number; cases: RadiomicsCase[] }[] = [];
  for (const [i, sample] of cases.entries()) {
    const last = tasks.at(-1);
    const sameFile = sample.slice !== undefined && last?.cases.at(-1)?.path === sample.path;
    if (last && last.cases.length < (sameFile ? slicesPerTask : casesPerTask)) last.cases.push(sample);
    else tasks.push({ first: i, cases: [sample] });
  }
  return tasks;
}

async function run(
  cases: RadiomicsCase[],
  plan: RadiomicsPlan,
  { backend = 'auto', workers, onProgress }: RadiomicsOptions,
  axis: 0 | 1 | 2,
): Promise<{ outcomes: CaseOutcome[]; values: Float64Array; ran?: BackendInfo }> {
  const width = plan.names.length;
  const outcomes = new Array<CaseOutcome>(cases.length);
  const values = new Float64Array(cases.length * width);
  const meter = new ProgressMeter('radiomics', cases.length, onProgress);
  const tasks = tasksOf(cases);
  const threads = Math.min(workers ?? (backend === 'webgpu' ? 1 : coreCount()), tasks.length);
  const setup: RadiomicsSetup = { plan, axis, backend };
  const pool = new WorkerPool<RadiomicsTask, RadiomicsResult>('engine/radiomics_worker', { threads, data: setup });
  let ran: BackendInfo | undefined;
  try {
    let next = 0;
    const lane = async () => {
      while (next < tasks.length) {
        const { first, cases: part } = tasks[next++];
        const result = await pool.run({ cases: part });
        result.outcomes.forEach((outcome, i) => (outcomes[first + i] = outcome));
        values.set(result.values, first * width);
        ran ??= result.ran;
        meter.add(part.length);
      }
    };
    // Two tasks a thread: one at work, one at hand.
    await Promise.all(Array.from({ length: 2 * threads }, lane));
  } finally {
    await pool.close();
  }
  return { outcomes, values, ran };
}

function quarantined(sample: Sample, stage: string, error: ErrorData): QuarantinedCase & { index: number } {
  return { index: sample.index, id: sample.id, path: sample.path, stage, error };
}

function tableOf(
  cases: readonly RadiomicsCase[],
  outcomes: readonly CaseOutcome[],
  values: Float64Array,
  names: readonly string[],
): Table {
  const good = cases.flatMap((sample, row) => {
    const outcome = outcomes[row];
    return outcome.ok ? [{ sample, row, outcome }] : [];
  });
  const text = (of: (one: (typeof good)[number]) => string | number | undefined) =>
    good.map((one) => {
      const value = of(one);
      return value === undefined ? null : String(value);
    });
  const columns = new Map<string, Float64Array | (string | null)[]>([
    ['id', text(({ sample }) => sample.id)],
    ['path', text(({ sample }) => sample.path)],
  ]);
  if (cases.some(({ slice }) => slice !== undefined))
    columns.set(
      'slice',
      Float64Array.from(good, ({ sample }) => sample.slice ?? NaN),
    );
  columns.set(
    'mask',
    text(({ sample }) => (sample.whole ? 'full' : (sample.mask ?? 'boxes'))),
  );
  columns.set(
    'mask_label',
    text(({ outcome }) => outcome.label),
  );
  if (cases.some(({ label }) => label !== undefined))
    columns.set(
      'label',
      text(({ sample }) => sample.label),
    );
  names.forEach((name, i) =>
    columns.set(
      name,
      Float64Array.from(good, ({ row }) => values[row * names.length + i]),
    ),
  );
  return { rows: good.length, columns };
}

function tellOnce(
  { unknownSpacing, names }: RadiomicsSummary,
  outcomes: readonly CaseOutcome[],
  { settings }: RadiomicsPlan,
  notice: (message: string) => void,
): void {
  const count = (test: (o: CaseOutcome & { ok: true }) => boolean) => outcomes.filter((o) => o.ok && test(o)).length;
  const colour = count(({ notes }) => notes.luminance);
  if (colour) notice(`${colour} colour images were turned into luminance.`);
  if (unknownSpacing) notice(`${unknownSpacing} files state no pixel spacing: 1 was taken.`);
  const guessed = settings.label === 'auto' ? count(({ label }) => typeof label === 'number' && label !== 1) : 0;
  if (guessed) notice(`${guessed} masks have no value 1: their one value beside 0 was taken.`);
  const thick = names.some((name) => name.includes('_shape2D_')) ? count(({ notes }) => notes.thick) : 0;
  if (thick) notice(`shape2D is empty for ${thick} volumes: it needs a region of one slice (--slices).`);
}

function nothingLeft({ quarantined: [first], cases }: RadiomicsSummary): SightlineError {
  const { what, where, remedy, code } = first.error;
  return new SightlineError(code, {
    where: where ?? first.path,
    what: cases === 1 ? what : `none of ${cases} images could be used; the first: ${what}`,
    remedy,
  });
}

/** Before the work, what would make it vain. */
async function checkOutput(out: string): Promise<void> {
  if (!tableExtensions.some((extension) => out.toLowerCase().endsWith(extension))) {
    throw new SightlineError('E_TABLE', {
      where: out,
      what: 'not a table that is written',
      remedy: `Use ${tableExtensions.join(' or ')}.`,
    });
  }
  await access(dirname(resolve(out)), constants.W_OK).catch((cause) => {
    throw new SightlineError('E_OUTPUT', {
      where: out,
      what: 'its folder cannot be written',
      remedy: 'Choose a folder that exists and that you may write to.',
      cause,
    });
  });
}

async function write(
  out: string,
  summary: RadiomicsSummary,
  { selection, settings }: RadiomicsPlan,
  slices: boolean,
): Promise<RadiomicsSummary['files']> {
  const files = { table: out, settings: `${out}.json`, quarantine: `${out}.quarantine.csv` };
  const { quarantined: bad, table, backend, unknownSpacing } = summary;
  if (bad.length) {
    const column = (of: (one: QuarantinedCase) => string) => bad.map(of);
    await writeTable(files.quarantine, {
      rows: bad.length,
      columns: new Map([
        ['id', column(({ id }) => id)],
        ['path', column(({ path }) => path)],
        ['stage', column(({ stage }) => stage)],
        ['code', column(({ error }) => error.code)],
        ['message', column(({ error }) => SightlineError.fromData(error).message)],
      ]),
    });
  } else await rm(files.quarantine, { force: true }); // an earlier run's
  // Nothing here names a file or a person: the record can be published beside the numbers.
  const record = {
    sightline: version,
    settings,
    featureClass: Object.fromEntries(selection),
    slices,
    rows: table.rows,
    quarantined: bad.length,
    unknownSpacing,
    backend: backend?.name,
  };
  await writeFileAtomic(files.settings, `${JSON.stringify(record, null, 2)}\n`);
  await writeTable(out, table);
  return bad.length ? files : { table: files.table, settings: files.settings };
}
