import { i64 } from '../../../src/graph/constant.js';
import type { AttributeValue } from '../../../src/graph/emitter.js';
import type { Build, Case } from './case.js';

/** Indices that the graph computes from x: positions of its largest elements, which do not move with x. */
function computed({ emit, x }: Build, axis: number): string {
  return emit.op('ArgMax', [x], { axis, keepdims: 1 });
}

type Indices = readonly [dims: readonly number[], values: readonly number[]];

function gather(
  name: string,
  dims: readonly number[],
  indices: Indices,
  attributes: Record<string, AttributeValue>,
): Case {
  return {
    name,
    dims,
    build: ({ emit, x }) => emit.op(name.split(' ')[0], [emit.mul(x, x), emit.constant(i64(...indices))], attributes),
  };
}

/** Data, then updates of one scatter. */
function scatter(
  name: string,
  dims: readonly number[],
  indices: Indices,
  updates: readonly number[],
  attributes: Record<string, AttributeValue>,
): Case[] {
  return [0, 2].map((place) => ({
    name: `${name} input ${place}`,
    dims: place === 0 ? dims : updates,
    opset: 16,
    build: ({ emit, x, constant }) =>
      emit.op(
        name.split(' ')[0],
        [place === 0 ? x : constant(dims), emit.constant(i64(...indices)), place === 2 ? x : constant(updates)],
        attributes,
      ),
  }));
}

const twice: Indices = [
  [2, 3],
  [0, 2, 2, -1, 0, 1],
];

export const gathering: Case[] = [
  gather('Gather scalar', [2, 4, 3], [[], [-2]], { axis: 1 }),
  gather(
    'Gather repeated positions',
    [2, 4, 3],
    [
      [2, 2],
      [3, 0, -1, 2],
    ],
    { axis: 1 },
  ),
  gather('Gather one position often', [3, 2], [[7], [1, 1, 1, 0, 1, 1, 1]], {}),
  gather('Gather in order', [2, 5], [[3], [1, 2, 3]], { axis: -1 }),
  gather('Gather last axis', [2, 3, 4], [[2], [3, 0]], { axis: 2 }),
  {
    name: 'Gather computed positions',
    dims: [3, 4],
    spaced: 0.1,
    build: (b) => b.emit.op('Gather', [b.x, b.emit.reshape(computed(b, 1), [3])], { axis: 1 }),
  },
  gather('GatherElements', [3, 3], twice, { axis: 1 }),
  gather(
    'GatherElements first axis',
    [4, 3],
    [
      [2, 2],
      [3, -1, 3, 0],
    ],
    { axis: 0 },
  ),
  gather(
    'GatherElements smaller',
    [3, 5, 4],
    [
      [2, 1, 3],
      [0, 3, -1, 2, 2, 1],
    ],
    { axis: 2 },
  ),
  {
    name: 'GatherElements computed positions',
    dims: [3, 4],
    spaced: 0.1,
    build: (b) => b.emit.op('GatherElements', [b.emit.mul(b.x, b.x), computed(b, 1)], { axis: 1 }),
  },
  {
    name: 'GatherElements computed positions, first axis',
    dims: [3, 4, 2],
    spaced: 0.1,
    build: (b) => {
      const parts = b.emit.slice(computed(b, 0), [1], [0], [3]);
      return b.emit.op('GatherElements', [b.emit.mul(b.x, b.x), parts], { axis: 0 });
    },
  },
  gather(
    'GatherND elements',
    [3, 4],
    [
      [3, 2],
      [0, 1, -1, 2, 0, 1],
    ],
    {},
  ),
  gather(
    'GatherND rows',
    [3, 4],
    [
      [4, 1],
      [0, 2, 2, -2],
    ],
    {},
  ),
  gather(
    'GatherND batch',
    [2, 3, 4],
    [
      [2, 2, 1],
      [0, 2, 1, 1],
    ],
    { batch_dims: 1 },
  ),
  ...scatter(
    'ScatterElements',
    [3, 4],
    [
      [2, 3],
      [0, 2, 1, -1, 0, 2],
    ],
    [2, 3],
    { axis: 0 },
  ),
  ...scatter('ScatterElements overwriting itself', [3, 3], twice, [2, 3], { axis: 1 }),
  ...scatter('ScatterElements adding', [3, 3], twice, [2, 3], { axis: 1, reduction: 'add' }),
  {
    name: 'ScatterElements adding at computed positions',
    dims: [3, 4],
    opset: 16,
    spaced: 0.1,
    build: (b) =>
      b.emit.op('ScatterElements', [b.constant([3, 4]), computed(b, 1), b.emit.reduceSum(b.x, [1], true)], {
        axis: 1,
        reduction: 'add',
      }),
  },
  ...scatter(
    'ScatterND elements',
    [3, 4],
    [
      [3, 2],
      [0, 1, -1, 2, 2, 0],
    ],
    [3],
    {},
  ),
  ...scatter(
    'ScatterND rows',
    [4, 3],
    [
      [2, 1],
      [2, 0],
    ],
    [2, 3],
    {},
  ),
  ...scatter(
    'ScatterND adding',
    [4, 3],
    [
      [3, 1],
      [2, 0, 2],
    ],
    [3, 3],
    { reduction: 'add' },
  ),
  {
    name: 'TopK',
    dims: [3, 5],
    spaced: 0.1,
    build: ({ emit, x }) => emit.ops('TopK', [x, emit.ints([2])], {}, ['values', 'places'])[0],
  },
  {
    name: 'TopK opset 9',
    dims: [3, 5],
    opset: 9,
    spaced: 0.1,
    build: ({ emit, x }) => emit.ops('TopK', [x], { k: 2, axis: -1 }, ['values', 'places'])[0],
  },
  {
    name: 'TopK smallest, first axis',
    dims: [4, 3, 2],
    spaced: 0.1,
    build: ({ emit, x }) => emit.ops('TopK', [x, emit.ints([3])], { axis: 0, largest: 0 }, ['values', 'places'])[0],
  },
];
