import { openCpuBackend } from '../backend/index.js';
import { openPool } from '../data/pool.js';
import { ScoreStore, type RankedSample } from '../store/score_store.js';
import {
  findStrategy,
  rankPool,
  requireOnePass,
  requireReversible,
  strategyContext,
  vectorsOf,
} from '../strategies/index.js';
import { missingRegions } from './missing_regions.js';
import type { ScoreOptions } from './options.js';
import { readPass, runScorePass, storeMemory } from './score_pass.js';

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
  const context = strategyContext(options);
  requireOnePass(strategy);
  if (options.reverse) requireReversible(strategy, context);
  const started = performance.now();
  const backend = openCpuBackend({ onNotice: options.onNotice });
  const store = await ScoreStore.open(options.out, storeMemory(options.limitMemory));
  try {
    const wanted = {
      ...options,
      criteria: strategy.needs,
      features: strategy.features?.(context),
      vectors: { embeddings: vectorsOf(strategy, context).has('embeddings') },
    };
    const open = () => openPool(options.pool, { axis: options.axis, onNotice: options.onNotice });
    const { model, scoring } = await runScorePass(store, wanted, open);
    context.maximumEntropy = model.maximumEntropy;
    const counts = await store.counts();
    const missing = options.roi === 'none' ? null : missingRegions(strategy, counts);
    if (missing) options.onNotice?.(missing);

    const pass = await readPass(store, scoring);
    const { order, scores } = await rankPool(strategy, pass, context, {
      backend,
      count: top,
      reverse: options.reverse,
    });
    await store.writeRanking(order, pass.positions, scores);
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
    backend.close();
  }
}
