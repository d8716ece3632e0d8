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

/** Shape of the region where a map reaches its threshold. */
export const shape2d = defineOp({
  name: 'shape2d',
  inputs: { maps: spec('f32', 'B', 'H', 'W'), thresholds: spec('f32', 'B') },
  params: { rowSpacing: 1, columnSpacing: 1 },
  outputs: { features: spec('f32', 'B', shape2dFeatures.length) },
  reference() {
    throw new SightlineError('E_INTERNAL', { what: 'not built yet' });
  },
  native: true,
  wgsl: { unavailable: 'not built yet' },
  tolerance: { native: { relative: 1e-6, absolute: 1e-7 } },
  bytes: ({ B, H, W }) => 4 * B * H * W,
  flops: ({ B, H, W }) => 10 * B * H * W,
});
