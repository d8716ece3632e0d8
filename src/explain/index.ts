import { SightlineError } from '../core/errors.js';
import type { Explanation } from './explanation.js';
import { gradCam } from './gradcam.js';

export type { Explanation, SaliencyMaps, SaliencySize } from './explanation.js';

/** Every explanation by name. */
export const explanations: ReadonlyMap<string, Explanation> = new Map([gradCam].map((e) => [e.name, e]));

export const defaultExplanation = gradCam.name;

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
