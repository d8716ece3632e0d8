import { sizeOf } from '../../../src/core/tensor.js';
import type { Drawing } from './model.js';

type Pooling = (d: Drawing, x: string) => string;

/** [1,C,H,W] → [1,D] */
const poolings: Record<string, Pooling> = {
  average: ({ emit }, x) => emit.op('Flatten', [emit.op('GlobalAveragePool', [x])], { axis: 1 }),
  max: ({ emit }, x) => emit.op('Flatten', [emit.op('GlobalMaxPool', [x])]),
  flatten: ({ emit }, x) => emit.op('Flatten', [x], { axis: 1 }),
  // As PyTorch writes x.mean([2, 3]).
  mean: ({ emit }, x) =>
    emit.opset < 18
      ? emit.op('ReduceMean', [x], { axes: [2, 3], keepdims: 0 })
      : emit.op('ReduceMean', [x, emit.ints([2, 3])], { keepdims: 0 }),
  // As PyTorch writes x.view(x.size(0), -1).
  view: ({ emit }, x) => {
    const size = emit.op('Gather', [emit.op('Shape', [x]), emit.ints([0])], { axis: 0 });
    return emit.op('Reshape', [x, emit.op('Concat', [size, emit.ints([-1])], { axis: 0 })]);
  },
  // As a batch of one was traced: the size is baked in.
  baked: ({ emit }, x) => emit.op('Reshape', [x, emit.ints([1, sizeOf(emit.dims(x))])]),
  sum: ({ emit }, x) => emit.reduceSum(x, [2, 3], false),
};

export function appendHead(d: Drawing, x: string): { value: string; classes: number; name: string } {
  const { emit, pick, chance } = d;
  const classes = d.whole(1, 4);
  const pooling = pick(Object.keys(poolings));
  let value = poolings[pooling](d, x);
  const features = emit.dims(value)[1];
  if (chance(0.3)) value = emit.op('Dropout', [value]);
  const weights = d.weights([features, classes], features);
  value = chance(0.5)
    ? emit.op('Gemm', [value, weights, d.weights([classes])])
    : emit.add(emit.op('MatMul', [value, weights]), d.weights([classes]));
  const tail = pick(['none', 'none', 'Softmax', 'LogSoftmax', 'Sigmoid', 'Identity']);
  if (tail !== 'none') value = emit.op(tail, [value], /Softmax/.test(tail) ? { axis: 1 } : {});
  return { value, classes, name: `${pooling} ${tail}` };
}
