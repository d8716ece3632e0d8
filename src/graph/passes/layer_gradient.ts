import type { Classifier, Layer } from '../classifier.js';
import { appendGradient } from '../gradient.js';
import { layerNamed, noSpatialLayer } from '../layers.js';
import type { GraphPass } from './pass.js';

/**
 * Outputs `activation` and `gradient` f32[B,C,h,w]: a layer's value and the derivative of each sample's chosen logit
 * with respect to it, for the Grad-CAM family. Layers of tokens (vision transformers) come as feature maps, without
 * their class token.
 * @param layer value, node or module name; default: the classifier's automatic target
 * @throws on appending, SightlineError E_ARGUMENT (unknown layer), E_MODEL_UNSUPPORTED (no spatial layer),
 *   E_OP_UNSUPPORTED (an op after the layer without gradient rule)
 */
export function layerGradient(layer?: string): GraphPass {
  return {
    name: 'layer-gradient',
    outputs: ['activation', 'gradient'],
    keeps: (classifier) => [targetOf(classifier, layer).name],
    append({ classifier, graph, emit, logits, named, classSeed, output }) {
      const target = targetOf(classifier, layer);
      const value = named(target.name);
      const gradient = appendGradient(graph, emit, logits, classSeed(), value);
      output('activation', featureMaps(value, target));
      output('gradient', featureMaps(gradient, target));
      return { targetLayer: target.name };

      function featureMaps(name: string, { channelAxis, tokens }: Layer): string {
        if (!tokens) return channelAxis === 3 ? emit.transpose(name, [0, 3, 1, 2]) : name;
        const [batch, count, channels] = emit.dims(name);
        const patches = tokens.before ? emit.slice(name, [1], [tokens.before], [count]) : name;
        return emit.reshape(emit.transpose(patches, [0, 2, 1]), [batch, channels, tokens.height, tokens.width]);
      }
    },
  };
}

function targetOf(classifier: Classifier, name: string | undefined): Layer {
  const layer =
    name === undefined ? classifier.targetLayer : layerNamed(classifier.graph, classifier.targetLayers, name);
  if (!layer) throw noSpatialLayer();
  return layer;
}
