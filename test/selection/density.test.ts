import { describe, expect, it } from 'vitest';
import { tensor } from '../../src/core/tensor.js';
import { informationDensity, meanCosine } from '../../src/selection/density.js';
import { points, randomPoints } from './points.js';

describe('mean cosine similarity', () => {
  it('by hand: two along one axis, one across, one opposite, one empty', () => {
    const found = meanCosine(points([1, 0], [5, 0], [0, 2], [-3, 0], [0, 0]));
    expect([...found]).toEqual([1 / 5, 1 / 5, 1 / 5, -1 / 5, 0].map((v) => expect.closeTo(v, 15)));
  });

  it('is the mean over all pairs, to the pool itself or to another', () => {
    const [x, pool] = [randomPoints(60, 17, 1, 3), randomPoints(45, 17, 2)];
    const cosine = (a: Float32Array, b: Float32Array) => {
      const dot = (u: Float32Array, v: Float32Array) => u.reduce((sum, value, k) => sum + value * v[k], 0);
      return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    };
    const row = (t: typeof x, i: number) => t.data.subarray(i * 17, (i + 1) * 17);
    for (const other of [x, pool]) {
      meanCosine(x, other).forEach((value, i) => {
        let sum = 0;
        for (let j = 0; j < other.dims[0]; j++) sum += cosine(row(x, i), row(other, j));
        expect(value).toBeCloseTo(sum / other.dims[0], 6);
      });
    }
  });

  it('refuses other widths; an empty pool is like nothing', () => {
    expect(() => meanCosine(points([1]), points([1, 2]))).toThrow('pool: expected 1 columns, received 2');
    expect([...meanCosine(points([1, 1]), tensor('f32', [0, 2]))]).toEqual([0]);
    expect(() => meanCosine(points([Infinity]))).toThrow('expected a finite number');
  });
});

describe('information density', () => {
  it('weighs scores by density to the power of β', () => {
    const [scores, similarity] = [Float64Array.of(0.6, 0.5, 0.4, NaN), Float64Array.of(0.25, 1, -0.5, 1)];
    expect([...informationDensity(scores, similarity)]).toEqual([0.15, 0.5, 0, NaN]);
    expect([...informationDensity(scores, similarity, 0.5)]).toEqual([0.3, 0.5, 0, NaN]);
    expect([...informationDensity(scores, similarity, 0)]).toEqual([...scores]);
    expect(() => informationDensity(scores, similarity, -1)).toThrow('beta');
    expect(() => informationDensity(scores, Float64Array.of(1))).toThrow('one for each of 4 scores, received 1');
  });
});
