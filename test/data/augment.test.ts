import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openBackend, type Backend } from '../../src/backend/index.js';
import { SightlineError } from '../../src/core/errors.js';
import { compiledFile } from '../../src/core/files.js';
import { Rng } from '../../src/core/rng.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { mapBoxes, rotation, translation } from '../../src/data/affine.js';
import { augmentationMap, augmentSample, drawAugmentation, type Augmentation } from '../../src/data/augment.js';
import { completeAugmentation, idealNoise } from '../../src/data/augment_settings.js';

const native = await openBackend({ prefer: 'native', threads: 1 });
const reference = await openBackend({ prefer: 'reference' });
const unchanged = drawAugmentation(completeAugmentation('none'), 'any', 0, 0);
const everything = completeAugmentation({
  rotation: 180,
  translation: 3,
  scale: [0.5, 2],
  shear: 20,
  flipHorizontal: 0.5,
  flipVertical: 0.5,
  crop: [0.5, 1],
  border: 'reflect',
  brightness: 0.3,
  contrast: 0.3,
  gamma: [0.7, 1.4],
  blur: [0, 2],
  noise: [...idealNoise],
});

type Shape = [channels: number, height: number, width: number];

function picture(shape: Shape, seed = 1): Tensor<'f32'> {
  const rng = new Rng(seed, 'picture');
  const size = shape[0] * shape[1] * shape[2];
  return tensor(
    'f32',
    shape,
    Float32Array.from({ length: size }, () => rng.uniform()),
  );
}

function maskOf([, height, width]: Shape, inside: (x: number, y: number) => boolean): Tensor<'u8'> {
  const value = (_: unknown, i: number) => Number(inside(i % width, Math.floor(i / width)));
  return tensor('u8', [height, width], Uint8Array.from({ length: height * width }, value));
}

const copy = <T extends Tensor<'f32'> | Tensor<'u8'>>(t: T): T => ({ ...t, data: t.data.slice() }) as T;

async function augmented(
  image: Tensor<'f32'>,
  changes: Partial<Augmentation>,
  roi?: Tensor<'u8'>,
  backend: Backend = native,
): Promise<{ image: Float32Array; roi?: Uint8Array }> {
  const out = { image: copy(image), roi: roi && copy(roi) };
  await augmentSample(out.image, out.roi, { ...unchanged, ...changes }, backend);
  return { image: out.image.data, roi: out.roi?.data };
}

/** The samples' pixels as one worker thread augments them, from the compiled files. */
function onWorker(ids: string[], image: Tensor<'f32'>): Promise<Float32Array[]> {
  const body = `
    const { parentPort, workerData: { ids, image, settings, augment, backend } } = require('node:worker_threads');
    (async () => {
      const { drawAugmentation, augmentSample } = await import(augment);
      const cpu = (await import(backend)).openCpuBackend({ threads: 1 });
      const all = [];
      for (const id of ids) {
        const own = { ...image, data: image.data.slice() };
        await augmentSample(own, undefined, drawAugmentation(settings, id, 4, 11), cpu);
        all.push(own.data);
      }
      parentPort.postMessage(all);
    })();`;
  const [augment, backend] = ['data/augment', 'backend/index'].map((entry) => pathToFileURL(compiledFile(entry)).href);
  return new Promise((resolve, reject) => {
    const workerData = { ids, image, settings: everything, augment, backend };
    const worker = new Worker(body, { eval: true, workerData });
    let pixels: Float32Array[] | undefined;
    worker.on('message', (value: Float32Array[]) => (pixels = value));
    worker.on('error', reject);
    worker.on('exit', () => (pixels ? resolve(pixels) : reject(new Error('the worker sent nothing'))));
  });
}

