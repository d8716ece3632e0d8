import { expect } from 'vitest';
import type { Tensor } from '../../src/core/tensor.js';
import { openSession, type SessionOptions } from '../../src/runtime/index.js';

/** Relative to the largest value; below this, differences count as they are. */
const smallest = 1e-2;

/** Largest difference, relative to the largest expected value. */
export function deviation(found: Tensor, expected: Tensor): number {
  const [a, b] = [found, expected].map(({ data }) => Array.from(data as ArrayLike<number | bigint>, Number));
  let most = 0;
  let size = smallest;
  for (let i = 0; i < b.length; i++) {
    if (Object.is(a[i], b[i])) continue;
    const difference = Math.abs(a[i] - b[i]);
    if (Number.isNaN(difference)) return NaN;
    most = Math.max(most, difference);
    size = Math.max(size, Math.abs(b[i]));
  }
  return most / size;
}

export async function runOnce(
  onnx: Uint8Array,
  inputs: Readonly<Record<string, Tensor>>,
  options: SessionOptions = {},
): Promise<Record<string, Tensor>> {
  const session = await openSession(onnx, options);
  try {
    return await session.run(inputs);
  } finally {
    await session.close();
  }
}

/**
 * Outputs of the same names, dims and element types, whose numbers are within 10⁻⁴ of the largest.
 * @param shaken the expected outputs for inputs that differ as by rounding: what divides by nearly nothing (ε rules of
 *   relevance) may differ by ten times as much as the reference differs from itself
 * @param floor least tolerance
 */
export function expectAgreement(
  found: Record<string, Tensor>,
  expected: Record<string, Tensor>,
  shaken: readonly Record<string, Tensor>[] = [],
  floor = 1e-4,
): void {
  expect(Object.keys(found)).toEqual(Object.keys(expected));
  for (const [name, value] of Object.entries(expected)) {
    expect(found[name].dims, name).toEqual(value.dims);
    expect(found[name].dtype, name).toBe(value.dtype);
    const tolerance = Math.max(floor, ...shaken.map((other) => 10 * deviation(other[name], value)));
    expect(tolerance, name).toBeLessThan(0.3);
    expect(deviation(found[name], value), name).toBeLessThan(tolerance);
  }
}
