import { openCpuBackend } from '../backend/index.js';
import { criteria, criterionSources, type Criteria } from '../core/criteria.js';
import { SightlineError } from '../core/errors.js';
import { ProgressMeter } from '../core/progress.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { openPool } from '../data/pool.js';
import { probabilities, type Activation } from '../features/uncertainty.js';
import { ScoreStore, type RankedSample } from '../store/score_store.js';
import {
  defaultContext,
  findStrategy,
  rankPool,
  requireOnePass,
  requireReversible,
  type RankingOptions,
  type ScoredPool,
  type Strategy,
  type StrategyContext,
} from '../strategies/index.js';
import { fingerprint } from './fingerprint.js';
import { openModel, type OpenModel } from './model.js';
import type { ScoreOptions } from './options.js';
import { Pipeline } from './pipeline.js';
import { classesOf, covers, radiomicsNames, type RadiomicsClasses, type MapRadiomicsSetup } from './map_radiomics.js';

/** Batches per transaction: what a crash can cost. */
const chunkBatches = 16;

/** What a scoring pass leaves behind, beside the files. */
export interface ScoreSummary {
  out: string;
  strategy: string;
  /** Radiomics features that the strategy ranks by. */
  rankedBy: readonly string[];
  samples: number;
  scored: number;
  quarantined: number;
  /** Samples scored by this call; the rest was there already. */
  scoredNow: number;
  withRoi: number;
  flatMaps: number;
  seconds: number;
  imagesPerSecond: number;
  /** Execution provider and kernel backend that ran; null when nothing was left to score. */
  ran: { provider: string; backend: string } | null;
  selection: RankedSample[];
  problems: { id: string; stage: string; code: string; message: string }[];
  files: { scoresCsv: string; scoresParquet: string; selectionCsv: string; quarantineCsv: string; store: string };
}

/**
 * Scores a pool and ranks it: what to label next. Resumable at any instant; equal inputs and
 * seed give the same ranking on any number of workers.
 * Writes store.duckdb, scores.parquet, scores.csv (the whole pool), selection.csv (its top) and quarantine.csv into `out`.
 * @throws SightlineError for anything that stops the whole pass; a bad image is quarantined instead
 */
export async function score(options: ScoreOptions): Promise<ScoreSummary> {
  const strategy = findStrategy(options.strategy ?? 'xal');
  const top = options.top ?? 50;
  requireOnePass(strategy);
  const started = performance.now();
  const store = await ScoreStore.open(options.out, storeMemory(options.limitMemory));
  try {
    const context: StrategyContext = { ...defaultContext, ...definedOf(options) };
    if (options.reverse) requireReversible(strategy, context);
    const model = await openModel({ ...options, ...(await wantedOf(strategy, context, options, store)) });
    context.maximumEntropy = model.maximumEntropy;
    requireCriteria(strategy, model);
    await beginRun(store, options, model);
    const scoring = await scoreChunks(store, model, options);
    const counts = await store.counts();
    if (counts.scored === 0) throw await nothingScored(store, options.out);
    noteMissingRoi(strategy, counts, options);

    const backend = openCpuBackend({ onNotice: options.onNotice });
    await rank(store, model, strategy, context, { backend, count: top, reverse: options.reverse });
    await store.setMeta('ranking', { strategy: strategy.name, top, reverse: options.reverse ?? false, ...context });
    const files = await store.export(options.out, top);
    const seconds = (performance.now() - started) / 1000;
    return {
      out: options.out,
      strategy: strategy.name,
      rankedBy: strategy.features?.(context) ?? [],
      samples: await store.sampleCount(),
      scored: counts.scored,
      quarantined: counts.quarantined,
      scoredNow: scoring.count,
      withRoi: counts.withRoi,
      flatMaps: counts.flat,
      seconds,
      imagesPerSecond: scoring.seconds > 0 ? scoring.count / scoring.seconds : 0,
      ran: scoring.ran,
      selection: await store.top(top),
      problems: await store.quarantined(20),
      files: { ...files, store: store.file },
    };
  } finally {
    store.close();
  }
}

