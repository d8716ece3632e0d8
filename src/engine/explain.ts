import { SightlineError } from '../core/errors.js';
import type { Sample } from '../data/types.js';
import type { QuarantineRow, ScoreRow } from '../store/score_store.js';
import type { OpenModel } from './model.js';
import { Pipeline } from './pipeline.js';

/** A sample's saliency map with its scores, or why it could not be explained. */
export type Explained =
  | { sample: Sample; row: ScoreRow; /** f32[H,W] in [0, 1], at the model's input size */ map: Float32Array }
  | { sample: Sample; problem: QuarantineRow };

/**
 * Saliency maps of `samples`, in order, a batch at a time.
 * @throws SightlineError E_MODEL_UNSUPPORTED when the model has no spatial layer
 */
export async function* explainSamples(model: OpenModel, samples: readonly Sample[]): AsyncGenerator<Explained> {
  if (model.noSaliency) throw model.noSaliency;
  const { batch } = model.setup;
  // Few images: one session is enough, and opening more would take longer than running them.
  const pipeline = new Pipeline(model.setup, model.preprocessing, { ...model.width, sessions: 1, slots: 2 });
  try {
    const start = async (at: number) => {
      const part = samples.slice(at, at + batch);
      return pipeline.run(await pipeline.ready(), { samples: part, classIndex: part.map(model.classFor) }, true);
    };
    let next = start(0);
    for (let at = 0; at < samples.length; at += batch) {
      const outcome = await next;
      if (at + batch < samples.length) next = start(at + batch);
      next.catch(() => {}); // awaited in the next turn; until then a failure must not count as unhandled
      for (const sample of samples.slice(at, at + batch)) {
        const row = outcome.scores.find((s) => s.index === sample.index);
        const map = outcome.maps.get(sample.index);
        const problem = outcome.quarantined.find((q) => q.index === sample.index);
        if (row && map) yield { sample, row, map };
        else if (problem) yield { sample, problem };
        else
          throw new SightlineError('E_INTERNAL', {
            where: sample.id,
            what: 'the sample was neither scored nor quarantined',
          });
      }
    }
  } finally {
    await pipeline.close();
  }
}
