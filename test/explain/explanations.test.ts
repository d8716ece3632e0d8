import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend, type Backend } from '../../src/backend/index.js';
import { Rng } from '../../src/core/rng.js';
import { sizeOf, tensor, type Tensor } from '../../src/core/tensor.js';
import { explanations, findExplanation } from '../../src/explain/index.js';
import { gaussLegendre } from '../../src/explain/integrated_gradients.js';
import { reduceChannels } from '../../src/explain/planes.js';

let backend: Backend;
beforeAll(async () => {
  backend = await openBackend({ prefer: 'reference' });
});
afterAll(() => backend.close());

const random = (name: string, dims: readonly number[]) => {
  const rng = new Rng(5, name);
  return tensor(
    'f32',
    dims,
    Float32Array.from({ length: sizeOf(dims) }, () => rng.normal()),
  );
};

/** Maps of an explanation for outputs given directly; `again` = what the graph would give for other images. */
async function mapsOf(
  name: string,
  images: Tensor<'f32'>,
  outputs: Record<string, Tensor>,
  again: (images: Tensor<'f32'>) => Record<string, Tensor> = () => {
    throw new Error('one run should do');
  },
) {
  const [, , height, width] = images.dims;
  const run = { images, outputs, again: (other: Tensor<'f32'>) => Promise.resolve(again(other)) };
  const { maps, flat } = await findExplanation(name).maps(run, backend, { height, width, keep: false });
  return { maps: (maps as Tensor<'f32'>).data, flat: Array.from(flat.data) };
}

const scaled = (plane: readonly number[]) => {
  const cut = plane.map((v) => Math.max(v, 0));
  const [low, high] = [Math.min(...cut), Math.max(...cut)];
  return cut.map((v) => (v - low) / (high - low));
};

const image = random('image', [1, 2, 3, 3]);
const activation = random('activation', [1, 2, 3, 3]);
const gradient = random('gradient', [1, 2, 3, 3]);
const planeOf = (value: (c: number, i: number) => number) =>
  Array.from({ length: 9 }, (_, i) => value(0, i) + value(1, i));
const A = (c: number, i: number) => activation.data[c * 9 + i];
const G = (c: number, i: number) => gradient.data[c * 9 + i];
const nine = Array.from({ length: 9 }, (_, i) => i);

describe('explanations, from given activations and gradients at the image’s size', () => {
  const expected: Record<string, readonly number[]> = {
    'grad-cam': planeOf((c, i) => (nine.reduce((sum, j) => sum + G(c, j), 0) / 9) * A(c, i)),
    'hires-cam': planeOf((c, i) => A(c, i) * G(c, i)),
    'grad-cam++': planeOf((c, i) => {
      const total = nine.reduce((sum, j) => sum + A(c, j), 0);
      const weight = nine.reduce((sum, j) => {
        const alpha = G(c, j) ** 2 / (2 * G(c, j) ** 2 + total * G(c, j) ** 3 + 1e-6);
        return sum + alpha * Math.max(G(c, j), 0);
      }, 0);
      return weight * A(c, i);
    }),
  };
  it.each(Object.keys(expected))('%s', async (name) => {
    const { maps, flat } = await mapsOf(name, image, { activation, gradient });
    scaled(expected[name]).forEach((value, i) => expect(maps[i]).toBeCloseTo(value, 5));
    expect(flat).toEqual([0]);
  });

  it('gradient takes the largest magnitude over channels, gradient × input the magnitude of the sum', async () => {
    const input_gradient = gradient;
    const plain = await mapsOf('gradient', image, { input_gradient });
    scaled(nine.map((i) => Math.max(Math.abs(G(0, i)), Math.abs(G(1, i))))).forEach((value, i) =>
      expect(plain.maps[i]).toBeCloseTo(value, 5),
    );
    const product = await mapsOf('gradient-x-input', image, { input_gradient });
    const X = (c: number, i: number) => image.data[c * 9 + i];
    scaled(planeOf((c, i) => X(c, i) * G(c, i)).map(Math.abs)).forEach((value, i) =>
      expect(product.maps[i]).toBeCloseTo(value, 5),
    );
  });

  it('integrated gradients of a quadratic are exact: (x − 0)·mean gradient = x²/2 each', async () => {
    // f(x) = Σ x²/2 has gradient x.
    const { maps } = await mapsOf('integrated-gradients', image, {}, (at) => ({ input_gradient: at }));
    scaled(planeOf((c, i) => image.data[c * 9 + i] ** 2 / 2)).forEach((value, i) =>
      expect(maps[i]).toBeCloseTo(value, 5),
    );
  });

  it('SmoothGrad asks for 25 noisy copies, the same noise for every image of a batch', async () => {
    const two = tensor('f32', [2, 2, 3, 3], new Float32Array([...image.data, ...image.data]));
    let runs = 0;
    const offsets: number[] = [];
    await mapsOf('smoothgrad', two, {}, (noisy) => {
      runs++;
      for (let i = 0; i < 18; i++) {
        expect(noisy.data[i]).toBe(noisy.data[18 + i]);
        offsets.push(noisy.data[i] - image.data[i]);
      }
      return { input_gradient: noisy };
    });
    expect(runs).toBe(25);
    const range = Math.max(...image.data) - Math.min(...image.data);
    const deviation = Math.sqrt(offsets.reduce((sum, v) => sum + v * v, 0) / offsets.length);
    expect(deviation / range).toBeGreaterThan(0.13);
    expect(deviation / range).toBeLessThan(0.17);
  });

  it.each([...explanations.keys()])(
    '%s: nothing to show is an all-zero, flagged map; NaN is not hidden',
    async (name) => {
      const outputs = (value: number) => {
        const filled = tensor('f32', [1, 2, 3, 3], new Float32Array(18).fill(value));
        return {
          activation: filled,
          gradient: filled,
          input_gradient: filled,
          guided_gradient: filled,
          relevance: filled,
        };
      };
      const none = await mapsOf(name, image, outputs(0), () => outputs(0));
      expect(none.flat).toEqual([1]);
      expect(Array.from(none.maps)).toEqual(new Array(9).fill(0));
      const broken = await mapsOf(name, image, outputs(NaN), () => outputs(NaN));
      expect(Array.from(broken.maps).every((value) => Number.isNaN(value)) || broken.flat[0] === 1).toBe(true);
    },
  );

  it('an unknown name lists those that exist', () => {
    expect(() => findExplanation('grad-camera')).toThrow(/grad-cam/);
  });
});

it('Gauss–Legendre integrates polynomials up to degree 2n − 1', () => {
  for (const n of [1, 2, 5, 32]) {
    const rule = gaussLegendre(n);
    for (let degree = 0; degree < 2 * n; degree++) {
      const integral = rule.reduce((sum, { at, weight }) => sum + weight * at ** degree, 0);
      expect(integral).toBeCloseTo(1 / (degree + 1), 12);
    }
  }
});

it('channels reduce as said, NaN included', () => {
  const values = Float32Array.of(1, -4, NaN, -3, 2, 1);
  const reduced = (how: 'largest' | 'magnitude' | 'positive') => Array.from(reduceChannels(values, 1, 2, how));
  expect(reduced('largest')).toEqual([3, 4, NaN]);
  expect(reduced('magnitude')).toEqual([2, 2, NaN]);
  expect(reduced('positive')).toEqual([-2, -2, NaN]);
});
