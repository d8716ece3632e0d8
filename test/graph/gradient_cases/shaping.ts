import { op, type Build, type Case } from './case.js';

/** An op whose result is weighted unevenly even by a seed of ones, so that misplaced elements show. */
function squared(name: string, dims: readonly number[], build: (b: Build) => string, more: Partial<Case> = {}): Case {
  return { name, dims, build: (b) => build({ ...b, x: b.emit.mul(b.x, b.x) }), ...more };
}

function slice(
  name: string,
  dims: readonly number[],
  [starts, ends, axes, steps]: readonly (readonly number[])[],
  opset = 13,
): Case {
  return squared(
    `Slice ${name}`,
    dims,
    ({ emit, x }) => emit.op('Slice', [x, ...[starts, ends, axes, steps].map((list) => emit.ints(list))]),
    { opset },
  );
}

function pad(name: string, mode: string, pads: readonly number[], axes?: readonly number[], opset = 18): Case {
  return squared(
    `Pad ${mode} ${name}`,
    [3, 4, 5],
    ({ emit, x }) => emit.op('Pad', [x, emit.ints(pads), ...(axes ? ['', emit.ints(axes)] : [])], { mode }),
    { opset },
  );
}

function cumulated(exclusive: number, reverse: number): Case {
  return {
    name: `CumSum exclusive ${exclusive} reverse ${reverse}`,
    dims: [2, 4, 3],
    build: ({ emit, x }) => emit.op('CumSum', [x, emit.ints([-2])], { exclusive, reverse }),
  };
}

function triangle(dims: readonly number[], upper: number, offset?: number): Case {
  return {
    name: `Trilu ${dims.join('x')} upper ${upper} offset ${offset}`,
    dims,
    build: ({ emit, x }) => emit.op('Trilu', offset === undefined ? [x] : [x, emit.ints([offset])], { upper }),
  };
}

