import { expect } from 'vitest';
import { loadAddon, type Addon } from '../../src/backend/native.js';
import type { Rng } from '../../src/core/rng.js';

const loaded = loadAddon();
if ('available' in loaded) throw new Error(`the tests need the addon: ${loaded.note} ${loaded.remedy ?? ''}`);
export const addon: Addon = loaded;

export interface Values {
  data: Float32Array;
  dims: readonly number[];
}
export type Attributes = Readonly<Record<string, number | readonly number[]>>;

export const sizeOf = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** Normal values, times `scale`, plus `mean`. */
export function normalValues(rng: Rng, dims: readonly number[], mean = 0, scale = 1): Values {
  return { dims, data: Float32Array.from({ length: sizeOf(dims) }, () => mean + scale * rng.normal()) };
}

/** What this CPU runs, best first. */
export const cpuTargets = ['avx512', 'avx2', 'baseline'].filter((target) => {
  const best = addon.cpuTarget();
  try {
    addon.setCpuTarget(target);
    return true;
  } catch {
    return false;
  } finally {
    addon.setCpuTarget(best);
  }
});

/** Runs `work` on one target with so many threads, and puts back what was set. */
function withSettings<T>(target: string, threads: number, work: () => T): T {
  const [best, before] = [addon.cpuTarget(), addon.setThreads(0)];
  addon.setCpuTarget(target);
  addon.setThreads(threads);
  try {
    return work();
  } finally {
    addon.setCpuTarget(best);
    addon.setThreads(before);
  }
}

/** Marks what an op must not write. */
const guard = 16;

/**
 * An op's outputs on the CPU target, the same bits with one, two and three threads, and nothing written beside them.
 * @param into number of the input in whose buffer the first output goes
 */
export function runNode(
  target: string,
  op: string,
  inputs: readonly Values[],
  dims: readonly (readonly number[])[],
  attributes: Attributes,
  into?: number,
): Float32Array[] {
  const runs = [1, 2, 3].map((threads) => {
    const given = inputs.map(({ data, dims: d }) => ({ data: data.slice(), dims: d }));
    const wholes = dims.map((d) => new Float32Array(sizeOf(d) + 2 * guard).fill(-12345.5));
    const outputs = dims.map((d, i) => ({ dims: d, data: wholes[i].subarray(guard, guard + sizeOf(d)) }));
    if (into !== undefined) outputs[0].data = given[into].data;
    withSettings(target, threads, () => addon.runNode(op, given, outputs, attributes));
    wholes.forEach((whole, i) => {
      const rim = [...whole.subarray(0, guard), ...whole.subarray(guard + sizeOf(dims[i]))];
      expect(rim.every((v) => v === -12345.5)).toBe(true);
    });
    given.forEach(({ data }, i) => {
      if (i !== into) expect(Buffer.compare(bytesOf(data), bytesOf(inputs[i].data))).toBe(0);
    });
    return outputs.map(({ data }) => data);
  });
  for (const other of runs.slice(1)) {
    other.forEach((data, i) => expect(Buffer.compare(bytesOf(data), bytesOf(runs[0][i])), `${op}, by threads`).toBe(0));
  }
  return runs[0];
}

export function bytesOf(data: Float32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Largest |a − e| / max(|e|, floor); infinite where only one of the two is NaN or infinite. */
export function largestDeviation(actual: ArrayLike<number>, expected: ArrayLike<number>, floor: number): number {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i], expected[i]];
    if (Object.is(a, e) || (Number.isNaN(a) && Number.isNaN(e)) || a === e) continue;
    const share = Math.abs(a - e) / Math.max(Math.abs(e), floor);
    worst = Math.max(worst, Number.isNaN(share) ? Infinity : share);
  }
  return worst;
}
