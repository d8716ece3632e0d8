import { tensor, type DType, type Tensor } from '../core/tensor.js';
import { bind } from './binding.js';
import type { Executor } from './executor.js';
import { isOnDevice } from './executor.js';
import type { Op } from './op.js';

/** Runs each op's own float64 reference: slow, and right by definition. */
export const referenceExecutor: Executor = {
  name: 'reference',
  description: 'float64 TypeScript',
  supports: () => true,
  run(op, inputs, given) {
    const { dims, params, shapes } = bind(op, inputs, given);
    const outputs = emptyOutputs(op, shapes);
    op.reference(arraysOf(inputs), arraysOf(outputs), dims, params);
    return Promise.resolve(outputs);
  },
  close() {},
};

/** Zero tensors for an op's outputs. */
export function emptyOutputs(op: Op, shapes: Record<string, number[]>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(op.outputs).map(([name, { dtype }]) => [name, tensor<DType>(dtype, shapes[name])]));
}

/** The arrays of named host tensors. */
export function arraysOf(tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor['data']> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, t]) => {
      if (isOnDevice(t)) throw new TypeError(`${name} is on a device`);
      return [name, t.data];
    }),
  );
}
