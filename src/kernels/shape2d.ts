import { SightlineError } from '../core/errors.js';
import { defineOp, spec } from '../backend/op.js';

/** Columns of the output, named and ordered as pyradiomics' shape2D. */
export const shape2dFeatures = [
  'Elongation',
  'MajorAxisLength',
  'MaximumDiameter',
  'MeshSurface',
  'MinorAxisLength',
  'Perimeter',
  'PerimeterSurfaceRatio',
  'PixelSurface',
  'Sphericity',
  'SphericalDisproportion',
] as const;

/**
 * Shape of the region where a map reaches its threshold (v ≥ t), as pyradiomics 3.0.1's shape2D (shape2D.py, cshape.c).
 * Lengths are in the unit of `rowSpacing` (between rows) and `columnSpacing` (between columns), surfaces in its square.
 *
 * The outline is a mesh by marching squares over the region, with nothing outside the image: vertices lie half way
 * between a pixel inside and a neighbour outside, and two pixels that meet at a corner only are apart (4-connected
 * region). Every hole and every component counts.
 *   Perimeter P    Σ lengths of the segments
 *   MeshSurface A  ½ |Σ a × b| over the segments from a to b, each with the region on the same side
 *   PixelSurface   pixels · rowSpacing · columnSpacing
 *   PerimeterSurfaceRatio P/A    Sphericity 2√(πA)/P    SphericalDisproportion 1/Sphericity
 *   MaximumDiameter   largest distance between two vertices
 *   MajorAxisLength 4√λ1, MinorAxisLength 4√λ2, Elongation √(λ2/λ1); λ1 ≥ λ2 the eigenvalues of the covariance (÷ N) of
 *   the pixels' centres. Pixels on one straight line have λ2 = 0, whatever rounding says; one pixel has Elongation NaN.
 * All NaN: an empty region, a threshold that is not finite, a map with a NaN.
 */