describe('settings', () => {
  it("are IDEAL's by default and fill in what is left out", () => {
    const ideal = completeAugmentation();
    expect(ideal).toMatchObject({ rotation: 25, translation: 10, scale: [0.95, 1.05], flipHorizontal: 0, noise: [0] });
    expect(completeAugmentation({ noise: 0.05 })).toEqual({ ...ideal, noise: [0.05] });
    expect(completeAugmentation({ preset: 'none', shear: 4, rotation: undefined })).toEqual({
      ...completeAugmentation('none'),
      shear: 4,
    });
    expect(idealNoise).toEqual([0.005, 0.01, 0.05, 0.1]);
  });

  it.each([
    [{ rotation: -1 }, 'rotation: '],
    [{ scale: [1.2, 0.8] }, 'scale: the first number must not be larger than the second'],
    [{ scale: [0, 1] }, 'scale.0: '],
    [{ crop: [0.5, 1.5] }, 'crop.1: '],
    [{ flipVertical: 2 }, 'flipVertical: '],
    [{ noise: [] }, 'noise: '],
    [{ gamma: [1, Number.NaN] }, 'gamma.1: '],
    [{ border: 'wrap' }, 'border: '],
    [{ preset: 'strong' }, 'preset: '],
    [{ rotations: 3 }, 'rotations'],
    ['strong', 'preset: '],
    [7, 'top level: '],
  ])('%j is refused by path', (given, message) => {
    const complete = () => completeAugmentation(given as never);
    expect(complete).toThrow(SightlineError);
    expect(complete).toThrow(message);
    expect(complete).toThrow('augmentation');
  });

  it('names every problem at once', () => {
    expect(() => completeAugmentation({ rotation: 500, shear: -1 })).toThrow(/rotation: .*; shear: /);
  });
});

describe('draws', () => {
  it('depend on seed, sample and epoch alone', () => {
    const draw = (id: string, epoch: number, seed: number) => drawAugmentation(everything, id, epoch, seed);
    const first = draw('a', 3, 7);
    draw('b', 0, 0);
    expect(draw('a', 3, 7)).toEqual(first);
    for (const other of [draw('b', 3, 7), draw('a', 4, 7), draw('a', 3, 8)]) {
      expect(other.rotation).not.toBe(first.rotation);
      expect(other.noise.seed).not.toBe(first.noise.seed);
    }
  });

  it('survive JSON, as a log or a message does', () => {
    const drawn = drawAugmentation(everything, 'a', 1, 2);
    expect(JSON.parse(JSON.stringify(drawn))).toEqual(drawn);
    expect(JSON.parse(JSON.stringify(unchanged))).toEqual(unchanged);
  });

  it('leave the others as they were when one setting is switched on', () => {
    const plain = drawAugmentation(completeAugmentation(), 'a', 0, 1);
    const more = drawAugmentation(completeAugmentation({ flipHorizontal: 1, brightness: 0.5, shear: 9 }), 'a', 0, 1);
    const { flipHorizontal: _, brightness: __, shearX: ___, shearY: ____, ...rest } = plain;
    expect(more).toMatchObject(rest);
    expect(more.flipHorizontal).toBe(true);
    expect(more.brightness).not.toBe(1);
  });

  it('fill their ranges evenly', () => {
    const draws = Array.from({ length: 4000 }, (_, i) =>
      drawAugmentation({ ...completeAugmentation(), flipHorizontal: 0.3, noise: [...idealNoise] }, `${i}`, 0, 5),
    );
    for (const [name, low, high] of [
      ['rotation', -25, 25],
      ['translateX', -10, 10],
      ['translateY', -10, 10],
      ['scale', 0.95, 1.05],
    ] as const) {
      const values = draws.map((d) => d[name]);
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const width = high - low;
      expect(Math.min(...values)).toBeGreaterThanOrEqual(low);
      expect(Math.max(...values)).toBeLessThanOrEqual(high);
      expect(Math.min(...values)).toBeLessThan(low + width / 100);
      expect(Math.max(...values)).toBeGreaterThan(high - width / 100);
      // Four standard errors of a uniform mean.
      expect(Math.abs(mean - (low + high) / 2)).toBeLessThan((4 * width) / Math.sqrt(12 * values.length));
    }
    const share = (hit: (d: Augmentation) => boolean) => draws.filter(hit).length / draws.length;
    expect(share((d) => d.flipHorizontal)).toBeCloseTo(0.3, 1);
    for (const sigma of idealNoise) expect(share((d) => d.noise.sigma === sigma)).toBeCloseTo(0.25, 1);
  });

  it('of the preset none change nothing', async () => {
    const image = picture([3, 9, 8]);
    expect((await augmented(image, {})).image).toEqual(image.data);
  });
});

