import type { Dim } from '../../ir.js';
import type { Value } from '../value.js';
import { featuresOf, unsupportedLayer, type FeatureMap, type LayerRule, type LayerView } from './rule.js';

const plus = (dim: Dim, amount: number): Dim => (dim === null ? null : dim + amount);

/** Whether the model was made and saved by TensorFlow.js, whose pixel layers are not quite those of Keras. */
function fromTfjs({ kerasVersion }: LayerView): boolean {
  return kerasVersion.startsWith('tfjs');
}

function zeroPadded(rank: 1 | 2): LayerRule {
  return (view) => {
    const features = featuresOf(view, rank);
    const margins = view.config.margins('padding', rank, 1);
    const [begins, ends] = [0, 1].map((side) => margins.map((margin) => margin[side]));
    const pads = view.write.ints([0, 0, ...begins, 0, 0, ...ends]);
    const name = view.write.op('Pad', [features.name, pads, view.write.scalar(0)], { mode: 'constant' });
    const size = features.size.map((dim, axis) => plus(dim, begins[axis] + ends[axis]));
    return features.out(name, features.channels, size);
  };
}

/** A part of a feature map: from `begins`, without the last `ends` pixels. */
function cut(view: LayerView, features: FeatureMap, begins: readonly number[], ends: readonly number[]): Value {
  const { write } = view;
  const size = features.size.map((dim, axis) => plus(dim, -begins[axis] - ends[axis]));
  if (size.some((dim) => dim !== null && dim < 1)) throw unsupportedLayer(view, 'it crops everything away');
  const stops = ends.map((count) => (count ? -count : 2 ** 31 - 1));
  const axes = begins.map((_, axis) => axis + 2);
  const name = write.op('Slice', [features.name, write.ints(begins), write.ints(stops), write.ints(axes)]);
  return features.out(name, features.channels, size);
}

function cropped(rank: 1 | 2): LayerRule {
  return (view) => {
    const margins = view.config.margins('cropping', rank, rank === 1 ? 1 : 0);
    const [begins, ends] = [0, 1].map((side) => margins.map((margin) => margin[side]));
    return cut(view, featuresOf(view, rank), begins, ends);
  };
}

/** The middle, half of an odd rest more at the end. */
const centreCrop: LayerRule = (view) => {
  const features = featuresOf(view, 2);
  const target = [view.config.number('height', 0), view.config.number('width', 0)];
  const rests = features.size.map((dim, axis) => {
    if (dim !== null && dim >= target[axis]) return dim - target[axis];
    throw unsupportedLayer(
      view,
      `it would enlarge images of ${features.size.map((n) => n ?? '?').join('×')} pixels to ${target.join('×')}`,
      'Build the model for larger images, or leave the layer out and use --resize crop.',
    );
  });
  if (fromTfjs(view) && rests.some((rest) => rest > 0)) {
    throw unsupportedLayer(
      view,
      'TensorFlow.js resamples where Keras crops',
      'Leave the layer out of the model and use --resize crop.',
    );
  }
  const begins = rests.map((rest) => Math.floor(rest / 2));
  return cut(
    view,
    features,
    begins,
    rests.map((rest, axis) => rest - begins[axis]),
  );
};

/** TensorFlow.js samples at the corners of pixels, TensorFlow at their centres. */
function sampling(view: LayerView, interpolation: string): Record<string, string> {
  if (interpolation === 'nearest') {
    return { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
  }
  if (interpolation !== 'bilinear') {
    throw unsupportedLayer(view, `its interpolation '${interpolation}' is neither nearest nor bilinear`);
  }
  return { mode: 'linear', coordinate_transformation_mode: fromTfjs(view) ? 'asymmetric' : 'half_pixel' };
}

function upSampled(rank: 1 | 2): LayerRule {
  return (view) => {
    const { write } = view;
    const features = featuresOf(view, rank);
    const factors = view.config.sizes('size', rank, 2);
    const attributes = sampling(view, view.config.text('interpolation', 'nearest').toLowerCase());
    const name = write.op('Resize', [features.name, '', write.floats([1, 1, ...factors])], attributes);
    const size = features.size.map((dim, axis) => dim && dim * factors[axis]);
    return features.out(name, features.channels, size);
  };
}

const resized: LayerRule = (view) => {
  const { config, write } = view;
  const features = featuresOf(view, 2);
  const aspect = config.flag('crop_to_aspect_ratio', false);
  if ((aspect && !fromTfjs(view)) || config.flag('pad_to_aspect_ratio', false)) {
    throw unsupportedLayer(
      view,
      'it crops or pads to an aspect ratio',
      'Leave the layer out of the model and use --resize crop or pad.',
    );
  }
  if (config.flag('antialias', false)) {
    throw unsupportedLayer(
      view,
      'it antialiases',
      'Leave it out of the model: images are resized before, antialiased.',
    );
  }
  const size = [config.number('height', 0), config.number('width', 0)];
  if (features.size.every((dim, axis) => dim === size[axis])) {
    return features.out(features.name, features.channels, size);
  }
  const interpolation = config.text('interpolation', 'bilinear').toLowerCase();
  const attributes = sampling(view, interpolation);
  if (fromTfjs(view)) {
    // TensorFlow.js takes this flag for its own align-corners, and never crops.
    if (!aspect) attributes.coordinate_transformation_mode = 'align_corners';
    if (!aspect && interpolation === 'nearest') attributes.nearest_mode = 'round_prefer_ceil';
  } else if (interpolation === 'nearest') {
    attributes.coordinate_transformation_mode = 'half_pixel';
    attributes.nearest_mode = 'round_prefer_ceil';
  }
  const outer = write.op('Slice', [write.op('Shape', [features.name]), write.ints([0]), write.ints([2])]);
  const sizes = write.op('Concat', [outer, write.ints(size)], { axis: 0 });
  const name = write.op('Resize', [features.name, '', '', sizes], attributes);
  return features.out(name, features.channels, size);
};

/** Layers that pad, cut or resample: what is computed from each pixel stays the same. */
export const resampling: Record<string, LayerRule> = {
  ZeroPadding1D: zeroPadded(1),
  ZeroPadding2D: zeroPadded(2),
  Cropping1D: cropped(1),
  Cropping2D: cropped(2),
  CenterCrop: centreCrop,
  UpSampling1D: upSampled(1),
  UpSampling2D: upSampled(2),
  Resizing: resized,
};
