import { SightlineError } from '../core/errors.js';
import { sizeOf, type Tensor } from '../core/tensor.js';
import { isOnDevice, type AnyTensor } from './executor.js';
import type { Dims, Op, Params, WgslPlan } from './op.js';

/** The limits that a pass has to keep; named as in WebGPU. */
export type PassLimits = Pick<
  GPUSupportedLimits,
  'maxStorageBufferBindingSize' | 'maxBufferSize' | 'maxComputeWorkgroupsPerDimension'
>;

/**
 * How many rows of the plan's leading dimension one pass may take, so that every binding and the dispatch keep the
 * device's limits; at least 1.
 * @throws SightlineError E_BACKEND when one row alone, or a tensor that is not split, is too large
 */
export function rowsPerPass(
  op: Op,
  plan: WgslPlan,
  shapes: Readonly<Record<string, readonly number[]>>,
  dims: Dims,
  params: Params,
  limits: PassLimits,
): number {
  const total = Math.max(1, dims[plan.splitBy]);
  const largest = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  const specs = { ...op.inputs, ...op.outputs };
  const tooLarge = (name: string, bytes: number) =>
    new SightlineError('E_BACKEND', {
      where: `webgpu kernel ${op.name}`,
      what: `${name} needs ${bytes} bytes in one piece and the device binds ${largest}`,
      remedy: 'Use --backend native.',
    });

  let rows = total;
  for (const [name, shape] of Object.entries(shapes)) {
    const { dtype, dims: letters } = specs[name];
    const bytes = sizeOf(shape) * bytesPerElement(dtype);
    if (letters[0] !== plan.splitBy) {
      if (bytes > largest) throw tooLarge(name, bytes);
      continue;
    }
    if (bytes === 0) continue;
    if (bytes / total > largest) throw tooLarge(`a row of ${name}`, bytes / total);
    rows = Math.min(rows, Math.floor((largest * total) / bytes));
  }
  const groups = Math.max(...plan.workgroups(dims, params, plan.overrides?.(dims, params) ?? {}).map((n) => n ?? 1));
  const most = limits.maxComputeWorkgroupsPerDimension;
  if (groups > most) rows = Math.min(rows, Math.floor((total * most) / groups));
  return Math.max(1, rows);
}

/**
 * Rows [from, to) of the leading dimension, not copied.
 * @throws SightlineError E_BACKEND for a tensor on the device
 */
export function sliceRows(op: Op, name: string, t: AnyTensor, from: number, to: number): Tensor {
  if (isOnDevice(t)) {
    throw new SightlineError('E_BACKEND', {
      where: `${op.name}.${name}`,
      what: 'a tensor on the device is too large for one pass',
      remedy: 'Lower --batch.',
    });
  }
  const row = sizeOf(t.dims.slice(1));
  const data = t.data.subarray(from * row, to * row);
  return { dtype: t.dtype, dims: [to - from, ...t.dims.slice(1)], data } as Tensor;
}

/** On the device: u8 is packed, all else takes a word. */
export function bytesPerElement(dtype: Tensor['dtype']): number {
  return dtype === 'u8' ? 1 : 4;
}
