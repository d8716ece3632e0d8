import type { Op } from '../../../src/backend/index.js';
import { Rng } from '../../../src/core/rng.js';
import { tensor, type Tensor } from '../../../src/core/tensor.js';
import { shape2d } from '../../../src/kernels/shape2d.js';
import { type Case, type KernelCases, type Fill, f32, constant, view, shared, uniform } from './case.js';

type Place = (y: number, x: number) => boolean;

/** Maps that are above the threshold 0.5 where `inside` says so. */
function region(height: number, width: number, inside: Place): Fill {
  return (rng, i) => {
    const y = Math.floor(i / width) % height;
    return 0.5 * rng.uniform() + (inside(y, i % width) ? 0.5 : -0.01);
  };
}

function shapeCase(
  name: string,
  dims: number[],
  map: Fill = uniform,
  options: { thresholds?: number[]; rowSpacing?: number; columnSpacing?: number; seed?: number } = {},
): Case {
  const { thresholds = Array.from({ length: dims[0] }, () => 0.5), seed = 9, ...params } = options;
  const inputs = { maps: f32(dims, map, seed), thresholds: tensor('f32', [dims[0]], Float32Array.from(thresholds)) };
  return { name, inputs, params: { rowSpacing: 1, columnSpacing: 1, ...params } };
}

function placed(name: string, height: number, width: number, inside: Place, spacing = {}): Case {
  return shapeCase(`${name}, ${height}×${width}`, [2, height, width], region(height, width, inside), spacing);
}

const disc =
  (cy: number, cx: number, radius: number): Place =>
  (y, x) =>
    (y - cy) ** 2 + (x - cx) ** 2 <= radius ** 2;

/** A focused saliency map: one bump with a rough edge. */
export function bump(height: number, width: number): Fill {
  return (rng, i) => {
    const [y, x] = [(Math.floor(i / width) % height) / height, (i % width) / width];
    return Math.exp(-18 * ((y - 0.45) ** 2 + 0.6 * (x - 0.55) ** 2)) + 0.08 * (rng.uniform() - 0.5);
  };
}

const sides = [1, 2, 3, 7, 31, 63, 64, 65, 127, 128, 129];
export const shape2dCases: KernelCases = {
  op: shape2d as unknown as Op,
  fixed: [
    ...sides.map((width) => shapeCase(`noise 5×${width}`, [3, 5, width])),
    ...sides.map((height) => shapeCase(`noise ${height}×6`, [3, height, 6])),
    shapeCase('noise 257×70', [2, 257, 70]),
    shapeCase('no rows', [2, 0, 5]),
    shapeCase('no columns', [2, 5, 0]),
    shapeCase('all inside', [2, 20, 67], constant(1)),
    shapeCase('nothing inside', [2, 20, 67], constant(0)),
    shapeCase('at the threshold', [2, 9, 9], (_, i) => (i % 4 === 0 ? 0.5 : 0.49)),
    shapeCase('NaN pixel', [3, 10, 12], (rng, i) => (i === 150 ? NaN : rng.uniform())),
    shapeCase('NaN in the last column', [2, 3, 65], (rng, i) => (i === 3 * 65 - 1 ? NaN : rng.uniform())),
    shapeCase('infinite pixels', [2, 10, 12], (rng, i) => [Infinity, -Infinity, rng.uniform()][i % 3]),
    shapeCase('thresholds', [5, 30, 33], uniform, { thresholds: [0.1, NaN, 0.95, Infinity, -Infinity] }),
    placed('one pixel', 9, 11, (y, x) => y === 4 && x === 6),
    placed('one pixel in the corner', 9, 70, (y, x) => y === 8 && x === 69),
    placed('diagonal pair', 9, 11, (y, x) => (y === 4 && x === 6) || (y === 5 && x === 5)),
    placed('isolated pixels', 33, 130, (y, x) => y % 3 === 0 && x % 5 === 0),
    placed('checkerboard', 17, 66, (y, x) => (y + x) % 2 === 0),
    placed('row', 9, 200, (y, x) => y === 3 && x > 2 && x < 190),
    placed('column', 200, 9, (y, x) => x === 8 && y !== 77),
    placed('diagonal line', 120, 130, (y, x) => y === x, { rowSpacing: 0.7, columnSpacing: 1.9 }),
    placed('two pixels wide diagonal', 224, 224, (y, x) => y === x || y === x + 1),
    placed('slope of 1 to 7', 40, 224, (y, x) => y === Math.floor(x / 7)),
    placed('disc', 81, 83, disc(40, 41, 33.5)),
    placed('disc, spacing', 81, 83, disc(40, 41, 33.5), { rowSpacing: 2.5, columnSpacing: 0.4 }),
    placed('ring of two discs', 90, 140, (y, x) => disc(44, 80, 40)(y, x) && !disc(40, 74, 22)(y, x)),
    placed('far corners', 300, 300, (y, x) => (y < 3 && x > 290) || (y > 296 && x < 5)),
    placed('C', 60, 50, (y, x) => x < 4 || y < 3 || y > 55),
    shapeCase('bump', [3, 224, 224], bump(224, 224), { thresholds: [0.2, 0.5, 0.9] }),
    (() => {
      const c = shapeCase('unaligned', [3, 7, 67]);
      return { ...c, inputs: { ...c.inputs, maps: view(c.inputs.maps as Tensor<'f32'>, 1) } };
    })(),
    (() => {
      const c = shapeCase('shared', [3, 7, 67]);
      return { ...c, inputs: { ...c.inputs, maps: shared(c.inputs.maps as Tensor<'f32'>) } };
    })(),
  ],
  random(seed) {
    const rng = new Rng(seed, 'shape2d');
    const dims = [1 + rng.int(3), 1 + rng.int(90), 1 + rng.int(150)];
    const thresholds = Array.from({ length: dims[0] }, () => rng.uniform());
    const spacing = { rowSpacing: 0.2 + 3 * rng.uniform(), columnSpacing: 0.2 + 3 * rng.uniform() };
    const map = rng.int(2) === 0 ? uniform : bump(dims[1], dims[2]);
    return shapeCase(`random ${seed}`, dims, map, { thresholds, seed, ...spacing });
  },
  bench: () => shapeCase('64 × 224², bump', [64, 224, 224], bump(224, 224), {}),
};
