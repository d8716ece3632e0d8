import type { AttributeValue } from '../../../src/graph/emitter.js';
import { float } from '../../../src/graph/emitter.js';
import { image, op, type Case } from './case.js';

/** One normalisation, x in place of each input in turn. */
function parameters(
  name: string,
  shapes: readonly (readonly number[])[],
  attributes: Record<string, AttributeValue>,
  more: Partial<Case> = {},
): Case[] {
  return shapes.map((dims, place) => ({
    name: `${name} input ${place}`,
    dims,
    build: ({ emit, x, constant }) =>
      emit.op(
        name.split(' ')[0],
        shapes.map((other, i) => (i === place ? x : constant(other))),
        attributes,
      ),
    ...more,
  }));
}

const variances = [0.5, 1, 2];
const batchNorm = (place: number, opset: number): Case => ({
  name: `BatchNormalization input ${place} opset ${opset}`,
  dims: place === 0 ? image : [3],
  opset,
  range: [0.4, 2],
  build: ({ emit, x, constant }) =>
    emit.op(
      'BatchNormalization',
      [0, 1, 2, 3, 4].map((i) =>
        i === place ? x : i === 0 ? constant(image) : constant([3], i === 4 ? variances : undefined),
      ),
      { epsilon: float(1e-3) },
    ),
});

export const normalisation: Case[] = [
  ...[0, 1, 2, 3, 4].map((place) => batchNorm(place, 17)),
  ...[9, 11, 14, 15].map((opset) => batchNorm(0, opset)),
  ...parameters('LayerNormalization', [[2, 3, 8], [8], [8]], { axis: -1 }),
  ...parameters(
    'LayerNormalization two axes',
    [
      [2, 3, 4],
      [3, 4],
      [3, 4],
    ],
    { axis: 1 },
  ),
  ...parameters('LayerNormalization without bias', [[2, 3, 4], [4]], { epsilon: float(0.1) }),
  ...parameters('RMSNormalization', [[2, 3, 8], [8]], { axis: -1 }, { opset: 23 }),
  ...parameters('InstanceNormalization', [image, [3], [3]], {}),
  ...parameters('InstanceNormalization 1-D', [[2, 3, 5], [3], [3]], { epsilon: float(0.1) }),
  ...parameters('GroupNormalization', [[2, 4, 3, 3], [4], [4]], { num_groups: 2 }, { opset: 21 }),
  ...parameters('GroupNormalization per group', [[2, 4, 3, 3], [2], [2]], { num_groups: 2 }, { opset: 18 }),
  op('LRN', [2, 6, 2, 3], { size: 3, alpha: float(0.5), beta: float(0.6), bias: float(1.5) }),
  op('LRN wider than the channels', [1, 3, 2, 2], { size: 5, alpha: float(0.5) }),
  op('LpNormalization', [2, 3, 4], {}),
  op('LpNormalization L1', [2, 3, 4], { p: 1, axis: 1 }, { kinks: [0] }),
  op('LpNormalization opset 22', [2, 3, 4], { p: 2, axis: 0 }, { opset: 22 }),
  op('MeanVarianceNormalization', image),
  op('MeanVarianceNormalization axes', [2, 3, 5], { axes: [0, -1] }),
];
