import { SightlineError } from '../core/errors.js';
import { tensor, type DType, type Tensor } from '../core/tensor.js';
import { bind } from './binding.js';
import { isOnDevice, type AnyTensor, type Executor } from './executor.js';
import type { Op } from './op.js';

/** Runs each op's own float64 reference: slow, and right by definition. */
export const referenceExecutor: Executor = {
  name: 'reference',
  description: 'float64 TypeScript',
  supports: () => true,
  run(op, inputs, given, _keep, into = {}) {
    const { dims, params, shapes } = bind(op, inputs, given);
    const outputs = { ...emptyOutputs(op, shapes), ...into };
    op.reference(arraysOf(op, inputs), arraysOf(op, outputs), dims, params);
    return Promise.resolve(outputs);
  },
  close() {},
};

/** Zero tensors for an op's outputs. */
export function emptyOutputs(op: Op, shapes: Record<string, number[]>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(op.outputs).map(([name, { dtype }]) => [name, tensor<DType>(dtype, shapes[name])]),
  );
}

/** The arrays of named tensors. @throws SightlineError E_BACKEND when one lies on a GPU */
export function arraysOf(op: Op, tensors: Readonly<Record<string, AnyTensor>>): Record<string, Tensor['data']> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, t]) => {
      if (isOnDevice(t)) {
        throw new SightlineError('E_BACKEND', {
          where: `${op.name}.${name}`,
          what: 'the tensor is on the GPU',
          remedy: 'Run this kernel on the webgpu backend as well.',
        });
      }
      return [name, t.data];
    }),
  );
}
