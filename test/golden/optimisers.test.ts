import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openBackend } from '../../src/backend/index.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { Optimiser, type OptimiserOptions } from '../../src/training/optimiser.js';
import { learningRateAt, type Schedule } from '../../src/training/schedules.js';
import { readArrays } from './golden_arrays.mjs';

const { header, arrays } = readArrays(fileURLToPath(new URL('optimisers.bin', import.meta.url)));
const golden = header as unknown as {
  kept: number[];
  runs: { title: string; options: Partial<OptimiserOptions>; norms: number[] }[];
  schedules: { options: Schedule; rates: number[] }[];
};
const under = (prefix: string) =>
  [...arrays].filter(([name]) => name.startsWith(prefix)).map(([name, a]) => [name.slice(prefix.length), a] as const);

const initial = new Map(under('initial/').map(([name, { dims, data }]) => [name, tensor('f32', dims, data)]));

function gradientsOf(step: number): Map<string, Tensor<'f32'>> {
  return new Map(
    under('gradients/').map(([name, { dims, data }]) => {
      const size = data.length / dims[0];
      return [name, tensor('f32', dims.slice(1), data.slice(step * size, (step + 1) * size))];
    }),
  );
}

/**
 * Largest deviation of an element, as a share of the larger of its value and the tensor's root mean square: PyTorch rounds
 * to float32 at every step, also while an element is on its way through 0.
 */
function deviation(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  const size = Math.sqrt(expected.reduce((sum, e) => sum + e * e, 0) / expected.length);
  return expected.reduce((worst, e, i) => {
    const share = Math.abs(actual[i] - e) / Math.max(Math.abs(e), size);
    return Number.isNaN(share) ? Infinity : Math.max(worst, share);
  }, 0);
}

describe.each(['native', 'reference'] as const)('as torch.optim, %s', (prefer) => {
  it.each(golden.runs.map((run) => [run.title, run] as const))('%s', async (title, { options, norms }) => {
    const backend = await openBackend({ prefer });
    const optimiser = Optimiser.create(initial, options);
    const deviations: number[] = [];
    for (let step = 0; step < 100; step++) {
      optimiser.accumulate(gradientsOf(step));
      const { applied, norm } = await optimiser.apply(backend);
      expect(applied).toBe(true);
      if (norms.length) expect(Math.abs(norm / norms[step] - 1)).toBeLessThan(1e-6);
      if (!golden.kept.includes(step + 1)) continue;
      for (const [name, { data }] of optimiser.parameters) {
        deviations.push(deviation(data, arrays.get(`${title}/${step + 1}/${name}`)!.data));
      }
    }
    expect(deviations).toHaveLength(golden.kept.length * initial.size);
    expect(Math.max(...deviations)).toBeLessThan(1e-6);
  });
});

describe('learning rates as torch.optim.lr_scheduler', () => {
  it.each(golden.schedules.map(({ options, rates }) => [JSON.stringify(options), options, rates] as const))(
    '%s',
    (_, options, rates) => {
      rates.forEach((rate, step) => expect(Math.abs(learningRateAt(options, step) / rate - 1)).toBeLessThan(1e-9));
      expect(rates).toHaveLength(100);
    },
  );
});
