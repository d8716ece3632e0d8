import { SightlineError } from '../../core/errors.js';
import { elementTypeCode } from '../constant.js';
import type { Dim } from '../ir.js';
import { readModelFile } from '../model_file.js';
import type { ImportedModel } from '../onnx_import.js';
import { Config } from './config.js';
import { layerClasses, layerRule } from './layers/index.js';
import { describe, type LayerView } from './layers/rule.js';
import { parseLayersModel } from './schema.js';
import { networkOf, type Layer, type Network, type Ref } from './topology.js';
import { channelsLast, inOrder, storedDims, type Value } from './value.js';
import { WeightNames, type LayerPath } from './weight_names.js';
import { readWeights, shardPaths } from './weights.js';
import { Writer } from './writer.js';

/**
 * Reads a Keras model as TensorFlow.js keeps it: model.json and the binary files that it names. Images inside the graph
 * are channels first, whatever the model's own layout; every layer's output bears the layer's name (after the names of
 * the models that it is in), so that `--layer` takes Keras's names.
 *
 * @param path of model.json
 * @throws SightlineError E_NOT_FOUND, E_MODEL_FORMAT (damaged or incomplete files), E_MODEL_UNSUPPORTED (a graph model,
 *   or a layer class that is not read, by name)
 */
export function readLayersModel(path: string): ImportedModel {
  const file = parseLayersModel(new TextDecoder().decode(readModelFile(path)), path);
  const network = networkOf(file.model, path);
  const weights = new WeightNames(readWeights(file.weights, path));
  const write = new Writer(network.name);
  const context = { write, weights, kerasVersion: file.kerasVersion };
  const last = !saysChannelsFirst(network);
  const inputs = network.inputs.map((ref) => declareInput(write, layerOf(network, ref), last));
  const { graph } = write;
  for (const output of call(network, { names: [], checkpoints: [] }, inputs, context)) {
    write.begin(output.name);
    const value = write.unflattened(output);
    graph.outputs.push({ name: value.name, type: 'f32', dims: storedDims(value) });
  }
  for (const [key, value] of Object.entries(file.metadata)) {
    graph.metadata.set(key, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return { graph, files: [path, ...shardPaths(file.weights, path)] };
}

interface Context {
  write: Writer;
  weights: WeightNames;
  kerasVersion: string;
}

function saysChannelsFirst(network: Network): boolean {
  return [...network.layers.values()].some(
    (layer) => layer.config.data_format === 'channels_first' || (layer.network && saysChannelsFirst(layer.network)),
  );
}

function layerOf(network: Network, ref: Ref): Layer {
  const layer = network.layers.get(ref.layer);
  if (layer) return layer;
  throw new SightlineError('E_MODEL_FORMAT', {
    where: `model '${network.name}'`,
    what: `it refers to a layer '${ref.layer}' that it does not list`,
    remedy: 'The model file is damaged or was edited by hand: save it again.',
  });
}

/** A graph input, channels first for images. Whole-number pixels are taken as bytes. */
function declareInput(write: Writer, layer: Layer, last: boolean): Value {
  const { config } = layer;
  const shape = config.batch_input_shape ?? config.batch_shape ?? withBatch(config.input_shape ?? config.shape);
  if (!Array.isArray(shape) || !shape.every((dim) => dim === null || (Number.isInteger(dim) && dim > 0))) {
    throw new SightlineError('E_MODEL_FORMAT', {
      where: `input '${layer.name}'`,
      what: 'the file does not say the shape of the images',
      remedy: 'Build the model (call it once, or give its first layer an input shape) before saving it.',
    });
  }
  const dims = shape as Dim[];
  const axes = dims.length === 4 && last ? channelsLast(4) : inOrder(dims.length);
  write.begin(layer.name);
  const name = write.unused(layer.name);
  const whole = typeof config.dtype === 'string' && /^u?int/.test(config.dtype);
  write.graph.inputs.push({ name, type: whole ? 'u8' : 'f32', dims: storedDims({ dims, axes }) });
  return { name: whole ? write.op('Cast', [name], { to: elementTypeCode('f32') }) : name, dims, axes };
}

function withBatch(shape: unknown): unknown {
  return Array.isArray(shape) ? [null, ...(shape as unknown[])] : shape;
}

/** Outputs of a network for given inputs. Only layers that the outputs need are written. */
function call(network: Network, at: LayerPath, inputs: readonly Value[], context: Context): Value[] {
  const known = new Map<string, Value[]>();
  network.inputs.forEach((ref, i) => {
    if (inputs[i]) known.set(`${ref.layer} ${ref.call}`, [inputs[i]]);
  });
  const open = new Set<string>();
  const valuesOf = (ref: Ref): Value[] => {
    const key = `${ref.layer} ${ref.call}`;
    const found = known.get(key);
    if (found) return found;
    const layer = layerOf(network, ref);
    const operands = layer.calls[ref.call];
    if (!operands || open.has(key)) {
      throw new SightlineError('E_MODEL_FORMAT', {
        where: `layer '${[...at.names, layer.name].join('/')}'`,
        what: operands ? 'it needs its own output' : 'nothing says what goes into it',
        remedy: 'The model file is damaged or was edited by hand: save it again.',
      });
    }
    open.add(key);
    const values = operands.map((operand) => (typeof operand === 'number' ? operand : valueOf(operand)));
    const path = { names: [...at.names, layer.name], checkpoints: [...at.checkpoints, layer.checkpoint] };
    const results = layer.network
      ? call(
          layer.network,
          path,
          values.filter((value) => typeof value !== 'number'),
          context,
        )
      : [written(layer, path, values, context)];
    known.set(key, results);
    return results;
  };
  const valueOf = (ref: Ref): Value => {
    const value = valuesOf(ref)[ref.tensor];
    if (value) return value;
    throw new SightlineError('E_MODEL_FORMAT', {
      where: `layer '${[...at.names, ref.layer].join('/')}'`,
      what: `it has no output number ${ref.tensor}`,
      remedy: 'The model file is damaged or was edited by hand: save it again.',
    });
  };
  return network.outputs.map(valueOf);
}

/** Writes one call of one layer. */
function written(layer: Layer, at: LayerPath, operands: readonly (Value | number)[], context: Context): Value {
  const path = at.names.join('/');
  const where = describe({ path, className: layer.className });
  const view: LayerView = {
    path,
    className: layer.className,
    config: new Config(layer.config, where),
    operands,
    inputs: operands.filter((operand) => typeof operand !== 'number'),
    write: context.write,
    kerasVersion: context.kerasVersion,
    weights: (...names) =>
      names
        .filter((name) => name !== false)
        .map((name, index) => context.weights.find(at, name.split('|'), index, where)),
    apply: (className, config, value) => {
      const inner = { ...view, className, config: new Config(config, where), operands: [value], inputs: [value] };
      return ruleOf(inner)(inner);
    },
  };
  context.write.begin(path);
  return context.write.end(ruleOf(view)(view));
}

function ruleOf(view: Pick<LayerView, 'path' | 'className'>) {
  const rule = layerRule(view.className);
  if (rule) return rule;
  throw new SightlineError('E_MODEL_UNSUPPORTED', {
    where: describe(view),
    what: `layers of class '${view.className}' cannot be read`,
    remedy: `Convert the original model to ONNX with tf2onnx and give that file. Classes that are read: ${layerClasses().join(', ')}.`,
  });
}
