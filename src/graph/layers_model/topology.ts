import { SightlineError } from '../../core/errors.js';
import { checked, layerSchema, modelSchema, type LayerJson, type ModelJson } from './schema.js';

/** Output `tensor` of call number `call` of a layer. */
export interface Ref {
  layer: string;
  call: number;
  tensor: number;
}

/** What a layer is called with: tensors, and numbers where an operation takes them (x + 3). */
export type Operand = Ref | number;

/** A layer and every place where it is used. */
export interface Layer {
  name: string;
  className: string;
  config: Record<string, unknown>;
  /** Operands of each call; a layer that is used several times shares its weights. Empty for an input. */
  calls: Operand[][];
  /** Name under which Keras 3 files keep its weights: class name and number, whatever the layer is called. */
  checkpoint: string;
  /** Set where the layer is a model itself. */
  network?: Network;
}

/** A Sequential or Functional model in one form. */
export interface Network {
  name: string;
  layers: Map<string, Layer>;
  inputs: Ref[];
  outputs: Ref[];
}

const modelClasses = new Set(['Model', 'Functional', 'Sequential']);

/**
 * Reads a topology as Keras 2, Keras 3 or TensorFlow.js write it.
 * @throws SightlineError E_MODEL_FORMAT (fields missing), E_MODEL_UNSUPPORTED (neither Sequential nor Functional)
 */
export function networkOf(model: ModelJson, path: string): Network {
  if (!modelClasses.has(model.class_name)) {
    throw new SightlineError('E_MODEL_UNSUPPORTED', {
      where: path,
      what: `the model is a '${model.class_name}', a class of its own whose layers the file does not list`,
      remedy: 'Save it as a Sequential or Functional Keras model, or convert it to ONNX with tf2onnx.',
    });
  }
  const config = Array.isArray(model.config) ? { layers: model.config } : model.config;
  const name = typeof config.name === 'string' ? config.name : 'model';
  if (!Array.isArray(config.layers)) throw malformed(path, `model '${name}' lists no layers`);
  const layers = config.layers.map((layer, i) => checked(layerSchema, layer, path, `${name}.layers.${i}`));
  return model.class_name === 'Sequential'
    ? sequential(name, layers, config, path)
    : functional(name, layers, config, path);
}

function sequential(name: string, layers: LayerJson[], config: Record<string, unknown>, path: string): Network {
  const named = layersNamed(layers, path);
  let first: Layer | undefined = named[0];
  if (!first) throw malformed(path, `model '${name}' has no layer`);
  if (first.className !== 'InputLayer') {
    first = { ...inputBefore(first, config), name: `${first.name}_input` };
    named.unshift(first);
  }
  let previous = first;
  for (const layer of named.slice(1)) {
    layer.calls = [[{ layer: previous.name, call: 0, tensor: 0 }]];
    previous = layer;
  }
  const end = (layer: Layer): Ref[] => [{ layer: layer.name, call: 0, tensor: 0 }];
  return { name, layers: new Map(named.map((l) => [l.name, l])), inputs: end(first), outputs: end(previous) };
}

/** The input that a Sequential model keeps in the config of its first layer, or of that layer's own first layer. */
function inputBefore(first: Layer, config: Record<string, unknown>): Layer {
  let inner: Layer = first;
  let shape = declaredShape(inner.config);
  while (!shape && inner.network) {
    const at = inner.network.layers.get(inner.network.inputs[0]?.layer);
    if (!at) break;
    inner = at;
    shape = declaredShape(inner.config);
  }
  shape ??= config.build_input_shape;
  const dtype = inner.config.dtype;
  return { name: '', className: 'InputLayer', config: { batch_shape: shape, dtype }, calls: [], checkpoint: '' };
}

function declaredShape(config: Record<string, unknown>): unknown {
  return config.batch_input_shape ?? config.batch_shape;
}

function functional(name: string, layers: LayerJson[], config: Record<string, unknown>, path: string): Network {
  const named = layersNamed(layers, path);
  named.forEach((layer, i) => {
    layer.calls = (layers[i].inbound_nodes ?? []).map((call) => operandsIn(call));
  });
  const inputs = refsIn(config.input_layers);
  const outputs = refsIn(config.output_layers);
  if (inputs.length === 0) throw malformed(path, `model '${name}' names no input layer`);
  if (outputs.length === 0) throw malformed(path, `model '${name}' names no output layer`);
  const network = { name, layers: new Map(named.map((layer) => [layer.name, layer])), inputs, outputs };
  renumberCalls(network);
  return network;
}

