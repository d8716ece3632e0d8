import { SightlineError } from '../core/errors.js';
import { readClassifier } from '../graph/classifier.js';
import type { Graph } from '../graph/ir.js';

/**
 * An ONNX classifier as a network to train on: from the image to raw logits.
 * @throws SightlineError E_MODEL_UNSUPPORTED for another number of classes than asked for, and as `readClassifier`
 */
export function fineTuned(model: string, classes: number): Graph {
  const { graph, logits, classes: own, input } = readClassifier(model);
  if (own !== classes) {
    throw new SightlineError('E_MODEL_UNSUPPORTED', {
      where: model,
      what: `the model has ${own} outputs, the labels ask for ${classes}`,
      remedy: 'Give a model of as many classes, or name them by --labels.',
    });
  }
  const image = graph.inputs.filter(({ name }) => name === input.name);
  return { ...graph, inputs: image, outputs: [{ name: logits, type: 'f32', dims: [null, classes] }] };
}
