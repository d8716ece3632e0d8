import { valuesOf, type Constant } from '../constant.js';
import type { Emitter } from '../emitter.js';
import { floatAttribute, opsetOf, producersOf, type Graph, type Node } from '../ir.js';
import { product } from '../ops/rules.js';
import { dependents } from '../rewriting.js';
import type { ValueFacts } from './view.js';

/** Ops whose results are never negative. */
const nonNegativeOps = new Set(['Relu', 'Sigmoid', 'HardSigmoid', 'Softmax', 'Exp', 'Abs', 'Sqrt', 'Softplus']);

/** Ops whose results are not negative where their inputs are not. */
const keepsSign = new Set([
  ...['Identity', 'Dropout', 'Cast', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose', 'Expand', 'Tile'],
  ...['MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'ReduceMean', 'ReduceSum', 'ReduceMax'],
  ...['Concat', 'Split', 'Slice', 'Pad', 'Gather', 'DepthToSpace', 'SpaceToDepth', 'Add', 'Sum', 'Mul', 'Max'],
]);

/** Ops that only move values, or change each by constants: bounds can be followed through them. */
const affine = new Set(['Add', 'Sub', 'Mul', 'Div', 'BatchNormalization']);
const monotone = new Set([
  ...['Identity', 'Cast', 'Transpose', 'Pad', 'Slice', 'Concat', 'Gather', 'Squeeze', 'Unsqueeze', 'Dropout'],
  ...['Floor', 'Min', 'Max', 'Clip'],
]);

/** Ops through which a batch normalisation's shift is the same per channel. */
const keepsChannels = new Set([
  ...['Relu', 'Identity', 'Dropout', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool'],
  ...['Reshape', 'Flatten', 'Squeeze', 'ReduceMean'],
]);

/**
 * Facts about a graph's values, for relevance rules.
 * @param image the graph's image input
 * @param low lowest value of a pixel, per channel
 * @param high highest value of a pixel, per channel
 */
export function factsOf(graph: Graph, image: string, low: readonly number[], high: readonly number[]): ValueFacts {
  const forward = { ...graph, nodes: [...graph.nodes] };
  const producers = producersOf(forward);
  const fromImage = dependents(forward, [image]);
  const signs = new Map<string, boolean>();
  const reached = new Map<string, Set<string>>();
  const limits = new Map<string, readonly [string, string] | undefined>();

  function nonNegative(value: string): boolean {
    const known = signs.get(value);
    if (known !== undefined) return known;
    const result = computeSign(value);
    signs.set(value, result);
    return result;
  }

  function computeSign(value: string): boolean {
    if (value === image) return low.every((bound) => bound >= 0);
    const constant = graph.initializers.get(value);
    if (constant) return !constant.opaque && allAtLeastZero(constant);
    const node = producers.get(value);
    if (!node || node.domain !== '') return false;
    if (nonNegativeOps.has(node.op)) return true;
    if (node.op === 'Clip') return clipFloor(graph, node) >= 0 || nonNegative(node.inputs[0]);
    if (node.op === 'Pad') return nonNegative(node.inputs[0]) && (!node.inputs[2] || nonNegative(node.inputs[2]));
    return keepsSign.has(node.op) && node.inputs.every((name) => !isData(node, name) || nonNegative(name));
  }

  /** Shapes, axes and positions are not data. */
  function isData(node: Node, name: string): boolean {
    return fromImage.has(name) || ['Add', 'Sum', 'Mul', 'Max', 'Concat'].includes(node.op);
  }

  function root(value: string, emit: Emitter): string | undefined {
    const node = producers.get(value);
    if (!node || node.domain !== '') return undefined;
    if (node.op === 'BatchNormalization') return shiftOf(node, emit);
    if (!keepsChannels.has(node.op)) return undefined;
    const before = root(node.inputs[0], emit);
    if (!before) return undefined;
    const from = emit.dims(node.inputs[0]);
    const to = emit.dims(value);
    if (to.length === from.length) return to[1] === from[1] ? before : undefined;
    // Flattened: one shift per element, channel by channel.
    const [, channels, ...spatial] = from;
    if (to.length !== 2 || to[1] !== channels * product(spatial)) return undefined;
    const spread = product(spatial) === 1 ? before : emit.op('Expand', [before, emit.ints([1, channels, ...spatial])]);
    return emit.reshape(spread, [1, to[1]]);
  }

  function bounds(value: string, emit: Emitter): readonly [string, string] | undefined {
    if (limits.has(value)) return limits.get(value);
    const result = computeBounds(value, emit);
    limits.set(value, result);
    return result;
  }

  function computeBounds(value: string, emit: Emitter): readonly [string, string] | undefined {
    if (value === image) {
      const [, ...dims] = emit.dims(image);
      const filled = (values: readonly number[]) =>
        emit.op('Expand', [emit.like(image, [1, values.length, 1, 1], values), emit.ints([1, ...dims])]);
      return [filled(low), filled(high)];
    }
    const node = producers.get(value);
    if (!node || node.domain !== '' || !fromImage.has(value)) return undefined;
    const flattens = node.op === 'Reshape' || node.op === 'Flatten';
    if (!affine.has(node.op) && !monotone.has(node.op) && !flattens) return undefined;
    const varying = node.inputs.filter((name) => fromImage.has(name));
    if (affine.has(node.op) && varying.length !== 1) return undefined;
    const before = new Map(varying.map((name) => [name, bounds(name, emit)]));
    if ([...before.values()].includes(undefined)) return undefined;
    const end = (index: 0 | 1): string => {
      if (flattens) return emit.reshape(before.get(node.inputs[0])?.[index] ?? '', [1, ...emit.dims(value).slice(1)]);
      const inputs = node.inputs.map((name) => before.get(name)?.[index] ?? name);
      return emit.op(node.op, inputs, node.attributes);
    };
    const [a, b] = [end(0), end(1)];
    // A negative factor turns the range round.
    return affine.has(node.op) ? [emit.op('Min', [a, b]), emit.op('Max', [a, b])] : [a, b];
  }

  function dependsOn(value: string, from: string): boolean {
    let set = reached.get(from);
    if (!set) reached.set(from, (set = dependents(forward, [from])));
    return set.has(value);
  }

  function addedConstant(value: string): string | undefined {
    const readers = forward.nodes.filter((node) => node.inputs.includes(value));
    const [reader] = readers;
    if (readers.length !== 1 || reader.domain !== '' || reader.op !== 'Add') return undefined;
    const other = reader.inputs[reader.inputs[0] === value ? 1 : 0];
    return graph.initializers.has(other) ? other : undefined;
  }

  return { nonNegative, root, bounds, dependsOn, addedConstant };
}

function allAtLeastZero(constant: Constant): boolean {
  const values = valuesOf(constant);
  for (let i = 0; i < values.length; i++) if (!(values[i] >= 0)) return false;
  return true;
}

function clipFloor(graph: Graph, node: Node): number {
  if (opsetOf(graph) < 11) return floatAttribute(node, 'min', -Infinity);
  const floor = graph.initializers.get(node.inputs[1] ?? '');
  return floor ? valuesOf(floor)[0] : -Infinity;
}

/** bias − mean·scale/√(var + ε), [1,C,1,1]; undefined where the parameters are not constant. */
function shiftOf(node: Node, emit: Emitter): string | undefined {
  const constants = node.inputs.slice(1, 5).map((name) => emit.constantOf(name));
  if (constants.some((constant) => !constant)) return undefined;
  const [scale, bias, mean, variance] = constants.map((constant) => valuesOf(constant as Constant));
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const shift = Array.from(bias, (b, c) => b - (mean[c] * scale[c]) / Math.sqrt(variance[c] + epsilon));
  const rank = emit.dims(node.inputs[0]).length;
  return emit.like(node.inputs[0], [1, shift.length, ...new Array<number>(rank - 2).fill(1)], shift);
}
