import { describe, expect, it } from 'vitest';
import { openBackend } from '../../src/backend/index.js';
import { tensor } from '../../src/core/tensor.js';
import { shape2d, shape2dFeatures } from '../../src/kernels/shape2d.js';

type Feature = (typeof shape2dFeatures)[number];
const backends = await Promise.all([openBackend({ prefer: 'reference' }), openBackend({ prefer: 'native' })]);

// Values by pyradiomics 3.0.1 or worked out by hand; test/golden/radiomics.test.ts has many more.
describe.each(backends.map((backend) => [backend.info.name, backend] as const))('shape2d, %s', (_, backend) => {
  /** Features of the region marked in the rows. */
  const shapeOf = async (rows: string[], spacing: { rowSpacing?: number; columnSpacing?: number } = {}) => {
    const dims = [1, rows.length, rows[0].length];
    const maps = tensor(
      'f32',
      dims,
      Float32Array.from(rows.join(''), (mark) => Number(mark === '#')),
    );
    const inputs = { maps, thresholds: tensor('f32', [1], Float32Array.of(1)) };
    const { features } = await backend.run(shape2d, inputs, spacing);
    return (name: Feature) => features.data[shape2dFeatures.indexOf(name)];
  };

  it('one pixel is a diamond without an elongation', async () => {
    const of = await shapeOf(['...', '.#.', '...']);
    expect(of('Perimeter')).toBeCloseTo(4 * Math.SQRT1_2, 6);
    expect(of('MeshSurface')).toBe(0.5);
    expect(of('PixelSurface')).toBe(1);
    expect(of('MaximumDiameter')).toBe(1);
    expect(of('Sphericity')).toBeCloseTo(0.886227, 6);
    expect(of('SphericalDisproportion')).toBeCloseTo(1 / 0.886227, 5);
    expect(of('MajorAxisLength')).toBe(0);
    expect(of('MinorAxisLength')).toBe(0);
    expect(of('Elongation')).toBeNaN();
  });

  it('2 × 2 and 8 × 8 pixels', async () => {
    const small = await shapeOf(['##', '##']);
    expect(small('Perimeter')).toBeCloseTo(6.828427, 6);
    expect(small('MeshSurface')).toBe(3.5);
    expect(small('MaximumDiameter')).toBeCloseTo(2.236068, 6);
    expect(small('Sphericity')).toBeCloseTo(0.971221, 6);
    expect(small('MajorAxisLength')).toBeCloseTo(2, 6);
    expect(small('MinorAxisLength')).toBeCloseTo(2, 6);
    expect(small('Elongation')).toBeCloseTo(1, 6);
    const large = await shapeOf(Array.from({ length: 8 }, () => '########'));
    expect(large('Perimeter')).toBeCloseTo(30.828427, 5);
    expect(large('MeshSurface')).toBe(63.5);
    expect(large('MaximumDiameter')).toBeCloseTo(10.630146, 5);
    expect(large('Sphericity')).toBeCloseTo(0.916306, 6);
    expect(large('PerimeterSurfaceRatio')).toBeCloseTo(30.828427 / 63.5, 6);
  });

  it('pixels that meet at a corner are two diamonds on one line', async () => {
    for (const rows of [
      ['#.', '.#'],
      ['.#', '#.'],
    ]) {
      const of = await shapeOf(rows);
      expect(of('Perimeter')).toBeCloseTo(5.656854, 6);
      expect(of('MeshSurface')).toBe(1);
      expect(of('MinorAxisLength')).toBe(0);
      expect(of('Elongation')).toBe(0);
      // Between the far sides of the diamonds: (−0.5, 0) and (1.5, 1).
      expect(of('MaximumDiameter')).toBeCloseTo(Math.sqrt(5), 6);
    }
  });

  it('a disc of radius 20', async () => {
    const mark = (y: number, x: number) => ((y - 22) ** 2 + (x - 22) ** 2 <= 400 ? '#' : '.');
    const side = Array.from({ length: 45 }, (_v, i) => i);
    const of = await shapeOf(side.map((y) => side.map((x) => mark(y, x)).join('')));
    expect(of('Perimeter')).toBeCloseTo(134.710678, 4);
    expect(of('MeshSurface')).toBe(1256.5);
    expect(of('MaximumDiameter')).toBe(41);
    expect(of('Sphericity')).toBeCloseTo(0.932791, 6);
    expect(of('MajorAxisLength')).toBeCloseTo(40.008909, 4);
    expect(of('MinorAxisLength')).toBeCloseTo(40.008909, 4);
  });

  it('spacing stretches rows and columns, a hole has an outline', async () => {
    const bar = await shapeOf(['###'], { rowSpacing: 4, columnSpacing: 3 });
    expect(bar('PixelSurface')).toBe(36);
    expect(bar('Perimeter')).toBe(4 * 2.5 + 4 * 3); // four corners cut, two pixel widths above and below
    expect(bar('MeshSurface')).toBe(36 - 4 * (12 / 8));
    expect(bar('MaximumDiameter')).toBe(9);
    expect(bar('MajorAxisLength')).toBeCloseTo(4 * 3 * Math.sqrt(2 / 3), 5);
    const frame = await shapeOf(['###', '#.#', '###']);
    expect(frame('MeshSurface')).toBe(9 - 0.5 - 0.5);
    expect(frame('Perimeter')).toBeCloseTo(4 * Math.SQRT1_2 + 8 + 4 * Math.SQRT1_2, 5);
  });

  it('refuses more than 32767 rows or columns', async () => {
    await expect(shapeOf(['#'.repeat(32_768)])).rejects.toThrow('shape2d.maps');
  });

  it('refuses a spacing that is no length', async () => {
    await expect(shapeOf(['#'], { rowSpacing: 0 })).rejects.toThrow('shape2d.rowSpacing');
    await expect(shapeOf(['#'], { columnSpacing: NaN })).rejects.toThrow('shape2d.columnSpacing');
  });
});
