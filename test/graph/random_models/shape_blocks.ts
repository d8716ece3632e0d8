import { f32, i64 } from '../../../src/graph/constant.js';
import type { Block } from './blocks.js';
import type { Drawing } from './model.js';

function list(d: Drawing, values: readonly number[]): string {
  return d.emit.constant(i64([values.length], values));
}

/** Maps that can be joined to x along the channels. */
function joinable(d: Drawing, x: string): string[] {
  const size = d.emit.dims(x).slice(2).join();
  return d.maps.filter((map) => d.emit.dims(map).slice(2).join() === size);
}

function split(d: Drawing, x: string, axis: number, sizes: readonly number[]): string[] {
  const names = sizes.map(() => d.emit.fresh('part'));
  return d.emit.opset < 13
    ? d.emit.ops('Split', [x], { axis, split: sizes }, names)
    : d.emit.ops('Split', [x, list(d, sizes)], { axis }, names);
}

export const fromShapes: Record<string, Block> = {
  'Concat channels': (d, x) => d.emit.op('Concat', [x, d.pick(joinable(d, x)), d.pick(joinable(d, x))], { axis: 1 }),
  'Concat dense': (d, x) => {
    const c = d.emit.dims(x)[1];
    const grown = d.emit.op('Relu', [d.emit.op('Conv', [x, d.weights([2, c, 1, 1], c)])]);
    return d.emit.op('Concat', [x, grown], { axis: 1 });
  },
  'Concat rows': (d, x) => d.emit.op('Concat', [x, d.emit.op('Sigmoid', [x])], { axis: d.pick([2, 3, -1]) }),
  'Split and join': (d, x) => {
    const c = d.emit.dims(x)[1];
    if (c < 2) return undefined;
    const first = d.whole(1, c - 1);
    const [a, b] = split(d, x, 1, [first, c - first]);
    return d.emit.op('Concat', [b, d.emit.op('Relu', [a])], { axis: 1 });
  },
  'One part of three': (d, x) => {
    const [, , height] = d.emit.dims(x);
    return height < 3 ? undefined : split(d, x, 2, [1, height - 2, 1])[d.whole(0, 2)];
  },
  Slice: (d, x) => {
    const size = d.emit.dims(x).slice(2);
    const starts = size.map((n) => d.whole(0, Math.floor((n - 1) / 2)));
    const ends = size.map((n, i) => d.whole(starts[i] + 1, n));
    const steps = size.map(() => d.whole(1, 2));
    return d.emit.slice(x, [2, 3], starts, ends, d.emit.opset < 10 ? undefined : steps);
  },
  // torch.flip
  Flip: (d, x) => {
    if (d.emit.opset < 10) return undefined;
    const axis = d.pick([1, 2, 3]);
    return d.emit.op('Slice', [x, list(d, [-1]), list(d, [-(2 ** 31)]), list(d, [axis]), list(d, [-1])]);
  },
  // Swin's patch merging.
  'Patch merging': (d, x) => {
    const [, , height, width] = d.emit.dims(x);
    if (height % 2 || width % 2 || d.emit.opset < 10) return undefined;
    const parts = [0, 1].flatMap((row) =>
      [0, 1].map((column) => d.emit.slice(x, [2, 3], [row, column], [height, width], [2, 2])),
    );
    return d.emit.op('Concat', parts, { axis: 1 });
  },
  Pad: (d, x) => {
    const [, , height, width] = d.emit.dims(x);
    const mode = d.pick(height > 1 && width > 1 ? ['constant', 'edge', 'reflect'] : ['constant', 'edge']);
    const pads = [0, 0, d.whole(0, 1), d.whole(0, 1), 0, 0, d.whole(0, 1), d.whole(0, 1)];
    if (d.emit.opset < 11) return d.emit.op('Pad', [x], { mode, pads });
    return d.emit.op('Pad', [x, list(d, pads)], { mode });
  },
  Crop: (d, x) => {
    const [, , height, width] = d.emit.dims(x);
    if (height < 2 || width < 2 || d.emit.opset < 11) return undefined;
    return d.emit.op('Pad', [x, list(d, [0, 0, -1, 0, 0, 0, 0, -1])], { mode: 'constant' });
  },
  // Swin's shift.
  Roll: (d, x) => {
    const axis = d.pick([2, 3]);
    const size = d.emit.dims(x)[axis];
    if (size < 2) return undefined;
    const at = d.whole(1, size - 1);
    return d.emit.op('Concat', [d.emit.slice(x, [axis], [at], [size]), d.emit.slice(x, [axis], [0], [at])], { axis });
  },
  // ShuffleNet's.
  'Channel shuffle': (d, x) => {
    const [, c, height, width] = d.emit.dims(x);
    if (c % 2) return undefined;
    const grouped = d.emit.reshape(x, [d.pick([1, -1]), 2, c / 2, height, width]);
    return d.emit.reshape(d.emit.transpose(grouped, [0, 2, 1, 3, 4]), [d.pick([1, -1]), c, height, width]);
  },
  'Gather channels': (d, x) => {
    const c = d.emit.dims(x)[1];
    const picked = Array.from({ length: d.whole(1, 4) }, () => d.whole(-c, c - 1));
    return d.emit.op('Gather', [x, list(d, picked)], { axis: 1 });
  },
  // x[:, 0:1] by a scalar index, as exporters write it.
  'One channel': (d, x) => {
    const one = d.emit.op('Gather', [x, d.emit.constant(i64([], [0]))], { axis: 1 });
    return d.emit.opset < 13
      ? d.emit.op('Unsqueeze', [one], { axes: [1] })
      : d.emit.op('Unsqueeze', [one, list(d, [1])]);
  },
  'Squeeze and back': (d, x) => {
    const pooled = d.emit.op('GlobalMaxPool', [x]);
    const axes = [2, 3];
    if (d.emit.opset < 13)
      return d.emit.mul(x, d.emit.op('Unsqueeze', [d.emit.op('Squeeze', [pooled], { axes })], { axes }));
    const flat = d.emit.op('Squeeze', [pooled, list(d, axes)]);
    return d.emit.mul(x, d.emit.op('Unsqueeze', [flat, list(d, axes)]));
  },
  // Channels stay: ONNX Runtime moves a Transpose behind a linear Resize, and then refuses to resize along them.
  Transpose: (d, x) => d.emit.transpose(x, [0, 1, 3, 2]),
  Tile: (d, x) => d.emit.op('Tile', [x, list(d, [1, d.whole(1, 2), 1, d.whole(1, 2)])]),
  'Expand pooled': (d, x) => {
    const [, c, height, width] = d.emit.dims(x);
    if (d.emit.opset < 8) return undefined;
    return d.emit.op('Expand', [d.emit.op('GlobalAveragePool', [x]), list(d, [1, c, height, width])]);
  },
  'Depth to space': (d, x) => {
    const c = d.emit.dims(x)[1];
    if (c % 4) return undefined;
    const mode: Record<string, string> = d.emit.opset < 11 ? {} : { mode: d.pick(['DCR', 'CRD']) };
    return d.emit.op('DepthToSpace', [x], { blocksize: 2, ...mode });
  },
  'Space to depth': (d, x) => {
    const [, , height, width] = d.emit.dims(x);
    return height % 2 || width % 2 ? undefined : d.emit.op('SpaceToDepth', [x], { blocksize: 2 });
  },
  Resize: (d, x) => {
    if (d.emit.opset < 9)
      return d.emit.op('Upsample', [x], { mode: 'nearest', scales: { kind: 'floats', value: [1, 1, 2, 2] } });
    if (d.emit.opset < 11)
      return d.emit.op('Upsample', [x, d.emit.constant(f32([4], [1, 1, 2, 2]))], { mode: 'nearest' });
    const [, c, height, width] = d.emit.dims(x);
    const none = d.emit.constant(f32([0], []));
    const how = d.pick<Record<string, string>>([
      { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
      { mode: 'linear', coordinate_transformation_mode: 'half_pixel' },
      { mode: 'linear', coordinate_transformation_mode: 'align_corners' },
      { mode: 'linear', coordinate_transformation_mode: 'pytorch_half_pixel' },
      { mode: 'cubic', coordinate_transformation_mode: 'half_pixel' },
    ]);
    const sizes = [1, c, d.whole(1, height * 2), d.whole(1, width * 2)];
    return d.chance(0.5)
      ? d.emit.op('Resize', [x, none, none, list(d, sizes)], how)
      : d.emit.op('Resize', [x, none, d.emit.constant(f32([4], [1, 1, 2, d.pick([1, 1.5, 2])]))], how);
  },
  Einsum: (d, x) => {
    const c = d.emit.dims(x)[1];
    if (d.emit.opset < 12) return undefined;
    return d.emit.op('Einsum', [x, d.weights([c, 2], c)], { equation: 'bchw,ck->bkhw' });
  },
  'Running sum': (d, x) =>
    d.emit.opset < 11 ? undefined : d.emit.op('CumSum', [x, d.emit.constant(i64([], [d.pick([1, 2, 3])]))]),
  Triangle: (d, x) => (d.emit.opset < 14 ? undefined : d.emit.op('Trilu', [x], { upper: d.whole(0, 1) })),
  'Shape arithmetic': (d, x) => {
    const { emit } = d;
    const shape = emit.op('Shape', [x]);
    const at = (axis: number) => emit.op('Gather', [shape, list(d, [axis])], { axis: 0 });
    const flat = emit.op('Concat', [at(0), at(1), list(d, [-1])], { axis: 0 });
    const scaled = emit.op('Sigmoid', [emit.op('Reshape', [x, flat])]);
    return emit.op('Reshape', [scaled, shape]);
  },
};
