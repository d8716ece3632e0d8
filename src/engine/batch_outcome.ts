import { forCriteria } from '../core/criteria.js';
import type { DecodeResult } from '../data/decode.js';
import type { Sample } from '../data/types.js';
import type { QuarantineRow, ScoreRow, VectorKind } from '../store/score_store.js';
import type { InferenceResult, InferenceSetup } from './inference.js';

/** What became of a batch. */
export interface BatchOutcome {
  scores: ScoreRow[];
  quarantined: QuarantineRow[];
  /** Saliency maps f32[H,W] by the sample's index, when they were asked for. */
  maps: Map<number, Float32Array>;
  ran: InferenceResult['ran'];
}

/** The rows of a batch's samples: scored, or quarantined by the decoders or for what the model made of them. */
export function collectBatch(
  setup: InferenceSetup,
  samples: readonly Sample[],
  decoded: readonly DecodeResult[],
  result: InferenceResult,
): BatchOutcome {
  const { classes, height, width, batch } = setup;
  const kinds = Object.entries(result.vectors) as [VectorKind, Float32Array][];
  const outcome: BatchOutcome = { scores: [], quarantined: [], maps: new Map(), ran: result.ran };
  samples.forEach(({ index }, i) => {
    const d = decoded[i];
    if (!d.ok) {
      outcome.quarantined.push({ index, stage: d.stage, error: d.error });
      return;
    }
    const logits = rowOf(result.logits, i, classes);
    if (logits.some((v) => !Number.isFinite(v))) {
      outcome.quarantined.push({
        index,
        stage: 'model',
        error: {
          code: 'E_IMAGE_VALUES',
          what: 'the model gave NaN or infinite logits for this image',
          remedy: 'Check --mean, --std and the file.',
        },
      });
      return;
    }
    const attention = result.attention[i];
    const predicted = setup.roi === 'predicted' ? ('predicted' as const) : d.roi;
    outcome.scores.push({
      index,
      predicted: result.predicted[i],
      confidence: result.confidence[i],
      logits,
      criteria: forCriteria((name) => result.criteria[name][i]),
      features: rowOf(result.features, i, result.features.length / batch),
      flat: result.flat[i] !== 0,
      roi: result.hasRegion[i] ? predicted : 'none',
      ...(attention && { attention }),
      vectors: Object.fromEntries(kinds.map(([kind, all]) => [kind, rowOf(all, i, all.length / batch)])),
    });
    if (result.maps) outcome.maps.set(index, rowOf(result.maps, i, height * width));
  });
  return outcome;
}

function rowOf<A extends Float32Array | Float64Array>(table: A, row: number, width: number): A {
  return table.slice(row * width, (row + 1) * width) as A;
}