function layersNamed(layers: LayerJson[], path: string): Layer[] {
  const counts = new Map<string, number>();
  return layers.map((layer) => {
    const name = layer.name ?? (typeof layer.config.name === 'string' ? layer.config.name : undefined);
    if (!name) throw malformed(path, `a ${layer.class_name} layer has no name`);
    const network = modelClasses.has(layer.class_name)
      ? networkOf(checked(modelSchema, layer, path, name), path)
      : undefined;
    const stem = snakeCase(layer.class_name);
    const count = counts.get(stem) ?? 0;
    counts.set(stem, count + 1);
    const checkpoint = count ? `${stem}_${count}` : stem;
    return { name, className: layer.class_name, config: layer.config, calls: [], checkpoint, network };
  });
}

/** Keras's own spelling: BatchNormalization → batch_normalization, Conv2D → conv2d. */
function snakeCase(name: string): string {
  return name
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

/**
 * Older Keras numbers the calls of a layer from the time when it was made: for a model used as a layer its own input
 * counts as call 0. Numbers are shifted so that each layer's calls start at 0.
 */
function renumberCalls(network: Network): void {
  const refs = [...network.outputs];
  for (const layer of network.layers.values()) {
    for (const call of layer.calls) for (const operand of call) if (typeof operand !== 'number') refs.push(operand);
  }
  const highest = new Map<string, number>();
  for (const ref of refs) highest.set(ref.layer, Math.max(ref.call, highest.get(ref.layer) ?? 0));
  for (const ref of refs) {
    const calls = Math.max(1, network.layers.get(ref.layer)?.calls.length ?? 1);
    ref.call = Math.max(0, ref.call - Math.max(0, (highest.get(ref.layer) ?? 0) - calls + 1));
  }
}

/** Every tensor in the order of arguments, and plain numbers among them. */
function operandsIn(value: unknown): Operand[] {
  if (typeof value === 'number') return [value];
  if (Array.isArray(value)) {
    // Keras 2's first argument where that is a number (5 - x): ["_CONSTANT_VALUE", -1, 5, {"y": …}].
    if (value[0] === '_CONSTANT_VALUE') return [...operandsIn(value[2]), ...keywordOperands(value[3])];
    const ref = refOf(value);
    // Keras 2 keeps further arguments of a call behind the reference: ["conv", 0, 0, {"y": 3}].
    return ref ? [ref, ...keywordOperands(value[3])] : value.flatMap(operandsIn);
  }
  if (typeof value !== 'object' || value === null) return [];
  const record = value as Record<string, unknown>;
  if (record.class_name === '__keras_tensor__') {
    return refsIn((record.config as Record<string, unknown> | undefined)?.keras_history);
  }
  return [...operandsIn(record.args), ...keywordOperands(record.kwargs)];
}

/** Operands that operations take by keyword; others (training, mask, name …) say nothing about inference. */
function keywordOperands(kwargs: unknown): Operand[] {
  if (typeof kwargs !== 'object' || kwargs === null) return [];
  const record = kwargs as Record<string, unknown>;
  return ['x1', 'x2', 'x', 'y', 'inputs'].flatMap((key) => operandsIn(record[key]));
}

/** References in "input_layers" and "output_layers": one, a list, or a dictionary of them. */
function refsIn(value: unknown): Ref[] {
  const ref = refOf(value);
  if (ref) return [ref];
  if (Array.isArray(value)) return value.flatMap(refsIn);
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(refsIn) : [];
}

function refOf(value: unknown): Ref | undefined {
  if (!Array.isArray(value) || typeof value[0] !== 'string') return undefined;
  const [layer, call = 0, tensor = 0] = value as unknown[];
  return typeof call === 'number' && typeof tensor === 'number' ? { layer: layer as string, call, tensor } : undefined;
}

function malformed(path: string, what: string): SightlineError {
  return new SightlineError('E_MODEL_FORMAT', {
    where: path,
    what,
    remedy: 'Save the model again with tf.LayersModel.save, or convert it with tensorflowjs_converter.',
  });
}
