import type { Dim } from '../../ir.js';
import { inElementOrder, inOrder, sameOrder, type Value } from '../value.js';
import { inputOf, unsupportedLayer, type LayerRule } from './rule.js';

function sizeOfSample(dims: readonly Dim[]): number | null {
  return dims.slice(1).reduce<number | null>((total, dim) => (total === null || dim === null ? null : total * dim), 1);
}

/**
 * [batch, features]. An image kept channels first is flattened as it stands; the next dense layer has its rows in that
 * order, so that nothing is moved.
 */
const flatten: LayerRule = (view) => {
  const { write } = view;
  const first = view.config.text('data_format', 'channels_last') === 'channels_first';
  const input = inputOf(view);
  const features = sizeOfSample(input.dims);
  const dims = [input.dims[0], features];
  if (input.dims.length === 2) return input;
  // Given channels first, Keras itself flattens in channels-last order.
  const turned =
    first && input.dims.length > 2 ? permuted(input, [0, ...inOrder(input.dims.length).slice(2), 1]) : input;
  const ordered = inElementOrder(turned);
  const kept = !ordered && features === null ? write.inKerasOrder(turned) : turned;
  const name = write.op('Flatten', [kept.name], { axis: 1 });
  const flat: Value = { name, dims, axes: [0, 1] };
  return !ordered && kept === turned
    ? { ...flat, flattened: { dims: turned.dims as number[], axes: turned.axes } }
    : flat;
};

/** The same elements with Keras's axes in another order: nothing moves in the graph. */
function permuted(value: Value, order: readonly number[]): Value {
  return { ...value, dims: order.map((axis) => value.dims[axis]), axes: value.axes.map((axis) => order.indexOf(axis)) };
}

const permute: LayerRule = (view) => {
  const input = view.write.unflattened(inputOf(view));
  const order = [0, ...(view.config.numbers('dims') ?? [])];
  const rank = input.dims.length;
  if (
    !sameOrder(
      [...order].sort((a, b) => a - b),
      inOrder(rank),
    )
  ) {
    throw unsupportedLayer(view, `its dims [${order.slice(1).join(', ')}] do not reorder ${rank - 1} axes`);
  }
  return permuted(input, order);
};

const reshape: LayerRule = (view) => {
  const input = inputOf(view);
  const target: Dim[] = view.config.numbers('target_shape') ?? [];
  const total = sizeOfSample(input.dims);
  const rest = target.filter((dim) => dim !== -1).reduce<number>((product, dim) => product * (dim as number), 1);
  const sample = target.map((dim) => (dim !== -1 ? dim : total === null ? null : total / rest));
  const fits = total === null || sizeOfSample([null, ...sample]) === total;
  if (
    !fits ||
    sample.filter((dim) => dim === null).length > 1 ||
    sample.some((dim) => dim !== null && !Number.isInteger(dim))
  ) {
    throw unsupportedLayer(
      view,
      `[${input.dims.slice(1).join(', ')}] does not fit into its shape [${target.join(', ')}]`,
    );
  }
  return view.write.reshaped(input, [input.dims[0], ...sample]);
};

/** [batch, features] → [batch, n, features] */
const repeatVector: LayerRule = (view) => {
  const { write } = view;
  const input = write.unflattened(inputOf(view));
  if (input.dims.length !== 2) throw unsupportedLayer(view, `its input has ${input.dims.length} dimensions, not 2`);
  const [batch, features] = input.dims;
  const count = view.config.number('n', 1);
  const row = write.reshaped(input, [batch, 1, features]);
  return { ...row, name: write.op('Tile', [row.name, write.ints([1, count, 1])]), dims: [batch, count, features] };
};

export const shaping: Record<string, LayerRule> = {
  Flatten: flatten,
  Permute: permute,
  Reshape: reshape,
  RepeatVector: repeatVector,
};
