import { ProgressMeter, type ProgressListener } from '../core/progress.js';
import type { ScoreStore } from '../store/score_store.js';
import type { DecodedSet } from '../training/feed/decoded_set.js';
import type { OpenModel } from './model.js';
import { Pipeline } from './pipeline.js';

/** Batches per transaction: what a crash can cost. */
const chunkBatches = 16;

/** What the scoring of a store's open chunks has done. */
export interface ChunkScoring {
  /** Samples gone through: scored or quarantined. */
  count: number;
  seconds: number;
  /** Execution provider and kernel backend that ran; null when nothing was left to score. */
  ran: { provider: string; backend: string } | null;
}

/** Scores the samples of a store that no finished chunk holds, a transaction per chunk. */
export async function scoreChunks(
  store: ScoreStore,
  model: OpenModel,
  { onProgress, decoded }: { onProgress?: ProgressListener; decoded?: DecodedSet },
): Promise<ChunkScoring> {
  const total = await store.sampleCount();
  const finished = await store.finishedChunks();
  const chunkSize = chunkBatches * model.setup.batch;
  const chunks = Array.from({ length: Math.ceil(total / chunkSize) }, (_, chunk) => chunk).filter(
    (chunk) => !finished.has(chunk),
  );
  const lengthOf = (chunk: number) => Math.min(chunkSize, total - chunk * chunkSize);
  const left = chunks.reduce((sum, chunk) => sum + lengthOf(chunk), 0);
  const meter = new ProgressMeter('scoring', total, onProgress, total - left);
  if (!left) return { count: 0, seconds: 0, ran: null };

  const started = performance.now();
  const pipeline = new Pipeline(model.setup, model.preprocessing, model.width, decoded);
  let ran: ChunkScoring['ran'] = null;
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
        const scored = pipeline.run(slot, { samples: batch, classIndex: batch.map(model.classFor) });
        // A listener that throws stops the pass as any failure does, and its chunk is not committed.
        const outcome = scored.then((o) => {
          ran = o.ran;
          meter.add(batch.length);
          return o;
        });
        outcome.catch((error) => void (failure ??= error));
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
