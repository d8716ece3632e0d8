import type { Dim } from '../../ir.js';
import { inOrder, storedAxis, type Value } from '../value.js';
import type { Writer } from '../writer.js';
import { inputOf, unsupportedLayer, type LayerRule, type LayerView } from './rule.js';

/**
 * Tensors brought to one rank and one order of axes. A tensor of fewer axes gets axes of length 1 after the batch, as
 * Keras's merging layers add them.
 */
function aligned(write: Writer, values: readonly Value[]): Value[] {
  const rank = Math.max(...values.map((value) => value.dims.length));
  const full = values.map((value) => {
    if (value.dims.length === rank) return value;
    const missing = new Array<number>(rank - value.dims.length).fill(1);
    return write.reshaped(value, [value.dims[0], ...missing, ...value.dims.slice(1)]);
  });
  const widest = full.find((value) => value.dims.slice(1).some((dim) => dim !== 1)) ?? full[0];
  const image = full.find((value) => value.dims.slice(1).filter((dim) => dim !== 1).length > 1) ?? widest;
  return full.map((value) => write.arranged(value, image.axes));
}

function broadcastDims(view: LayerView, values: readonly Value[]): Dim[] {
  return values[0].dims.map((_, axis) => {
    const sizes = values.map((value) => value.dims[axis]).filter((dim) => dim !== 1);
    const known = new Set(sizes.filter((dim) => dim !== null));
    if (known.size > 1 && axis > 0) {
      const shapes = values.map((value) => `[${value.dims.slice(1).join(', ')}]`);
      throw unsupportedLayer(view, `its inputs ${shapes.join(' and ')} do not fit together`);
    }
    return sizes.length === 0 ? 1 : ([...known][0] ?? null);
  });
}

/** An elementwise operation on two or more operands; numbers may be among them. */
function merged(combine: (write: Writer, operands: string[]) => string): LayerRule {
  return (view) => {
    inputOf(view);
    if (view.operands.length < 2) throw unsupportedLayer(view, `it merges ${view.operands.length} input, not several`);
    const values = aligned(view.write, view.inputs);
    let next = 0;
    const operands = view.operands.map((operand) =>
      typeof operand === 'number' ? view.write.scalar(operand) : values[next++].name,
    );
    return { name: combine(view.write, operands), dims: broadcastDims(view, values), axes: values[0].axes };
  };
}

/** a ∘ b ∘ c … from a two-input op. */
function folded(op: string): LayerRule {
  return merged((write, operands) => operands.reduce((a, b) => write.op(op, [a, b])));
}

function together(op: string): LayerRule {
  return merged((write, operands) => write.op(op, operands));
}

const average = merged((write, operands) => {
  const total = operands.reduce((a, b) => write.op('Add', [a, b]));
  return write.op('Mul', [total, write.scalar(1 / operands.length)]);
});

const concatenate: LayerRule = (view) => {
  if (view.inputs.length === 1) return inputOf(view);
  inputOf(view);
  const values = aligned(view.write, view.inputs);
  const [first] = values;
  const rank = first.dims.length;
  const given = view.config.number('axis', -1);
  const axis = given < 0 ? given + rank : given;
  const at = axis === 0 ? undefined : storedAxis(first, axis);
  if (at === undefined) throw unsupportedLayer(view, `it joins along axis ${given}`);
  const name = view.write.op(
    'Concat',
    values.map((value) => value.name),
    { axis: at },
  );
  const dims = inOrder(rank).map((i) => {
    const sizes = values.map((value) => value.dims[i]);
    if (i !== axis) return sizes.find((dim) => dim !== null) ?? null;
    return sizes.reduce<Dim>((total, dim) => (total === null || dim === null ? null : total + dim), 0);
  });
  return { name, dims, axes: first.axes };
};

/** What Keras 2 records of plain arithmetic between tensors, by the recorded function. */
const recorded: Record<string, LayerRule> = {
  '__operators__.add': folded('Add'),
  'math.add': folded('Add'),
  'math.subtract': folded('Sub'),
  'math.multiply': folded('Mul'),
  'math.divide': folded('Div'),
  'math.truediv': folded('Div'),
  'nn.relu6': (view) => view.apply('ReLU', { max_value: 6 }, inputOf(view)),
  'nn.relu': (view) => view.apply('ReLU', {}, inputOf(view)),
};

const recordedOperation: LayerRule = (view) => {
  const name = view.config.text('function', '');
  if (Object.hasOwn(recorded, name)) return recorded[name](view);
  throw unsupportedLayer(view, `the operation '${name}' between layers is not one of those that are read`);
};

export const merging: Record<string, LayerRule> = {
  Add: folded('Add'),
  Subtract: folded('Sub'),
  Multiply: folded('Mul'),
  Divide: folded('Div'),
  TrueDivide: folded('Div'),
  Average: average,
  Maximum: together('Max'),
  Minimum: together('Min'),
  Concatenate: concatenate,
  TFOpLambda: recordedOperation,
};