/**
 * What has to be computed beyond logits and saliency: what the strategy needs, and what the options ask for. A resumed run
 * goes on with what it computed before, where that is enough: so that any strategy can rank it again.
 */
async function wantedOf(
  strategy: Strategy,
  context: StrategyContext,
  options: ScoreOptions,
  store: ScoreStore,
): Promise<{ dropout: boolean; radiomicsClasses: RadiomicsClasses }> {
  const dropout = strategy.needs.some((need) => criterionSources[need] === 'dropout');
  const wanted = classesOf(strategy.features?.(context) ?? [], options.radiomics ?? [], context.radiomicsOf);
  const earlier = options.resume && !options.overwrite ? await store.meta<Earlier>('run') : undefined;
  const before = earlier?.radiomics?.classes;
  return {
    dropout: dropout || Boolean(earlier?.dropout),
    radiomicsClasses: before && covers(before, wanted) ? before : wanted,
  };
}

type Earlier = Partial<Record<'dropout', unknown> & { radiomics: MapRadiomicsSetup | null }>;

/** A new run, a resumed one, or a refusal that says which flag is missing. */
async function beginRun(store: ScoreStore, options: ScoreOptions, model: OpenModel): Promise<void> {
  const earlier = await store.meta<Record<string, unknown>>('fingerprint');
  if (earlier && !options.resume && !options.overwrite) {
    throw new SightlineError('E_OUTPUT', {
      where: options.out,
      what: 'the output folder already holds a run',
      remedy: 'Add --resume to continue or re-rank it, --overwrite to discard it, or choose another --out.',
    });
  }
  const samples = await openPool(options.pool, { axis: options.axis, onNotice: options.onNotice });
  const print = fingerprint(model, samples);
  if (earlier && options.resume && !options.overwrite) {
    const changed = Object.keys(print).filter((key) => earlier[key] !== print[key as keyof typeof print]);
    if (changed.length) {
      throw new SightlineError('E_RESUME_MISMATCH', {
        where: options.out,
        what: `the run there was made with another ${changed.join(', ')}`,
        remedy: 'Give the same settings, or --overwrite to start again, or another --out.',
      });
    }
    return;
  }
  const features = model.setup.radiomics ? radiomicsNames(model.setup.radiomics) : [];
  await store.begin(samples, { labels: model.labels, run: model.metadata, fingerprint: print }, features);
}

async function scoreChunks(store: ScoreStore, model: OpenModel, options: ScoreOptions) {
  const total = await store.sampleCount();
  const finished = await store.finishedChunks();
  const chunkSize = chunkBatches * model.setup.batch;
  const chunks = Array.from({ length: Math.ceil(total / chunkSize) }, (_, chunk) => chunk).filter(
    (chunk) => !finished.has(chunk),
  );
  const lengthOf = (chunk: number) => Math.min(chunkSize, total - chunk * chunkSize);
  const left = chunks.reduce((sum, chunk) => sum + lengthOf(chunk), 0);
  const meter = new ProgressMeter('scoring', total, options.onProgress, total - left);
  if (!left) return { count: 0, seconds: 0, ran: null };

  const started = performance.now();
  const pipeline = new Pipeline(model.setup, model.preprocessing, model.width);
  let ran: ScoreSummary['ran'] = null;
  try {
    // Chunks overlap so that the model never waits for a transaction; commits follow one another.
    let commits: Promise<void> = Promise.resolve();
    const running = new Set<Promise<void>>();
    let failure: unknown;
    for (const chunk of chunks) {
      const samples = await store.samples(chunk * chunkSize, chunk * chunkSize + lengthOf(chunk));
      const outcomes: ReturnType<Pipeline['run']>[] = [];
      for (let at = 0; at < samples.length && !failure; at += model.setup.batch) {
        const slot = await pipeline.ready();
        const batch = samples.slice(at, at + model.setup.batch);
        const outcome = pipeline.run(slot, { samples: batch, classIndex: batch.map(model.classFor) });
        outcome.then(
          (o) => {
            ran = o.ran;
            meter.add(batch.length);
          },
          (error) => (failure ??= error),
        );
        outcomes.push(outcome);
      }
      if (failure) break;
      const done = Promise.all(outcomes).then((all) => {
        const rows = all.flatMap((o) => o.scores);
        const bad = all.flatMap((o) => o.quarantined);
        return (commits = commits.then(() => store.commitChunk(chunk, rows, bad)));
      });
      const tracked = done.catch((error) => void (failure ??= error)).finally(() => running.delete(tracked));
      running.add(tracked);
      if (running.size > 1) await Promise.race(running);
      if (failure) break;
    }
    await Promise.all(running);
    if (failure) throw failure;
  } finally {
    await pipeline.close();
  }
  return { count: left, seconds: (performance.now() - started) / 1000, ran };
}