describe.each([
  ['native', native],
  ['reference', reference],
])('geometry, %s', (_, backend) => {
  const shape: Shape = [2, 7, 10];
  const at = ([, height, width]: Shape, data: ArrayLike<number>, c: number, y: number, x: number) =>
    data[(c * height + y) * width + x];

  function expectMoved(
    size: Shape,
    before: Float32Array,
    after: Float32Array,
    from: (x: number, y: number) => number[],
  ) {
    for (let c = 0; c < size[0]; c++)
      for (let y = 0; y < size[1]; y++)
        for (let x = 0; x < size[2]; x++) {
          const [fromX, fromY] = from(x, y);
          expect(at(size, after, c, y, x)).toBe(at(size, before, c, fromY, fromX));
        }
  }

  it('flips are exact', async () => {
    const image = picture(shape);
    const run = async (changes: Partial<Augmentation>) => (await augmented(image, changes, undefined, backend)).image;
    expectMoved(shape, image.data, await run({ flipHorizontal: true }), (x, y) => [9 - x, y]);
    expectMoved(shape, image.data, await run({ flipVertical: true }), (x, y) => [x, 6 - y]);
    expectMoved(shape, image.data, await run({ flipVertical: true, flipHorizontal: true }), (x, y) => [9 - x, 6 - y]);
  });

  it('quarter turns, clockwise, and whole shifts are exact', async () => {
    const square: Shape = [3, 9, 9];
    const image = picture(square);
    const run = async (changes: Partial<Augmentation>) => (await augmented(image, changes, undefined, backend)).image;
    expectMoved(square, image.data, await run({ rotation: 90 }), (x, y) => [y, 8 - x]);
    expectMoved(square, image.data, await run({ rotation: 180 }), (x, y) => [8 - x, 8 - y]);
    expectMoved(square, image.data, await run({ rotation: -90 }), (x, y) => [8 - y, x]);
    const shifted = await run({ translateX: 2, translateY: -3, border: 'edge' });
    expectMoved(square, image.data, shifted, (x, y) => [Math.max(0, x - 2), Math.min(8, y + 3)]);
  });

  it('a crop fills the picture', async () => {
    const size: Shape = [1, 8, 8];
    const image = picture(size);
    const changes = { crop: { side: 0.5, x: 1, y: 0.5 }, border: 'edge' as const };
    const roi = maskOf(size, (x, y) => x >= 4 && y >= 2 && y < 6);
    const got = await augmented(image, changes, roi, backend);
    expect(got.roi!.every((v) => v === 1)).toBe(true);
    // The output's pixel (0, 0) has its centre at a quarter of the crop's first pixel.
    const [a, b, c, d] = [[1, 3], [1, 4], [2, 3], [2, 4]].map(([y, x]) => at(size, image.data, 0, y, x)); // prettier-ignore
    expect(got.image[0]).toBeCloseTo(0.25 * (0.25 * a + 0.75 * b) + 0.75 * (0.25 * c + 0.75 * d), 6);
  });

  it('mask and image stay together: a smooth disc and its mask', async () => {
    const size: Shape = [1, 64, 48];
    const inside = (x: number, y: number) => Math.hypot(x + 0.5 - 20, (y + 0.5 - 40) * 0.8) < 12;
    const roi = maskOf(size, inside);
    const image = tensor('f32', size, Float32Array.from(roi.data));
    for (let epoch = 0; epoch < 30; epoch++) {
      const drawn = drawAugmentation(
        { ...everything, border: (['constant', 'edge', 'reflect'] as const)[epoch % 3] },
        'disc',
        epoch,
        2,
      );
      const geometry = { ...drawn, brightness: 1, contrast: 1, gamma: 1, blur: 0, noise: { sigma: 0, seed: 0 } };
      const got = await augmented(image, geometry, roi, backend);
      expect([...got.roi!].every((value) => value === 0 || value === 1)).toBe(true);
      // Nearest takes the pixel with the largest bilinear weight, which is at least a quarter.
      const least = got.roi!.reduce((low, value, i) => Math.min(low, value ? got.image[i] : 1 - got.image[i]), 1);
      expect(least).toBeGreaterThanOrEqual(0.25 - 1e-6);
    }
  });

  it('boxes go where the mask goes', async () => {
    const size: Shape = [1, 40, 60];
    const box = { x0: 20, y0: 12, x1: 33, y1: 25 };
    const roi = maskOf(size, (x, y) => x >= box.x0 && x < box.x1 && y >= box.y0 && y < box.y1);
    for (let epoch = 0; epoch < 20; epoch++) {
      const drawn = drawAugmentation(completeAugmentation({ flipHorizontal: 0.5 }), 'box', epoch, 2);
      const moved = (await augmented(picture(size), drawn, roi, backend)).roi!;
      const [mapped] = mapBoxes([box], augmentationMap(drawn, 60, 40), 60, 40);
      const inside = [...moved.keys()].filter((i) => moved[i]);
      const [xs, ys] = [inside.map((i) => i % 60), inside.map((i) => Math.floor(i / 60))];
      // The mask's outermost pixels have their centres inside the box, and come near its sides.
      for (const [got, side, sign] of [
        [Math.min(...xs), mapped.x0, 1],
        [Math.min(...ys), mapped.y0, 1],
        [Math.max(...xs) + 1, mapped.x1, -1],
        [Math.max(...ys) + 1, mapped.y1, -1],
      ]) {
        expect((got - side) * sign).toBeGreaterThan(-0.5 - 1e-9);
        expect((got - side) * sign).toBeLessThan(2);
      }
    }
  });
});