export const shaping: Case[] = [
  squared('Reshape', [2, 6], ({ emit, x }) => emit.reshape(x, [3, 4])),
  squared('Reshape copied and open dims', [2, 3, 4], ({ emit, x }) => emit.op('Reshape', [x, emit.ints([0, -1])])),
  op('Flatten', [2, 3, 4], { axis: 1 }),
  op('Flatten from the end', [2, 3, 4], { axis: -1 }),
  op('Flatten everything', [2, 3, 4], { axis: 0 }),
  squared('Squeeze', [2, 1, 3], ({ emit, x }) => emit.op('Squeeze', [x, emit.ints([1])])),
  squared('Squeeze all', [1, 2, 1], ({ emit, x }) => emit.op('Squeeze', [x])),
  squared('Squeeze opset 11', [2, 1, 3], ({ emit, x }) => emit.op('Squeeze', [x], { axes: [-2] }), { opset: 11 }),
  squared('Unsqueeze', [2, 3], ({ emit, x }) => emit.op('Unsqueeze', [x, emit.ints([0, -1])])),
  squared('Unsqueeze opset 11', [2, 3], ({ emit, x }) => emit.op('Unsqueeze', [x], { axes: [1] }), { opset: 11 }),
  op('Transpose', [2, 3, 4], { perm: [2, 0, 1] }),
  op('Transpose reversed', [2, 3, 4]),
  squared('Expand', [3, 1], ({ emit, x }) => emit.op('Expand', [x, emit.ints([2, 3, 4])])),
  squared('Expand smaller shape', [2, 3], ({ emit, x }) => emit.op('Expand', [x, emit.ints([1])])),
  squared('Tile', [2, 1, 3], ({ emit, x }) => emit.op('Tile', [x, emit.ints([2, 3, 2])])),
  squared('Tile once', [2, 3], ({ emit, x }) => emit.op('Tile', [x, emit.ints([1, 1])])),
  {
    name: 'Concat',
    dims: [2, 3],
    build: ({ emit, x, constant }) => emit.op('Concat', [x, constant([2, 2]), emit.mul(x, x)], { axis: 1 }),
  },
  {
    name: 'Concat last axis',
    dims: [2, 1, 3],
    build: ({ emit, x, constant }) => emit.op('Concat', [constant([2, 1, 1]), x, x], { axis: -1 }),
  },
  {
    name: 'Split',
    dims: [2, 5],
    build: ({ emit, x }) => {
      const [a, , c] = emit.ops('Split', [x, emit.ints([2, 1, 2])], { axis: 1 }, ['a', 'b', 'c']);
      return emit.mul(a, c);
    },
  },
  {
    name: 'Split opset 11',
    dims: [5, 2],
    opset: 11,
    build: ({ emit, x }) =>
      emit.mul(...(emit.ops('Split', [x], { split: [2, 2, 1] }, ['a', 'b', 'c']) as [string, string])),
  },
  {
    name: 'Split evenly',
    dims: [2, 6],
    build: ({ emit, x }) => emit.mul(...(emit.ops('Split', [x], { axis: -1 }, ['a', 'b']) as [string, string])),
  },
  {
    name: 'Split opset 18 with a smaller last part',
    dims: [2, 5],
    opset: 18,
    build: ({ emit, x }) => {
      const [a, b] = emit.ops('Split', [x], { axis: 1, num_outputs: 2 }, ['a', 'b']);
      return emit.op('Concat', [emit.mul(b, b), a], { axis: 1 });
    },
  },
  squared('Slice', [4, 5], ({ emit, x }) => emit.slice(x, [1, 0], [1, -2], [-1, 1000])),
  squared('Slice opset 9', [4, 5], ({ emit, x }) => emit.slice(x, [1], [1], [3]), { opset: 9 }),
  squared('Slice opset 10', [4, 5], ({ emit, x }) => emit.slice(x, [1], [1], [5], [2]), { opset: 10 }),
  slice(
    'strided',
    [7, 9],
    [
      [1, 0],
      [7, 9],
      [0, 1],
      [3, 2],
    ],
  ),
  slice(
    'backwards',
    [5, 4],
    [
      [-1, 3],
      [-1000, 0],
      [0, 1],
      [-1, -2],
    ],
  ),
  slice('backwards, one axis of three', [2, 6, 3], [[4], [0], [1], [-3]]),
  slice('beyond both ends', [4], [[-100], [100], [0], [1]]),
  squared('Pad', [2, 3], ({ emit, x }) => emit.pad(x, [1, 0, 0, 2], 3)),
  squared('Pad opset 9', [2, 3], ({ emit, x }) => emit.pad(x, [1, 0, 0, 2], 3), { opset: 9 }),
  pad('all axes', 'constant', [1, 0, 2, 0, 3, 1]),
  pad('two axes', 'constant', [1, 2, 0, 3], [-1, 0]),
  pad('cropping', 'constant', [-1, 0, 2, 0, -2, -3]),
  pad('all axes', 'reflect', [1, 2, 0, 2, 0, 3]),
  pad('two axes', 'reflect', [2, 1, 3, 0], [2, 1]),
  pad('opset 11', 'reflect', [0, 1, 1, 0, 2, 1], undefined, 11),
  pad('opset 13', 'edge', [2, 0, 1, 1, 6, 0], undefined, 13),
  pad('two axes', 'edge', [2, 1, 3, 0], [2, 1]),
  pad('two axes', 'wrap', [2, 1, 3, 0], [2, 1], 19),
  cumulated(0, 0),
  cumulated(0, 1),
  cumulated(1, 0),
  cumulated(1, 1),
  triangle([3, 4], 1),
  triangle([3, 4], 0),
  triangle([2, 3, 3], 1, 1),
  triangle([2, 4, 3], 0, -1),
  op('DepthToSpace', [2, 8, 2, 3], { blocksize: 2 }),
  op('DepthToSpace CRD', [1, 18, 2, 3], { blocksize: 3, mode: 'CRD' }),
  op('SpaceToDepth', [2, 3, 4, 6], { blocksize: 2 }),
  { name: 'Cast', dims: [4], build: ({ emit, x }) => emit.cast(emit.cast(x, 'f64'), 'f32') },
  {
    name: 'Cast past an integer',
    dims: [4],
    kinks: [-1, 0, 1],
    build: ({ emit, x }) => emit.mul(emit.cast(emit.cast(x, 'i64'), 'f32'), x),
  },
  { name: 'CastLike', dims: [4], build: ({ emit, x, constant }) => emit.op('CastLike', [x, constant([1])]) },
];