async function rank(
  store: ScoreStore,
  model: OpenModel,
  strategy: Strategy,
  context: StrategyContext,
  options: RankingOptions,
): Promise<void> {
  const names = strategy.features?.(context) ?? [];
  const { indices, ids, values } = await store.scoredColumns([...criteria, ...names]);
  const features = new Map(names.map((name) => [name, values[name]]));
  const { predicted, logits } = await store.predictions();
  const { activation } = model.setup;
  const pool: ScoredPool = {
    ids,
    columns: values as Criteria<Float64Array>,
    features,
    predicted,
    probabilities: probabilityRows(logits, activation),
    activation,
  };
  const { order, scores } = await rankPool(strategy, pool, context, options);
  await store.writeRanking(order, indices, scores);
}

function probabilityRows({ dims, data }: Tensor<'f32'>, activation: Activation): Tensor<'f64'> {
  const [rows, classes] = dims;
  const out = tensor('f64', dims);
  for (let i = 0; i < rows; i++) {
    out.data.set(probabilities(data.subarray(i * classes, (i + 1) * classes), activation), i * classes);
  }
  return out;
}

function requireCriteria(strategy: Strategy, model: OpenModel): void {
  const fromSaliency = strategy.needs.some((need) => criterionSources[need] === 'saliency');
  if ((fromSaliency || model.setup.radiomics?.classes.saliency.length) && model.noSaliency) throw model.noSaliency;
}

function noteMissingRoi(strategy: Strategy, counts: { scored: number; withRoi: number }, options: ScoreOptions): void {
  if (!strategy.uses?.includes('dice') || counts.withRoi === counts.scored) return;
  options.onNotice?.(
    counts.withRoi === 0
      ? 'No sample has a region of interest (mask or boxes): ranked by uncertainty alone.'
      : `${counts.scored - counts.withRoi} of ${counts.scored} samples have no region of interest: those are scored by uncertainty alone.`,
  );
}

async function nothingScored(store: ScoreStore, out: string): Promise<SightlineError> {
  await store.export(out, 0);
  const [first] = await store.quarantined(1);
  return new SightlineError('E_POOL_EMPTY', {
    what: `not one image of the pool could be scored${first ? `; the first problem was: ${first.id}: ${first.message.replace(/\.$/, '')}` : ''}`,
    remedy: 'quarantine.csv in the output folder lists the reason for each.',
  });
}

function definedOf(options: ScoreOptions): Partial<StrategyContext> {
  const { seed, alpha, combine, uncertainty, radiomicsOf, borda } = options;
  const given = { seed, alpha, combine, uncertainty, radiomicsOf, borda };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function storeMemory(limitMb: number | undefined): number {
  return limitMb ? Math.max(64, Math.min(256, Math.floor(limitMb / 6))) : 256;
}