export const shape2d = defineOp({
  name: 'shape2d',
  inputs: { maps: spec('f32', 'B', 'H', 'W'), thresholds: spec('f32', 'B') },
  params: { rowSpacing: 1, columnSpacing: 1 },
  outputs: { features: spec('f32', 'B', shape2dFeatures.length) },

  check({ H, W }, { rowSpacing, columnSpacing }) {
    for (const [name, spacing] of Object.entries({ rowSpacing, columnSpacing })) {
      if (!(spacing > 0 && Number.isFinite(spacing))) {
        throw new SightlineError('E_ARGUMENT', {
          where: `shape2d.${name}`,
          what: `expected a positive number, received ${spacing}`,
        });
      }
    }
    if (Math.max(H, W) > largestSide) {
      throw new SightlineError('E_SHAPE', {
        where: 'shape2d.maps',
        what: `expected at most ${largestSide} rows and columns, received ${H} × ${W}`,
      });
    }
  },

  reference({ maps, thresholds }, { features }, { B, H, W }, { rowSpacing, columnSpacing }) {
    for (let b = 0; b < B; b++) {
      const map = maps.subarray(b * H * W, (b + 1) * H * W);
      const threshold = thresholds[b];
      const out = features.subarray(b * shape2dFeatures.length, (b + 1) * shape2dFeatures.length).fill(NaN);
      if (!Number.isFinite(threshold) || map.some(Number.isNaN)) continue;
      const inside = (y: number, x: number) => y >= 0 && y < H && x >= 0 && x < W && map[y * W + x] >= threshold;

      let pixels = 0;
      let [meanY, meanX] = [0, 0];
      for (let y = 0; y < H; y++)
        for (let x = 0; x < W; x++)
          if (inside(y, x)) {
            pixels++;
            meanY += y;
            meanX += x;
          }
      if (pixels === 0) continue;
      meanY /= pixels;
      meanX /= pixels;

      let [perimeter, cross] = [0, 0];
      // Of the vertices of a row or half row, only the leftmost and the rightmost can be an end of the diameter.
      const leftmost = new Float64Array(2 * H + 1).fill(Infinity);
      const rightmost = new Float64Array(2 * H + 1).fill(-Infinity);
      for (let y = -1; y < H; y++) {
        for (let x = -1; x < W; x++) {
          const corners = +inside(y, x) + 2 * +inside(y, x + 1) + 4 * +inside(y + 1, x + 1) + 8 * +inside(y + 1, x);
          for (const [from, to] of segments[corners]) {
            const [ay, ax] = [(y + from[0]) * rowSpacing, (x + from[1]) * columnSpacing];
            const [by, bx] = [(y + to[0]) * rowSpacing, (x + to[1]) * columnSpacing];
            perimeter += Math.hypot(ay - by, ax - bx);
            cross += ax * by - bx * ay;
            for (const [dy, dx] of [from, to]) {
              const row = 2 * (y + dy) + 1;
              leftmost[row] = Math.min(leftmost[row], x + dx);
              rightmost[row] = Math.max(rightmost[row], x + dx);
            }
          }
        }
      }
      let diameter = 0;
      for (let i = 0; i < leftmost.length; i++) {
        for (let j = i; j < leftmost.length; j++) {
          const width = Math.max(rightmost[i] - leftmost[j], rightmost[j] - leftmost[i]); // −∞ where there is no vertex
          if (width >= 0) diameter = Math.max(diameter, Math.hypot(((j - i) / 2) * rowSpacing, width * columnSpacing));
        }
      }

      let [yy, xx, xy] = [0, 0, 0];
      for (let y = 0; y < H; y++)
        for (let x = 0; x < W; x++)
          if (inside(y, x)) {
            const [dy, dx] = [(y - meanY) * rowSpacing, (x - meanX) * columnSpacing];
            yy += dy * dy;
            xx += dx * dx;
            xy += dy * dx;
          }
      [yy, xx, xy] = [yy / pixels, xx / pixels, xy / pixels];
      const largest = (yy + xx) / 2 + Math.hypot((yy - xx) / 2, xy);
      const product = yy * xx - xy * xy; // of the two eigenvalues
      const smallest = product > straight * largest * largest ? product / largest : 0;

      const surface = Math.abs(cross) / 2;
      const sphericity = (2 * Math.sqrt(Math.PI * surface)) / perimeter;
      out.set([
        Math.sqrt(smallest / largest),
        4 * Math.sqrt(largest),
        diameter,
        surface,
        4 * Math.sqrt(smallest),
        perimeter,
        perimeter / surface,
        pixels * rowSpacing * columnSpacing,
        sphericity,
        1 / sphericity,
      ]);
    }
  },

  native: true,
  wgsl: {
    overrides: () => ({ WORKGROUP: 256 }),
    uniforms: [
      ['B', 'u32'],
      ['H', 'u32'],
      ['W', 'u32'],
      ['rowSpacing', 'f32'],
      ['columnSpacing', 'f32'],
    ],
    workgroups: ({ B }) => [B],
    obstacle: ({ H, W }) =>
      H > 1500 || W > 8192
        ? `its workgroup keeps the ends of at most 1500 rows of 8192 pixels, received ${H} × ${W}`
        : undefined,
    splitBy: 'B',
  },
  tolerance: {
    native: { relative: 1e-6, absolute: 1e-7 },
    webgpu: {
      relative: 1e-5,
      absolute: 1e-6,
      // Elongation and MinorAxisLength, which of a slim region at 45° are what two large numbers leave.
      byColumn: shape2dFeatures.map((name) =>
        name === 'Elongation' || name === 'MinorAxisLength'
          ? { relative: 2e-4, absolute: 1e-5 }
          : { relative: 1e-5, absolute: 1e-6 },
      ),
    },
  },
  bytes: ({ B, H, W }) => 4 * B * (H * W + 1 + shape2dFeatures.length),
  flops: ({ B, H, W }) => 10 * B * H * W,
});

/** Coordinates doubled, and their squares summed over all pixels, stay exact in 64 bits up to here. */
const largestSide = 32767;

/** λ2/λ1 below this is a straight line and rounding: one pixel beside a line of 10,000 still gives 1e-11. */
const straight = 1e-12;

/** Where the mesh crosses the sides of a square of four pixels, from its upper left pixel: row and column. */
const [top, right, bottom, left] = [
  [0, 0.5],
  [0.5, 1],
  [1, 0.5],
  [0.5, 0],
] as const;

/**
 * Segments in a square by which of its pixels are inside (1 upper left, 2 upper right, 4 lower right, 8 lower left), with
 * the inside on the left of who walks along.
 */
const segments: readonly (readonly (readonly [readonly [number, number], readonly [number, number]])[])[] = [
  [],
  [[left, top]],
  [[top, right]],
  [[left, right]],
  [[right, bottom]],
  [
    [left, top],
    [right, bottom],
  ],
  [[top, bottom]],
  [[left, bottom]],
  [[bottom, left]],
  [[bottom, top]],
  [
    [top, right],
    [bottom, left],
  ],
  [[bottom, right]],
  [[right, left]],
  [[right, top]],
  [[top, left]],
  [],
];
