import { expectArgument, SightlineError } from '../../core/errors.js';
import { Rng } from '../../core/rng.js';
import type { Classifier } from '../classifier.js';
import { f32, i64, valuesOf, type Constant } from '../constant.js';
import { findHeadLayer } from '../head_layer.js';
import { describeNode, type Graph, type Node } from '../ir.js';
import { freeName, renameValues, withPlainWeights } from '../rewriting.js';

export interface FineTuningOptions {
  /** Classes of the new task. Default: the model's own, with its head as it is. */
  classes?: number;
  /** Draw the head anew even where the number of classes stays. Default: only where it changes. */
  newHead?: boolean;
  /** Input size [H, W] where the model leaves it open. */
  size?: readonly [height: number, width: number];
  /** Of the new head's weights. Default 0. */
  seed?: number;
}

/**
 * An imported classifier as a model to train: input `image` f32[batch,C,H,W], output `logits` [batch,K], weights as plain
 * initializers. A new head takes the place of the layer that makes the logits: its weights are drawn as torch.nn.Linear
 * draws them, U(−1/√n, 1/√n) over n inputs, under the names of the old ones.
 * @throws SightlineError E_ARGUMENT (classes), E_MODEL_UNSUPPORTED: an input of bytes or halves, or a head that is no
 *   single dense layer or 1×1 convolution
 */
export function prepareFineTuning(classifier: Classifier, options: FineTuningOptions = {}): Graph {
  const { classes = classifier.classes, newHead = classes !== classifier.classes, seed = 0 } = options;
  expectArgument(Number.isInteger(classes) && classes > 0, 'classes', 'a positive integer', classes);
  const { input, logits } = classifier;
  if (input.dtype !== 'f32') {
    throw new SightlineError('E_MODEL_UNSUPPORTED', {
      where: `input '${input.name}'`,
      what: `a model that takes ${input.dtype === 'u8' ? 'bytes' : '16-bit floats'} cannot be trained`,
      remedy: 'Export it with 32-bit float images.',
    });
  }
  const cut = withPlainWeights(classifier.graph, logits);
  const headed = newHead ? withNewHead(cut, logits, classifier.classes, classes, seed) : cut;
  const [height, width] = classifier.size ?? options.size ?? [224, 224];
  return interfaced(headed, classifier, [classifier.batch, classifier.channels, height, width], classes);
}

function withNewHead(graph: Graph, logits: string, before: number, classes: number, seed: number): Graph {
  const found = findHeadLayer(graph, logits, before);
  if ('obstacle' in found) throw noHead(found.obstacle.node, found.obstacle.value);
  const { node, weights, axis, bias, passed } = found;
  if (weights.type !== 'f32') throw noHead(node, node.outputs[0]);
  const initializers = new Map(graph.initializers);
  const nodes = [...graph.nodes];
  const inputs = weights.dims.reduce((n, dim) => n * dim, 1) / before;
  const replace = (name: string, along: number) => {
    const old = graph.initializers.get(name) as Constant;
    const dims = old.dims.map((dim, i) => (i === along ? classes : dim));
    initializers.set(name, drawn(dims, inputs, seed, name));
  };
  replace(node.inputs[1], axis);
  for (const name of [bias, node.inputs[2]]) {
    const old = name && graph.initializers.get(name);
    if (name && old) replace(name, old.dims.length - 1);
  }
  for (const between of passed) {
    const target = between.op === 'Reshape' ? graph.initializers.get(between.inputs[1]) : undefined;
    const dims = target && Array.from(valuesOf(target));
    if (!dims?.includes(before)) continue;
    const name = `${between.outputs[0]}/classes`;
    const adapted = dims.map((dim) => (dim === before ? classes : dim));
    initializers.set(name, i64([dims.length], adapted));
    nodes[nodes.indexOf(between)] = { ...between, inputs: [between.inputs[0], name] };
  }
  return { ...graph, nodes, initializers };
}

function drawn(dims: readonly number[], inputs: number, seed: number, name: string): Constant {
  const rng = new Rng(seed, 'head', name);
  const bound = 1 / Math.sqrt(inputs);
  const length = dims.reduce((n, dim) => n * dim, 1);
  return f32(
    dims,
    Float32Array.from({ length }, () => bound * (2 * rng.uniform() - 1)),
  );
}

function noHead(node: Node | undefined, value: string): SightlineError {
  return new SightlineError('E_MODEL_UNSUPPORTED', {
    where: node ? describeNode(node) : value,
    what: 'the logits are not made by one dense layer or 1×1 convolution, so that no other head can take its place',
    remedy: 'Keep the number of classes, or export the model with a single linear layer at its end.',
  });
}

/** The engine's names and layout around the model. */
function interfaced(
  graph: Graph,
  { input, logits }: Classifier,
  imageDims: readonly (number | null)[],
  classes: number,
): Graph {
  const used = new Set([...graph.initializers.keys(), ...graph.nodes.flatMap((node) => node.outputs)]);
  const names = new Map(
    ['image', 'logits'].filter((name) => used.has(name)).map((name) => [name, freeName(`model/${name}`, used)]),
  );
  const channelsLast = input.layout === 'NHWC';
  if (!channelsLast) names.set(input.name, 'image');
  else if (input.name === 'image') names.set('image', freeName('model/image', used));
  const renamed = renameValues(graph, names);
  const named = (name: string) => names.get(name) ?? name;
  const node = (op: string, from: string, to: string, attributes: Node['attributes']): Node => ({
    ...{ name: `${to}/${op}`, op, domain: '', inputs: [from], outputs: [to], attributes },
  });
  const perm = { perm: { kind: 'ints' as const, value: [0, 2, 3, 1] } };
  return {
    ...renamed,
    inputs: [{ name: 'image', type: 'f32', dims: [...imageDims] }],
    outputs: [{ name: 'logits', type: 'f32', dims: [null, classes] }],
    nodes: [
      ...(channelsLast ? [node('Transpose', 'image', named(input.name), perm)] : []),
      ...renamed.nodes,
      // [N,K], whatever the head makes ([N,K,1,1] of a fully convolutional one).
      node('Flatten', named(logits), 'logits', { axis: { kind: 'int', value: 1 } }),
    ],
    declared: new Map(),
    metadata: new Map(),
  };
}
