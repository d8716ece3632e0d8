import type { AttributeValue } from '../../../src/graph/emitter.js';
import { image, op, type Case } from './case.js';

/** One reduction with its axes as an attribute, as an input, over all axes, and over none. */
function reductions(name: string, more: Partial<Case> = {}): Case[] {
  // ReduceSum took its axes as an input five operator sets before the others.
  const attribute = { ...more, opset: name === 'ReduceSum' ? 11 : 17 };
  const given = (title: string, axes: number[], attributes: Record<string, AttributeValue>): Case => ({
    name: `${name} ${title}`,
    dims: [2, 3, 4],
    build: ({ emit, x }) => emit.op(name, [x, emit.ints(axes)], attributes),
    ...more,
    opset: 18,
  });
  return [
    op(`${name} one axis`, [2, 3, 4], { axes: [1] }, attribute),
    op(`${name} dropped axes`, [2, 3, 4], { axes: [0, -1], keepdims: 0 }, attribute),
    op(`${name} everything`, [2, 3], { keepdims: 0 }, { ...attribute, opset: 17 }),
    op(`${name} opset 11`, [2, 3, 4], { axes: [2] }, { ...attribute, opset: 11 }),
    given('opset 18', [-2, 2], { keepdims: 0 }),
    given('opset 18 no axes', [], {}),
    given('opset 18 nothing', [], { noop_with_empty_axes: 1 }),
    op(`${name} of one element`, [1, 1], { keepdims: 0 }, { ...attribute, opset: 17 }),
  ];
}

const spaced = { spaced: 0.05 };
const positive = { range: [0.5, 2] as const };

export const reduction: Case[] = [
  op('ReduceMean', image, { axes: [2, 3], keepdims: 0 }),
  ...reductions('ReduceMean'),
  ...reductions('ReduceSum'),
  {
    name: 'ReduceSum squared',
    dims: image,
    build: ({ emit, x }) => emit.mul(emit.reduceSum(x, [0, 2], false), emit.reduceSum(x, [0, 2], false)),
  },
  ...reductions('ReduceMax', spaced),
  ...reductions('ReduceMin', spaced),
  ...reductions('ReduceL1', { kinks: [0] }),
  // The norm of a single number has a kink at 0.
  ...reductions('ReduceL2', { kinks: [0] }),
  ...reductions('ReduceSumSquare'),
  ...reductions('ReduceLogSum', positive),
  ...reductions('ReduceLogSumExp'),
  ...reductions('ReduceProd'),
  {
    name: 'ReduceProd of zeros',
    dims: [3, 1],
    build: ({ emit, x, constant }) =>
      emit.op('ReduceProd', [emit.mul(x, constant([3, 4], [1, 2, 3, 4, 1, 0, 2, 3, 0, 1, 0, 2]))], { axes: [0] }),
  },
  {
    name: 'ReduceMax opset 20',
    dims: [2, 3, 4],
    opset: 20,
    ...spaced,
    build: ({ emit, x }) => emit.op('ReduceMax', [x, emit.ints([1])], { keepdims: 0 }),
  },
  op('ReduceL1 opset 8', [2, 3, 4], { axes: [1] }, { opset: 8, kinks: [0] }),
  op('ReduceMax opset 7', [2, 3, 4], { axes: [1] }, { opset: 7, ...spaced }),
  op('Softmax', [2, 5], { axis: -1 }),
  op('Softmax middle axis', [2, 5, 3], { axis: 1 }),
  op('Softmax default axis', [2, 5, 3]),
  op('Softmax opset 11 flattens', [2, 3, 2], { axis: 1 }, { opset: 11 }),
  op('Softmax opset 11 everything', [2, 3, 2], { axis: 0 }, { opset: 11 }),
  op('Softmax opset 11 default axis', [2, 3, 2], {}, { opset: 11 }),
  op('Softmax far out', [2, 5], {}, { range: [-50, 50] }),
  op('LogSoftmax', [2, 5], { axis: 1 }),
  op('LogSoftmax middle axis', [2, 5, 3], { axis: 1 }),
  op('LogSoftmax opset 11 flattens', [2, 3, 2], { axis: 1 }, { opset: 11 }),
];
