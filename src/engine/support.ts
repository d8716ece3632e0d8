import { SightlineError } from '../core/errors.js';
import { explanations, type Explanation, type ExplanationSettings } from '../explain/index.js';
import type { Classifier } from '../graph/classifier.js';
import { buildGraph, type CompileOptions } from '../graph/compile.js';

/** Whether a model can be explained in one way, and if not, what stops it. */
export interface ExplanationSupport {
  explanation: Explanation;
  obstacle: SightlineError | null;
}

/** Tries every explanation on a model by building the graph, one image at a time. */
export function explanationSupport(
  classifier: Classifier,
  settings: ExplanationSettings,
  size: CompileOptions['size'],
): ExplanationSupport[] {
  // Explanations that need the same passes share the answer.
  const known = new Map<string, SightlineError | null>();
  return [...explanations.values()].map((explanation) => {
    const key = explanation
      .passes(settings)
      .map((pass) => pass.name)
      .join();
    if (!known.has(key)) known.set(key, obstacleOf(classifier, explanation, settings, size));
    return { explanation, obstacle: known.get(key) ?? null };
  });
}

function obstacleOf(
  classifier: Classifier,
  explanation: Explanation,
  settings: ExplanationSettings,
  size: CompileOptions['size'],
): SightlineError | null {
  try {
    buildGraph(classifier, { batch: 1, size, passes: explanation.passes(settings) });
    return null;
  } catch (error) {
    if (error instanceof SightlineError && ['E_MODEL_UNSUPPORTED', 'E_OP_UNSUPPORTED'].includes(error.code)) {
      return error;
    }
    throw error;
  }
}

/** The obstacle with the methods that would work in place of its remedy. */
export function withAlternatives(
  obstacle: SightlineError,
  classifier: Classifier,
  settings: ExplanationSettings,
  size: CompileOptions['size'],
): SightlineError {
  const working = explanationSupport(classifier, settings, size).flatMap((support) =>
    support.obstacle ? [] : [support.explanation.name],
  );
  const { where, what, remedy } = obstacle.toData();
  const instead = working.length
    ? `With this model these explanations work: ${working.join(', ')} (--explain).`
    : 'No explanation works with this model; strategies without saliency maps do.';
  return new SightlineError(obstacle.code, {
    where,
    what,
    remedy: [remedy, instead].filter(Boolean).join(' '),
    cause: obstacle,
  });
}
