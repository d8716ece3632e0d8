import { valuesOf } from './constant.js';
import type { Emitter } from './emitter.js';
import { broadcast, product } from './ops/rules.js';

/** Operator sets from this one on have every op that rules emit. */
export const firstComplete = 9;

/**
 * What computes an op in an operator set that does not have it yet, or not with broadcasting.
 * @returns the value; undefined where the op can be used as it is
 */
export function olderForm(emit: Emitter, op: string, inputs: readonly string[]): string | undefined {
  const { opset } = emit;
  if (op === 'Sign' && opset < 9) {
    const [x] = inputs;
    const zero = emit.scalar(x, 0);
    return emit.sub(emit.mask('Greater', x, zero), emit.mask('Less', x, zero));
  }
  if (op === 'Expand' && opset < 8) {
    const [x, shape] = inputs;
    const target = emit.constantOf(shape);
    if (!target) return undefined;
    const dims = broadcast(emit.dims(x), Array.from(valuesOf(target)));
    return emit.add(x, emit.like(x, dims, new Float32Array(product(dims))));
  }
  const spreads = inputs.some((input) => emit.dims(input).join() !== emit.dims(inputs[0]).join());
  if ((op === 'Max' || op === 'Min') && opset < 8 && spreads) {
    // max(a, b) = a + relu(b − a), min(a, b) = a − relu(a − b).
    return inputs.reduce((a, b) =>
      op === 'Max' ? emit.add(a, emit.op('Relu', [emit.sub(b, a)])) : emit.sub(a, emit.op('Relu', [emit.sub(a, b)])),
    );
  }
  return undefined;
}
