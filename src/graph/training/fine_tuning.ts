import { expectArgument, SightlineError } from '../../core/errors.js';
import { Rng } from '../../core/rng.js';
import type { Classifier } from '../classifier.js';
import { f32, i64, valuesOf, type Constant } from '../constant.js';
import { Inference } from '../infer.js';
import { describeNode, intAttribute, producersOf, type Graph, type Node } from '../ir.js';
import { renameValues, simplify } from '../rewriting.js';

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

/** Only what leads to `output`, with everything that is made of constants alone computed. */
function withPlainWeights(graph: Graph, output: string): Graph {
  const known = new Inference(graph, () => undefined, Infinity);
  // A class token repeated for the example's batch stays one token, so that it is learned once and follows the batch.
  for (const node of graph.nodes) if (node.op !== 'Expand' && node.op !== 'Tile') known.visit(node);
  return simplify(graph, known, [output]);
}

function withNewHead(graph: Graph, logits: string, before: number, classes: number, seed: number): Graph {
  const producers = producersOf(graph);
  const initializers = new Map(graph.initializers);
  const nodes = [...graph.nodes];
  const replace = (name: string, axis: number, inputs: number | undefined) => {
    const old = graph.initializers.get(name) as Constant;
    const dims = old.dims.map((dim, i) => (i === axis ? classes : dim));
    initializers.set(name, drawn(dims, inputs ?? 1, seed, name));
  };
  let bias: string | undefined;
  for (let at = logits; ;) {
    const node = producers.get(at);
    if (!node || node.domain !== '') throw noHead(node, at);
    const constant = (index: number) => graph.initializers.get(node.inputs[index] ?? '');
    switch (node.op) {
      case 'Reshape': {
        const target = constant(1);
        const dims = target && Array.from(valuesOf(target));
        if (dims?.includes(before)) {
          const name = `${node.outputs[0]}/classes`;
          initializers.set(
            name,
            i64(
              [dims.length],
              dims.map((dim) => (dim === before ? classes : dim)),
            ),
          );
          nodes[nodes.indexOf(node)] = { ...node, inputs: [node.inputs[0], name] };
        }
        at = node.inputs[0];
        continue;
      }
      case 'Identity':
      case 'Flatten':
      case 'Squeeze':
      case 'Dropout':
        at = node.inputs[0];
        continue;
      case 'Add': {
        const index = [0, 1].find((i) => constant(i)?.dims.at(-1) === before);
        if (index === undefined) throw noHead(node, at);
        bias = node.inputs[index];
        at = node.inputs[1 - index];
        continue;
      }
      case 'Gemm':
      case 'MatMul':
      case 'Conv': {
        const weights = constant(1);
        const axis = node.op === 'MatMul' || (node.op === 'Gemm' && intAttribute(node, 'transB', 0) === 0) ? 1 : 0;
        if (!weights || weights.dims[axis] !== before || weights.type !== 'f32') throw noHead(node, at);
        const inputs = weights.dims.reduce((n, dim) => n * dim, 1) / before;
        replace(node.inputs[1], axis, inputs);
        for (const name of [bias, node.inputs[2]]) {
          const old = name && graph.initializers.get(name);
          if (name && old) replace(name, old.dims.length - 1, inputs);
        }
        return { ...graph, nodes, initializers };
      }
      default:
        throw noHead(node, at);
    }
  }
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
  const names = new Map(
    ['image', 'logits']
      .filter((name) => graph.initializers.has(name) || graph.nodes.some((node) => node.outputs.includes(name)))
      .map((name) => [name, `model/${name}`]),
  );
  const channelsLast = input.layout === 'NHWC';
  if (!channelsLast) names.set(input.name, 'image');
  else if (input.name === 'image') names.set('image', 'model/image');
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
