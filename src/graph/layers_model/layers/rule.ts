import { SightlineError } from '../../../core/errors.js';
import type { Constant } from '../../constant.js';
import type { Dim } from '../../ir.js';
import type { Config } from '../config.js';
import { channelsLast, inOrder, type Value } from '../value.js';
import type { Weight } from '../weights.js';
import type { Writer } from '../writer.js';

/** What the rule of a layer class sees: one call of one layer. */
export interface LayerView {
  /** Path of the layer: its name, after the names of the models that it is in. */
  readonly path: string;
  readonly className: string;
  readonly config: Config;
  /** Tensors and numbers that it is called with. */
  readonly operands: readonly (Value | number)[];
  /** The tensors among the operands. */
  readonly inputs: readonly Value[];
  readonly write: Writer;
  /** "2.15.0", "tfjs-layers 4.22.0" … */
  readonly kerasVersion: string;
  /**
   * The layer's weights, asked for in Keras's order of creation: files of Keras 3 number them. A name that is false
   * (a layer without bias) is left out; alternatives are separated by '|'.
   */
  weights(...names: (string | false)[]): Weight[];
  /** The result of another layer class on a value, for configs that name a layer as activation. */
  apply(className: string, config: Record<string, unknown>, value: Value): Value;
}

/** Writes the nodes of one layer call and returns its output. */
export type LayerRule = (view: LayerView) => Value;

/** The one input of a layer. */
export function inputOf(view: LayerView): Value {
  const [value] = view.inputs;
  if (value) return value;
  throw new SightlineError('E_MODEL_FORMAT', {
    where: describe(view),
    what: 'it is called without an input',
    remedy: 'The model file is damaged or was edited by hand: save it again.',
  });
}

export function describe({ path, className }: Pick<LayerView, 'path' | 'className'>): string {
  return `layer '${path}' (${className})`;
}

export function unsupportedLayer(
  view: LayerView,
  what: string,
  remedy = 'Convert the original model to ONNX with tf2onnx and give that file.',
): SightlineError {
  return new SightlineError('E_MODEL_UNSUPPORTED', { where: describe(view), what, remedy });
}

/** The input of a layer over images or sequences: channels first in the graph. */
export interface FeatureMap {
  name: string;
  channels: number;
  /** [height, width], or [steps]. */
  size: readonly Dim[];
  batch: Dim;
  axes: readonly number[];
  /** An output [batch, channels, ...size] as a Keras tensor. */
  out(name: string, channels: number, size: readonly Dim[]): Value;
}

/** @param rank number of spatial axes: 2 for images, 1 for sequences */
export function featuresOf(view: LayerView, rank: 1 | 2): FeatureMap {
  const input = inputOf(view);
  if (input.dims.length !== rank + 2) {
    const expected = rank === 2 ? 'the 4 of a batch of images' : 'the 3 of a batch of sequences';
    throw unsupportedLayer(view, `its input has ${input.dims.length} dimensions, not ${expected}`);
  }
  const last = view.config.text('data_format', 'channels_last') !== 'channels_first';
  const axes = last ? channelsLast(rank + 2) : inOrder(rank + 2);
  const { name, dims } = view.write.arranged(input, axes);
  const [batch, channels, ...size] = axes.map((axis) => dims[axis]);
  if (channels === null) throw unsupportedLayer(view, 'its number of input channels is not fixed');
  const out = (result: string, c: number, s: readonly Dim[]): Value => ({
    name: result,
    dims: last ? [batch, ...s, c] : [batch, c, ...s],
    axes,
  });
  return { name, channels, size, batch, axes, out };
}

/** A weight's data as a constant of other dims, checked against what the layer needs. */
export function requireDims(view: LayerView, weight: Weight, dims: readonly (number | undefined)[]): Weight {
  const fits =
    weight.dims.length === dims.length && dims.every((dim, i) => dim === undefined || dim === weight.dims[i]);
  if (fits) return weight;
  throw new SightlineError('E_MODEL_FORMAT', {
    where: describe(view),
    what: `its weight '${weight.name}' has dims [${weight.dims.join(', ')}], expected [${dims.map((d) => d ?? '?').join(', ')}]`,
    remedy: 'The weights belong to another model: save model.json and weights together again.',
  });
}

/** A constant parameter of the layer. */
export function parameter(view: LayerView, name: string, make: () => Constant): string {
  return view.write.parameter(`${view.path}/${name}`, make);
}
