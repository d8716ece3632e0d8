import type { Value } from '../value.js';
import { inOrder } from '../value.js';
import type { Writer } from '../writer.js';
import { inputOf, unsupportedLayer, type LayerRule, type LayerView } from './rule.js';

/** Keras's axis of a value, counted from the front. */
function axisOf(view: LayerView, { dims }: Value, axis: number): number {
  const at = axis < 0 ? axis + dims.length : axis;
  if (Number.isInteger(at) && at > 0 && at < dims.length) return at;
  throw unsupportedLayer(view, `its axis ${axis} is outside an input of ${dims.length} dimensions`);
}

/** x / √max(Σx², 10⁻¹²) over `axes` of the ONNX value. */
function toUnitLength(write: Writer, name: string, axes: readonly number[]): string {
  const squares = write.op('ReduceSum', [write.op('Mul', [name, name]), write.ints(axes)], { keepdims: 1 });
  return write.op('Div', [name, write.op('Sqrt', [write.op('Max', [squares, write.scalar(1e-12)])])]);
}

const unitNormalization: LayerRule = (view) => {
  const input = view.write.unflattened(inputOf(view));
  const axes = (view.config.numbers('axis') ?? [-1]).map((axis) => input.axes.indexOf(axisOf(view, input, axis)));
  return { ...input, name: toUnitLength(view.write, input.name, axes) };
};

/** Product summed over one axis of each of two tensors, sample by sample: [N, …a, …b]; [N, 1] of two vectors. */
const dot: LayerRule = (view) => {
  const { config, write } = view;
  if (view.inputs.length !== 2) throw unsupportedLayer(view, `it takes ${view.inputs.length} inputs, not two`);
  const operands = view.inputs.map((input) => write.inKerasOrder(input));
  const given = config.numbers('axes') ?? [-1];
  const axes = operands.map((operand, i) => axisOf(view, operand, given[i] ?? given[0]));
  const lengths = operands.map(({ dims }, i) => dims[axes[i]]);
  if (lengths[0] !== null && lengths[1] !== null && lengths[0] !== lengths[1]) {
    throw unsupportedLayer(view, `it multiplies axes of ${lengths.join(' and ')} elements`);
  }
  const names = operands.map(({ name }, i) =>
    config.flag('normalize', false) ? toUnitLength(write, name, [axes[i]]) : name,
  );
  // One letter for the batch, one for the summed axis, others free.
  let free = 'c'.charCodeAt(0);
  const terms = operands.map(({ dims }, i) =>
    inOrder(dims.length)
      .map((axis) => (axis === 0 ? 'a' : axis === axes[i] ? 'b' : String.fromCharCode(free++)))
      .join(''),
  );
  const rest = terms.join('').replaceAll(/[ab]/g, '');
  const name = write.op('Einsum', names, { equation: `${terms.join(',')}->a${rest}` });
  const dims = [
    operands[0].dims[0],
    ...operands.flatMap((operand, i) => operand.dims.filter((_, axis) => axis > 0 && axis !== axes[i])),
  ];
  if (dims.length > 1) return { name, dims, axes: inOrder(dims.length) };
  return { name: write.op('Unsqueeze', [name, write.ints([1])]), dims: [dims[0], 1], axes: [0, 1] };
};

export const products: Record<string, LayerRule> = { Dot: dot, UnitNormalization: unitNormalization };
