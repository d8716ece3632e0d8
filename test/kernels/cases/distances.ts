import type { Op } from '../../../src/backend/index.js';
import { Rng } from '../../../src/core/rng.js';
import type { Tensor } from '../../../src/core/tensor.js';
import { nearest } from '../../../src/kernels/nearest.js';
import { distance, pairwise } from '../../../src/kernels/pairwise.js';
import { type Case, type KernelCases, type Fill, normal, f32, constant, view, shared } from './case.js';

function distanceCase(
  second: string,
  name: string,
  n: number,
  m: number,
  d: number,
  metric: number,
  fill: Fill = normal,
  seed = 9,
): Case {
  return { name, inputs: { a: f32([n, d], fill, seed), [second]: f32([m, d], fill, seed + 1) }, params: { metric } };
}

/** Rows of b that repeat rows of a, exactly and almost: where |a|²+|b|²−2ab cancels. */
function twins(second: string, metric: number, far: number, m = 20): Case {
  const name = `metric ${metric}, ${m} twins at ${far}`;
  const c = distanceCase(second, name, 20, m, 37, metric, (rng) => far + rng.normal());
  const [a, b] = [c.inputs.a.data as Float32Array, c.inputs[second].data as Float32Array];
  b.set(a.subarray(0, (m / 2) * 37));
  for (let i = (m / 4) * 37; i < (m / 2) * 37; i++) b[i] = Math.fround(a[i] * (1 + 1e-4));
  return c;
}

function distanceCases(op: Op, second: string): KernelCases {
  const sizes = [
    [1, 1, 1],
    [3, 1, 2],
    [1, 3, 15],
    [15, 17, 16],
    [16, 16, 17],
    [17, 33, 63],
    [64, 65, 64],
    [85, 31, 65],
    [5, 7, 300],
    [170, 40, 257],
  ];
  return {
    op,
    fixed: [0, 1, 2].flatMap((metric) => [
      ...sizes.map(([n, m, d]) => distanceCase(second, `metric ${metric}, ${n}×${m}×${d}`, n, m, d, metric)),
      ...[0, 1, 30].flatMap((far) => [twins(second, metric, far), twins(second, metric, far, 4)]),
      distanceCase(second, `metric ${metric}, zero rows`, 4, 5, 9, metric, (rng, i) => (i < 18 ? 0 : rng.normal())),
      // Few rows and many go different ways in C++.
      ...[4, 6].flatMap((m) => [
        distanceCase(second, `metric ${metric}, NaN, ${m}`, 5, m, 6, metric, (rng, i) =>
          i === 8 ? NaN : rng.normal(),
        ),
        distanceCase(second, `metric ${metric}, all NaN, ${m}`, 3, m, 6, metric, constant(NaN)),
        distanceCase(second, `metric ${metric}, an infinity, ${m}`, 5, m, 6, metric, (rng, i) =>
          i === 8 ? Infinity : rng.normal(),
        ),
        distanceCase(second, `metric ${metric}, all equal, ${m}`, 3, m, 6, metric, constant(0.3)),
      ]),
      distanceCase(second, `metric ${metric}, far from zero`, 85, 31, 65, metric, (rng) => 30 + rng.normal()),
      distanceCase(second, `metric ${metric}, no rows`, 0, 4, 6, metric),
      distanceCase(second, `metric ${metric}, no columns`, 3, 4, 0, metric),
      distanceCase(
        second,
        `metric ${metric}, small and large rows`,
        9,
        9,
        33,
        metric,
        (rng, i) => 10 ** (8 * ((i / 33) % 2 < 1 ? -1 : 1)) * rng.normal(),
      ),
      (() => {
        const c = distanceCase(second, `metric ${metric}, unaligned and shared`, 19, 21, 35, metric);
        const [a, b] = [c.inputs.a, c.inputs[second]] as Tensor<'f32'>[];
        return { ...c, inputs: { a: view(a, 1), [second]: shared(b) } };
      })(),
    ]),
    random(seed) {
      const rng = new Rng(seed, op.name);
      return distanceCase(
        second,
        `random ${seed}`,
        1 + rng.int(100),
        1 + rng.int(60),
        1 + rng.int(200),
        rng.int(3),
        normal,
        seed,
      );
    },
    bench: () => distanceCase(second, '2,000 × 500 × 256, L2', 2000, 500, 256, 0),
  };
}

export const pairwiseCases = distanceCases(pairwise as unknown as Op, 'b');
export const nearestCases = distanceCases(nearest as unknown as Op, 'centres');

export function distanceTo({ inputs, params }: Case, row: number, centre: number): number {
  const [a, centres] = [inputs.a, inputs.centres] as Tensor<'f32'>[];
  const depth = a.dims[1];
  return distance(a.data, row * depth, centres.data, centre * depth, depth, params?.metric ?? 0);
}
