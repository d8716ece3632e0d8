import { SightlineError } from '../core/errors.js';
import type { Explanation } from './explanation.js';
import { gradCam } from './gradcam.js';
import { gradCamPlusPlus } from './gradcam_plus_plus.js';
import { gradient } from './gradient.js';
import { gradientXInput } from './gradient_x_input.js';
import { guidedBackprop } from './guided_backprop.js';
import { guidedGradCam } from './guided_gradcam.js';
import { hiresCam } from './hires_cam.js';
import { integratedGradients } from './integrated_gradients.js';
import { relevanceExplanations } from './relevance.js';
import { smoothGrad } from './smoothgrad.js';

export type { ExplainedBatch, Explanation, ExplanationSettings, SaliencyMaps, SaliencySize } from './explanation.js';

/** Every explanation by name. */
export const explanations: ReadonlyMap<string, Explanation> = new Map(
  [
    gradCam,
    gradCamPlusPlus,
    hiresCam,
    gradient,
    gradientXInput,
    smoothGrad,
    integratedGradients,
    guidedBackprop,
    guidedGradCam,
    ...relevanceExplanations,
  ].map((e) => [e.name, e]),
);

export const defaultExplanation = gradCam.name;

/** In place of a name: probabilities alone, without maps and what they cost. */
export const noExplanation = 'none';

/** @throws SightlineError E_ARGUMENT naming the known explanations. */
export function findExplanation(name: string): Explanation {
  const explanation = explanations.get(name);
  if (!explanation) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'explain',
      what: `unknown explanation "${name}"`,
      remedy: `Choose one of: ${[...explanations.keys()].join(', ')}.`,
    });
  }
  return explanation;
}
