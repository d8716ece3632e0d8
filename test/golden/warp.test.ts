import { describe, expect, it } from 'vitest';
import { openBackend, type Backend } from '../../src/backend/index.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { inOrder, inverse, scaling, translation, type Affine } from '../../src/data/affine.js';
import { augmentSample, drawAugmentation, type Augmentation } from '../../src/data/augment.js';
import { completeAugmentation } from '../../src/data/augment_settings.js';
import { borders, interpolations, warp } from '../../src/kernels/warp.js';
import { largestDifference } from './read_golden.js';
import { readArrays } from './golden_arrays.mjs';

type Size = [channels: number, height: number, width: number];

/** What warp.py writes. */
interface Header {
  grids: {
    array: string;
    image: Size;
    size: [height: number, width: number];
    theta: number[][];
    padding: 'zeros' | 'border' | 'reflection';
    mode: 'bilinear' | 'nearest';
  }[];
  affines: { array: string; image: Size; angle: number; translate: number[]; scale: number; shear: number[] }[];
  jitters: { array: string; image: Size; kind: 'brightness' | 'contrast' | 'gamma'; value: number }[];
  blurs: { array: string; image: Size; sigma: number; radius: number }[];
}

const golden = readArrays(new URL('warp.bin', import.meta.url).pathname);
const { grids, affines, jitters, blurs } = golden.header as unknown as Header;
const wanted = (array: string) => golden.arrays.get(array)!.data;

/** The image that warp.py makes. */
function pattern([channels, height, width]: Size): Tensor<'f32'> {
  const pixels = height * width;
  const value = (i: number) => {
    const [c, y, x] = [Math.floor(i / pixels), Math.floor((i % pixels) / width), i % width];
    return ((y * 31 + x * 17 + c * 101 + y * x * 7) % 256) / 255;
  };
  return tensor('f32', [channels, height, width], Float32Array.from({ length: channels * pixels }, (_, i) => value(i)));
}

/** theta of affine_grid as a map of pixels: pixels → [−1, 1] → theta → [−1, 1] → pixels. */
function pixelMap({ theta: [[xx, xy, x0], [yx, yy, y0]], size: [height, width], image }: Header['grids'][number]): Affine {
  return inOrder(
    scaling(2 / width, 2 / height),
    translation(-1, -1),
    { xx, xy, x0, yx, yy, y0 },
    translation(1, 1),
    scaling(image[2] / 2, image[1] / 2),
  );
}

const unchanged = drawAugmentation(completeAugmentation('none'), 'golden', 0, 0);

async function augmented(size: Size, changes: Partial<Augmentation>, backend: Backend): Promise<Float32Array> {
  const image = pattern(size);
  await augmentSample(image, undefined, { ...unchanged, ...changes }, backend);
  return image.data;
}

describe.each(['native', 'reference'] as const)('torch and torchvision, %s', async (prefer) => {
  const backend = await openBackend({ prefer });

  it.each(grids.map((g) => [`${g.image.join('×')} → ${g.size.join('×')}, ${g.padding}, ${g.mode}: ${g.array}`, g] as const))(
    'grid_sample %s',
    async (_, g) => {
      const [height, width] = g.size;
      const border = { zeros: borders.constant, border: borders.edge, reflection: borders.reflect }[g.padding];
      const params = { ...pixelMap(g), width, height, border, interpolation: interpolations[g.mode] };
      const { warped } = await backend.run(warp, { image: pattern(g.image) }, params);
      expect(warped.dims).toEqual([g.image[0], height, width]);
      expect(largestDifference(warped.data, wanted(g.array))).toBeLessThan(1e-5);
    },
  );

  it.each(affines.map((a) => [`${a.image.join('×')}, ${a.angle}°, ${a.translate}, ${a.scale}, ${a.shear}`, a] as const))(
    'affine %s',
    async (_, { array, image, angle, translate, scale, shear }) => {
      const [translateX, translateY] = translate;
      const changes = { rotation: angle, translateX, translateY, scale, shearX: shear[0], shearY: shear[1] };
      const got = await augmented(image, changes, backend);
      expect(largestDifference(got, pattern(image).data)).toBeGreaterThan(0.1);
      expect(largestDifference(got, wanted(array))).toBeLessThan(1e-4);
    },
  );

  it.each(jitters.map((j) => [`${j.kind} ${j.value}, ${j.image.join('×')}`, j] as const))('%s', async (_, j) => {
    const got = await augmented(j.image, { [j.kind]: j.value }, backend);
    expect(largestDifference(got, pattern(j.image).data)).toBeGreaterThan(0.01);
    expect(largestDifference(got, wanted(j.array))).toBeLessThan(1e-4);
  });

  it.each(blurs.map((b) => [`σ ${b.sigma}`, b] as const))('blur %s, away from the borders', async (_, b) => {
    const [channels, height, width] = b.image;
    const got = await augmented(b.image, { blur: b.sigma }, backend);
    const inner = (data: ArrayLike<number>) => {
      const values: number[] = [];
      for (let c = 0; c < channels; c++)
        for (let y = b.radius; y < height - b.radius; y++)
          for (let x = b.radius; x < width - b.radius; x++) values.push(data[(c * height + y) * width + x]);
      return values;
    };
    expect(inner(got).length).toBeGreaterThan(200);
    expect(largestDifference(inner(got), inner(wanted(b.array)))).toBeLessThan(1e-6);
  });
});

it('inverse undoes a map', () => {
  const map = { xx: 0.9, xy: 0.4, x0: 12, yx: -0.3, yy: 1.2, y0: -7 };
  const both = inOrder(map, inverse(map));
  expect(both.xx).toBeCloseTo(1, 12);
  expect(both.xy).toBeCloseTo(0, 12);
  expect(both.x0).toBeCloseTo(0, 12);
  expect(both.y0).toBeCloseTo(0, 12);
});
