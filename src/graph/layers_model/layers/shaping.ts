import type { Dim } from '../../ir.js';
import { inOrder, sameOrder, type Value } from '../value.js';
import { imageOf, inputOf, unsupportedLayer, type LayerRule, type LayerView } from './rule.js';

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
  const long = turned.axes.filter((axis) => axis === 0 || turned.dims[axis] !== 1);
  const ordered = sameOrder(
    long,
    [...long].sort((a, b) => a - b),
  );
  const kept = ordered || features === null ? write.inKerasOrder(turned) : turned;
  const name = write.op('Flatten', [kept.name], { axis: 1 });
  const flat: Value = { name, dims, axes: [0, 1] };
  return kept === turned && !ordered
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

const plus = (dim: Dim, amount: number): Dim => (dim === null ? null : dim + amount);

const zeroPadding: LayerRule = (view) => {
  const image = imageOf(view);
  const [[top, bottom], [left, right]] = view.config.margins('padding', 1);
  const pads = view.write.ints([0, 0, top, left, 0, 0, bottom, right]);
  const name = view.write.op('Pad', [image.name, pads, view.write.scalar(0)], { mode: 'constant' });
  return image.out(name, image.channels, plus(image.height, top + bottom), plus(image.width, left + right));
};

const cropping: LayerRule = (view) => {
  const { write } = view;
  const image = imageOf(view);
  const [[top, bottom], [left, right]] = view.config.margins('cropping', 0);
  const end = (margin: number) => (margin ? -margin : 2 ** 31 - 1);
  const name = write.op('Slice', [
    image.name,
    write.ints([top, left]),
    write.ints([end(bottom), end(right)]),
    write.ints([2, 3]),
  ]);
  const [height, width] = [plus(image.height, -top - bottom), plus(image.width, -left - right)];
  if ([height, width].some((size) => size !== null && size < 1))
    throw unsupportedLayer(view, 'it crops everything away');
  return image.out(name, image.channels, height, width);
};

/** TensorFlow.js samples at the corners of pixels, TensorFlow at their centres. */
function sampling(view: LayerView, interpolation: string): Record<string, string> {
  if (interpolation === 'nearest') {
    return { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
  }
  if (interpolation !== 'bilinear') {
    throw unsupportedLayer(view, `its interpolation '${interpolation}' is neither nearest nor bilinear`);
  }
  const corners = view.kerasVersion.startsWith('tfjs');
  return { mode: 'linear', coordinate_transformation_mode: corners ? 'asymmetric' : 'half_pixel' };
}

const upSampling: LayerRule = (view) => {
  const { write } = view;
  const image = imageOf(view);
  const [rows, columns] = view.config.pair('size', [2, 2]);
  const scales = write.floats([1, 1, rows, columns]);
  const name = write.op(
    'Resize',
    [image.name, '', scales],
    sampling(view, view.config.text('interpolation', 'nearest')),
  );
  const times = (dim: Dim, factor: number) => dim && dim * factor;
  return image.out(name, image.channels, times(image.height, rows), times(image.width, columns));
};

const resizing: LayerRule = (view) => {
  const { config, write } = view;
  const image = imageOf(view);
  if (config.flag('crop_to_aspect_ratio', false) || config.flag('pad_to_aspect_ratio', false)) {
    throw unsupportedLayer(
      view,
      'it crops or pads to an aspect ratio',
      'Use --resize crop or pad instead of this layer.',
    );
  }
  const [height, width] = [config.number('height', 0), config.number('width', 0)];
  if (image.height === height && image.width === width) return image.out(image.name, image.channels, height, width);
  const interpolation = config.text('interpolation', 'bilinear').toLowerCase();
  const attributes = sampling(view, interpolation);
  if (interpolation === 'nearest' && !view.kerasVersion.startsWith('tfjs')) {
    attributes.coordinate_transformation_mode = 'half_pixel';
    attributes.nearest_mode = 'round_prefer_ceil';
  }
  const outer = write.op('Slice', [write.op('Shape', [image.name]), write.ints([0]), write.ints([2])]);
  const sizes = write.op('Concat', [outer, write.ints([height, width])], { axis: 0 });
  const name = write.op('Resize', [image.name, '', '', sizes], attributes);
  return image.out(name, image.channels, height, width);
};

export const shaping: Record<string, LayerRule> = {
  Flatten: flatten,
  Permute: permute,
  Reshape: reshape,
  ZeroPadding2D: zeroPadding,
  Cropping2D: cropping,
  UpSampling2D: upSampling,
  Resizing: resizing,
};