it.each([90, 450, -270])('a quarter turn, %d°, has a matrix of whole numbers', (degrees) => {
  expect(rotation(degrees)).toEqual({ xx: 0, xy: -1, x0: 0, yx: 1, yy: 0, y0: 0 });
});

describe('boxes', () => {
  it('become the box around their corners, clipped, dropped when outside', () => {
    const map = translation(10, -5);
    const boxes = [
      { x0: 0, y0: 10, x1: 4, y1: 20 },
      { x0: 80, y0: 0, x1: 95, y1: 10 },
      { x0: 95, y0: 20, x1: 99, y1: 30 },
      { x0: 50, y0: 0, x1: 60, y1: 5 },
    ];
    expect(mapBoxes(boxes, map, 100, 100)).toEqual([
      { x0: 10, y0: 5, x1: 14, y1: 15 },
      { x0: 90, y0: 0, x1: 100, y1: 5 },
    ]);
    const [turned] = mapBoxes([{ x0: 0, y0: 0, x1: 2, y1: 2 }], rotation(45), 10, 10);
    expect(turned.x1).toBeCloseTo(Math.SQRT2, 12);
    expect(turned.y1).toBeCloseTo(2 * Math.SQRT2, 12);
    expect(turned).toMatchObject({ x0: 0, y0: 0 });
  });
});

