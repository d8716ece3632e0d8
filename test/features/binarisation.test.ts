import { expect, it } from 'vitest';
import { openBackend } from '../../src/backend/index.js';
import { tensor } from '../../src/core/tensor.js';
import { parseBinarisation, thresholdsOf, type Binarisation } from '../../src/features/binarisation.js';

const backend = await openBackend({ prefer: 'reference' });
const ramp = Float32Array.from({ length: 100 }, (_, i) => i / 200); // 0 … 0.495
const flat = new Float32Array(100);
const maps = tensor('f32', [2, 100], Float32Array.of(...ramp, ...flat));

async function inside(how: Binarisation): Promise<number[]> {
  const { data } = await thresholdsOf(backend, maps, how);
  return [ramp, flat].map((map, b) => map.filter((v) => v >= data[b]).length);
}

it.each<[Binarisation, number, number]>([
  [0.25, 50, 0],
  ['otsu', 50, 0],
  ['max:0.5', 50, 0], // at least 0.2475
  ['max:1', 1, 0],
  ['top:0.1', 10, 0],
  ['top:1', 99, 0], // never zeros
])('%s', async (how, ofRamp, ofFlat) => {
  expect(await inside(how)).toEqual([ofRamp, ofFlat]);
});

it.each(['0', '1', '0.5', 'otsu', 'max:0.15', 'top:.1'])('reads %s', (text) => {
  expect(String(parseBinarisation(text))).toBe(text);
});

it.each(['', 'x', '-1', '1.5', 'max', 'max:2', 'top:', 'NaN', 'max:0x1'])('refuses "%s"', (text) => {
  expect(() => parseBinarisation(text)).toThrow('"otsu"');
});
