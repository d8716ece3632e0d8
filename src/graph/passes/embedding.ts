import { SightlineError } from '../../core/errors.js';
import { sizeOf } from '../../core/tensor.js';
import type { Classifier } from '../classifier.js';
import { findHeadLayer, type HeadLayer } from '../head_layer.js';
import { describeNode, type Node } from '../ir.js';
import { withPlainWeights } from '../rewriting.js';
import type { GraphPass } from './pass.js';

/**
 * Output `embedding` f32[B,D]: the penultimate features, which are the input of the layer that makes the logits, flattened:
 * logits = W · embedding + b.
 * @throws on compiling, SightlineError E_MODEL_UNSUPPORTED where no single dense layer or 1×1 convolution makes the logits
 */
export function embedding(): GraphPass {
  let known: { of: Classifier; layer: HeadLayer } | undefined;
  const layerOf = (classifier: Classifier): HeadLayer => {
    if (known?.of !== classifier) known = { of: classifier, layer: headLayer(classifier) };
    return known.layer;
  };
  return {
    name: 'embedding',
    outputs: ['embedding'],
    keeps: (classifier) => [layerOf(classifier).node.inputs[0]],
    append({ classifier, emit, logits, named, output }) {
      const { node, weights } = layerOf(classifier);
      const value = named(node.inputs[0]);
      const [batch] = emit.dims(logits);
      const size = sizeOf(weights.dims) / classifier.classes;
      // A convolution over more than its own window, or in groups, is no product with one matrix.
      if (sizeOf(emit.dims(value)) !== batch * size) throw noEmbedding(node, node.outputs[0]);
      output('embedding', emit.reshape(value, [batch, size]));
      return {};
    },
  };
}

function headLayer({ graph, logits, classes }: Classifier): HeadLayer {
  const found = findHeadLayer(withPlainWeights(graph, logits), logits, classes);
  if ('obstacle' in found) throw noEmbedding(found.obstacle.node, found.obstacle.value);
  return found;
}

function noEmbedding(node: Node | undefined, value: string): SightlineError {
  return new SightlineError('E_MODEL_UNSUPPORTED', {
    where: node ? describeNode(node) : value,
    what: 'the logits are not made by one dense layer or 1×1 convolution, so that there are no penultimate features',
    remedy: 'Choose a strategy that needs no embeddings, or export the model with a single linear layer at its end.',
  });
}
