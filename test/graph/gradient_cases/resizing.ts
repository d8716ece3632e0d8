import { f32, i64 } from '../../../src/graph/constant.js';
import type { AttributeValue } from '../../../src/graph/emitter.js';
import type { Case } from './case.js';

interface How {
  dims?: readonly number[];
  scales?: readonly number[];
  sizes?: readonly number[];
  opset?: number;
}

function resize(name: string, attributes: Record<string, AttributeValue>, how: How): Case {
  const { dims = [1, 2, 4, 5], scales, sizes, opset = 13 } = how;
  return {
    name: `Resize ${name}`,
    dims,
    opset,
    build: ({ emit, x }) => {
      const factors = scales ? emit.constant(f32([scales.length], scales)) : '';
      const targets = sizes ? [emit.constant(i64([sizes.length], sizes))] : [];
      // Operator set 11 wants all inputs, if empty.
      if (opset === 11) {
        const none = emit.constant(f32([0], []));
        return emit.op('Resize', [x, none, factors || none, ...targets], attributes);
      }
      return emit.op('Resize', opset < 11 ? [x, factors] : [x, '', factors, ...targets], attributes);
    },
  };
}

const doubled = [1, 1, 2, 2];
const odd = [1, 1, 1.6, 1.3];
const shrunk = [1, 1, 0.6, 0.5];
const nearest = (coordinates: string, rounding: string) => ({
  mode: 'nearest',
  coordinate_transformation_mode: coordinates,
  nearest_mode: rounding,
});
const linear = (coordinates: string) => ({ mode: 'linear', coordinate_transformation_mode: coordinates });
const cubic = (coordinates: string) => ({ mode: 'cubic', coordinate_transformation_mode: coordinates });

export const resizing: Case[] = [
  resize('nearest as PyTorch', nearest('asymmetric', 'floor'), { scales: doubled }),
  resize('nearest as PyTorch, to a size', nearest('asymmetric', 'floor'), { sizes: [1, 2, 7, 9] }),
  resize('nearest by a fraction', nearest('asymmetric', 'floor'), { scales: odd }),
  resize('nearest shrunk', nearest('asymmetric', 'floor'), { scales: shrunk }),
  resize('nearest exact', nearest('half_pixel', 'round_prefer_ceil'), { scales: odd }),
  resize('nearest default', { mode: 'nearest' }, { scales: odd }),
  resize('nearest default shrunk', { mode: 'nearest' }, { scales: shrunk }),
  resize('nearest ceil', nearest('asymmetric', 'ceil'), { scales: odd }),
  resize('nearest align_corners', nearest('align_corners', 'round_prefer_floor'), { sizes: [1, 2, 7, 8] }),
  resize('nearest tf_half_pixel', nearest('tf_half_pixel_for_nn', 'floor'), { scales: odd, opset: 11 }),
  resize('nearest opset 10', { mode: 'nearest' }, { scales: doubled, opset: 10 }),
  resize('nearest seven-fold', nearest('asymmetric', 'floor'), { scales: [1, 1, 7, 6], dims: [1, 1, 3, 2] }),
  resize('nearest 1-D', nearest('asymmetric', 'floor'), { scales: [1, 1, 2], dims: [2, 3, 4] }),
  resize('linear half_pixel', linear('half_pixel'), { scales: doubled }),
  resize('linear half_pixel by a fraction', linear('half_pixel'), { scales: odd }),
  resize('linear half_pixel shrunk', linear('half_pixel'), { scales: shrunk }),
  resize('linear half_pixel to a size', linear('half_pixel'), { sizes: [1, 2, 9, 3], opset: 11 }),
  resize('linear pytorch_half_pixel', linear('pytorch_half_pixel'), { sizes: [1, 2, 7, 1] }),
  resize('linear align_corners', linear('align_corners'), { sizes: [1, 2, 7, 9] }),
  resize('linear align_corners to one', linear('align_corners'), { sizes: [1, 2, 1, 9] }),
  resize('linear asymmetric', linear('asymmetric'), { scales: odd }),
  resize('linear opset 10', { mode: 'linear' }, { scales: doubled, opset: 10 }),
  resize('linear of one pixel', linear('half_pixel'), { sizes: [1, 3, 4, 4], dims: [1, 3, 1, 1] }),
  resize('linear symmetric', linear('half_pixel_symmetric'), { scales: odd, opset: 19 }),
  resize('linear antialias', { ...linear('half_pixel'), antialias: 1 }, { scales: shrunk, opset: 18 }),
  resize('linear axes', { ...linear('half_pixel'), axes: [2, 3] }, { scales: [2, 1.5], opset: 18 }),
  resize('cubic half_pixel', cubic('half_pixel'), { scales: doubled }),
  resize(
    'cubic by a fraction',
    { ...cubic('half_pixel'), cubic_coeff_a: { kind: 'float', value: -0.5 } },
    { scales: odd },
  ),
  resize('cubic align_corners', cubic('align_corners'), { sizes: [1, 2, 7, 9] }),
  resize('cubic without outside', { ...cubic('half_pixel'), exclude_outside: 1 }, { scales: odd }),
  resize('cubic antialias', { ...cubic('half_pixel'), antialias: 1 }, { scales: shrunk, opset: 18 }),
  resize(
    'linear antialias without outside',
    { ...linear('half_pixel'), antialias: 1, exclude_outside: 1 },
    { scales: shrunk, opset: 18 },
  ),
  resize(
    'cubic antialias without outside',
    { ...cubic('half_pixel'), antialias: 1, exclude_outside: 1 },
    { scales: shrunk, opset: 18 },
  ),
  {
    name: 'Upsample nearest',
    dims: [1, 2, 3, 4],
    opset: 9,
    build: ({ emit, x }) => emit.op('Upsample', [x, emit.constant(f32([4], [1, 1, 2, 3]))], { mode: 'nearest' }),
  },
  {
    name: 'Upsample linear',
    dims: [1, 2, 3, 4],
    opset: 9,
    build: ({ emit, x }) => emit.op('Upsample', [x, emit.constant(f32([4], [1, 1, 2, 3]))], { mode: 'linear' }),
  },
  {
    name: 'Upsample attribute',
    dims: [1, 2, 3, 4],
    opset: 7,
    build: ({ emit, x }) =>
      emit.op('Upsample', [x], { mode: 'nearest', scales: { kind: 'floats', value: [1, 1, 2, 2] } }),
  },
];
