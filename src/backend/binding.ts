import { SightlineError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { isOnDevice, type AnyTensor } from './executor.js';
import type { Dims, Op, Params, Specs } from './op.js';

/** A call of an op after its inputs were checked: sizes bound, parameters complete. */
export interface Bound {
  dims: Dims;
  params: Params;
  /** Shape of each output. */
  shapes: Record<string, number[]>;
}

type Shaped = Pick<Tensor, 'dtype' | 'dims'>;

/**
 * Binds dimension letters to sizes and fills in defaults: the one place where a kernel call is checked.
 * @throws SightlineError E_SHAPE, E_ARGUMENT naming op, parameter, expectation and what came
 */
export function bind(op: Op, inputs: Readonly<Record<string, Shaped>>, given: Partial<Params>): Bound {
  const params: Record<string, number> = { ...op.params };
  for (const [name, value] of Object.entries(given)) {
    if (!(name in params)) fail(op, name, `no such parameter; known: ${Object.keys(params).join(', ') || 'none'}`);
    if (value === undefined) continue;
    if (Number.isNaN(value)) fail(op, name, 'expected a number, received NaN', 'E_ARGUMENT');
    params[name] = value;
  }
  const dims: Record<string, number> = {};
  for (const [name, spec] of Object.entries(op.inputs)) {
    const input = inputs[name];
    if (!input) fail(op, name, 'missing');
    if (input.dtype !== spec.dtype) fail(op, name, `expected ${spec.dtype}, received ${input.dtype}`);
    const shape = `[${spec.dims.join(',')}]`;
    if (input.dims.length !== spec.dims.length) fail(op, name, `expected ${shape}, received [${input.dims.join(',')}]`);
    spec.dims.forEach((letter, axis) => {
      const size = input.dims[axis];
      const expected = typeof letter === 'number' ? letter : (dims[letter] ?? params[letter]);
      if (expected !== undefined && expected !== size) {
        fail(op, name, `expected ${shape} with ${letter} = ${expected}, received [${input.dims.join(',')}]`);
      }
      if (typeof letter === 'string') dims[letter] = size;
    });
  }
  op.check?.(dims, params);
  const shapes = Object.fromEntries(
    Object.entries(op.outputs).map(([name, spec]) => [name, shapeOf(op, name, spec.dims, dims, params)]),
  );
  return { dims, params, shapes };
}

/**
 * Whether outputs can be written to these tensors: the right dtype and shape, and no memory shared with an input (but for
 * an op's `inPlace` pairs, as a whole) or with another output.
 * @throws SightlineError E_SHAPE, E_ARGUMENT
 */
export function checkTargets(
  op: Op,
  inputs: Readonly<Record<string, AnyTensor>>,
  into: Readonly<Record<string, Tensor>>,
  shapes: Readonly<Record<string, number[]>>,
): void {
  const taken = Object.entries(inputs).filter((entry): entry is [string, Tensor] => !isOnDevice(entry[1]));
  for (const [name, target] of Object.entries(into)) {
    if (!(name in op.outputs)) fail(op, name, `no such output; known: ${Object.keys(op.outputs).join(', ')}`);
    const [shape, { dtype }] = [shapes[name].join(','), op.outputs[name]];
    if (target.dtype !== dtype || target.dims.join(',') !== shape) {
      fail(op, name, `expected ${dtype}[${shape}], received ${target.dtype}[${target.dims.join(',')}]`);
    }
    for (const [other, { data }] of taken) {
      const same = data.byteOffset === target.data.byteOffset && data.byteLength === target.data.byteLength;
      if (!overlap(data, target.data) || (same && op.inPlace?.[name] === other)) continue;
      fail(op, name, `would be written over ${other}`, 'E_ARGUMENT');
    }
    taken.push([name, target]);
  }
}

function overlap(a: ArrayBufferView, b: ArrayBufferView): boolean {
  return (
    a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength
  );
}

function shapeOf(op: Op, name: string, spec: Specs[string]['dims'], dims: Dims, params: Params): number[] {
  return spec.map((letter) => {
    const size = typeof letter === 'number' ? letter : (dims[letter] ?? params[letter]);
    if (!Number.isInteger(size) || size < 0)
      fail(op, name, `output size ${letter} = ${size} is no whole number`, 'E_ARGUMENT');
    return size;
  });
}

function fail(op: Op, name: string, what: string, code: 'E_SHAPE' | 'E_ARGUMENT' = 'E_SHAPE'): never {
  throw new SightlineError(code, { where: `${op.name}.${name}`, what });
}
