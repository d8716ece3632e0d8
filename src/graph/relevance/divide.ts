import type { Emitter } from '../emitter.js';
import type { RelevancePreset } from './presets.js';

/** Far below any activation, yet a normal float32: tells 0 from negative without a comparison. */
const speck = 1e-30;

/** relevance / z with the preset's stabiliser. @param nonNegative whether z cannot be negative */
export function divide(
  emit: Emitter,
  relevance: string,
  z: string,
  { stabiliser: { kind, epsilon } }: RelevancePreset,
  nonNegative = false,
): string {
  const small = emit.scalar(z, epsilon);
  if (kind === 'sign') {
    const shift = nonNegative ? small : emit.mul(emit.op('Sign', [emit.add(z, emit.scalar(z, speck))]), small);
    return emit.div(relevance, emit.add(z, shift));
  }
  // Where z is exactly zero there is nothing to divide among, so that any denominator does.
  if (nonNegative) return emit.div(relevance, emit.op('Max', [z, small]));
  return emit.div(relevance, emit.add(z, emit.mul(emit.mask('Equal', z, emit.scalar(z, 0)), small)));
}