describe('intensities', () => {
  const grey = (size: Shape) => tensor('f32', size, new Float32Array(size[0] * size[1] * size[2]).fill(0.5));

  it.each([0.005, 0.01, 0.05])('noise of σ %f has this σ, no mean and no correlation', async (sigma) => {
    const { image } = await augmented(grey([3, 128, 128]), { noise: { sigma, seed: 9 } });
    const noise = [...image].map((v) => (v - 0.5) / sigma);
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    const n = noise.length;
    expect(Math.abs(mean(noise))).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(mean(noise.map((v) => v ** 2)) - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    expect(Math.abs(mean(noise.map((v) => v ** 4)) - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
    for (const lag of [1, 2, 128, 128 * 128]) {
      expect(Math.abs(mean(noise.slice(lag).map((v, i) => v * noise[i])))).toBeLessThan(4 / Math.sqrt(n - lag));
    }
  });

  it('noise is clamped to [0, 1], and of another seed another', async () => {
    const black = tensor('f32', [1, 40, 41], new Float32Array(40 * 41));
    const one = (await augmented(black, { noise: { sigma: 0.1, seed: 1 } })).image;
    const other = (await augmented(black, { noise: { sigma: 0.1, seed: 2 } })).image;
    expect(Math.min(...one)).toBe(0);
    const positive = one.filter((v) => v > 0).length / one.length;
    expect(Math.abs(positive - 0.5)).toBeLessThan(0.05);
    expect(one).not.toEqual(other);
  });

  it('blur keeps a constant and the sum of a point, and spreads it by its σ', async () => {
    const flat = (await augmented(grey([2, 5, 3]), { blur: 4 })).image;
    for (const v of flat) expect(v).toBeCloseTo(0.5, 6);
    const point = tensor('f32', [1, 41, 41], new Float32Array(41 * 41));
    point.data[20 * 41 + 20] = 1;
    const { image } = await augmented(point, { blur: 2 });
    const sum = image.reduce((a, b) => a + b, 0);
    const variance = image.reduce((a, v, i) => a + v * ((i % 41) - 20) ** 2, 0) / sum;
    expect(sum).toBeCloseTo(1, 5);
    expect(Math.sqrt(variance)).toBeCloseTo(2, 1);
  });
});

describe('any sample', () => {
  it('comes out finite, in [0, 1] and alike on every backend, at any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 3, 4),
        fc.integer({ min: 1, max: 23 }),
        fc.integer({ min: 1, max: 23 }),
        fc.nat(),
        async (channels, height, width, epoch) => {
          const size: Shape = [channels, height, width];
          const image = picture(size, epoch);
          const roi = maskOf(size, (x, y) => (x + y) % 3 === 0);
          const drawn = drawAugmentation(everything, 'any', epoch, 1);
          const got = await augmented(image, drawn, roi);
          const again = await augmented(image, drawn, roi, reference);
          expect(got.roi).toEqual(again.roi);
          expect(got.image.every((v) => v >= 0 && v <= 1)).toBe(true);
          got.image.forEach((v, i) => (got.image[i] = Math.abs(v - again.image[i])));
          expect(Math.max(...got.image)).toBeLessThan(1e-4);
        },
      ),
      { seed: 3, numRuns: 150 },
    );
  });

  it('has the same pixels on any worker, in any order', async () => {
    const ids = Array.from({ length: 12 }, (_, i) => `sample ${i}`);
    const shape: Shape = [3, 40, 37];
    const [here, there, backwards] = await Promise.all([
      Promise.all(
        ids.map(async (id) => (await augmented(picture(shape), drawAugmentation(everything, id, 4, 11))).image),
      ),
      onWorker(ids, picture(shape)),
      onWorker([...ids].reverse(), picture(shape)),
    ]);
    expect(new Set(here.map((pixels) => pixels.join())).size).toBe(ids.length);
    expect(there).toEqual(here);
    expect(backwards.reverse()).toEqual(here);
  });

  it('may lie in shared memory, as a slot of a batch', async () => {
    const image = picture([3, 12, 11]);
    const whole = new Float32Array(new SharedArrayBuffer(4 * 3 * image.data.length));
    const slot = tensor('f32', image.dims, whole.subarray(image.data.length, 2 * image.data.length));
    slot.data.set(image.data);
    const drawn = drawAugmentation(everything, 'slot', 0, 1);
    await augmentSample(slot, undefined, drawn, native);
    expect(slot.data).toEqual((await augmented(image, drawn)).image);
    expect(whole.subarray(0, image.data.length).every((v) => v === 0)).toBe(true);
    expect(whole.subarray(2 * image.data.length).every((v) => v === 0)).toBe(true);
  });

  it.each([
    ['NaN', [0.5, Number.NaN], 'E_IMAGE_VALUES'],
    ['infinity', [0.5, Infinity], 'E_IMAGE_VALUES'],
    ['normalised values', [0.5, -1.7], 'E_ARGUMENT'],
    ['bytes', [0.5, 200], 'E_ARGUMENT'],
  ])('with %s is refused', async (_, values, code) => {
    const image = tensor('f32', [1, 1, 2], Float32Array.from(values));
    await expect(augmented(image, { flipVertical: true })).rejects.toMatchObject({ code });
  });

  it('with a region of another size is refused, as is a map that is none', async () => {
    const region = tensor('u8', [4, 5]);
    await expect(augmented(picture([1, 5, 4]), {}, region)).rejects.toMatchObject({ code: 'E_SHAPE' });
    await expect(augmented(picture([1, 5, 4]), { scale: 0 })).rejects.toMatchObject({ code: 'E_ARGUMENT' });
    await expect(augmented(picture([1, 5, 4]), { rotation: NaN })).rejects.toMatchObject({ code: 'E_ARGUMENT' });
  });
});
