import { SightlineError } from '../core/errors.js';
import { sizeOf } from '../core/tensor.js';
import type { Inference } from './infer.js';
import { producersOf, type Graph, type Node } from './ir.js';

export interface Head {
  /** Value with the raw scores. */
  logits: string;
  /** The activation found after it in the graph. */
  activation: 'softmax' | 'sigmoid' | null;
  classes: number;
}

/** Ops that leave scores as they are, up to shape and type. */
const transparent = new Set(['Identity', 'Cast', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Dropout']);
const activations: Record<string, 'softmax' | 'sigmoid'> = {
  Softmax: 'softmax',
  LogSoftmax: 'softmax',
  Sigmoid: 'sigmoid',
};

/**
 * Finds the class scores before the final activation.
 * @param batch the batch size that `inference` was made with
 * @param output a value's name, where the user chose one
 */
export function findHead(graph: Graph, inference: Inference, batch: number, output?: string): Head {
  const value = output ?? chooseOutput(graph, inference, batch);
  const producers = producersOf(graph);
  let logits = value;
  let activation: Head['activation'] = null;
  for (let at: string | undefined = value; at !== undefined;) {
    const node: Node | undefined = producers.get(at);
    if (node && node.domain === '' && activations[node.op]) {
      activation = activations[node.op];
      logits = node.inputs[0];
      break;
    }
    at = node && node.domain === '' && transparent.has(node.op) ? node.inputs[0] : undefined;
  }
  const shape = inference.shape(logits) ?? inference.shape(value);
  const scores = shape && shape.dims[0] === batch ? sizeOf(shape.dims) / batch : undefined;
  // Scores are one vector per sample: [N,K], or [N,K,1,1] from a fully convolutional head.
  const longest = shape && Math.max(...shape.dims.slice(1));
  if (!shape || scores === undefined || scores !== longest) {
    throw new SightlineError('E_MODEL_UNSUPPORTED', {
      where: `model output '${value}'`,
      what: shape
        ? `expected one score per class [batch, classes] but its dims are [${shape.dims.join(', ')}]`
        : `its shape is unknown (${inference.reasons.get(logits) ?? 'not produced by the graph'})`,
      remedy: 'Give an image classifier; segmentation and detection models have no class scores.',
    });
  }
  return { logits, activation, classes: scores };
}

function chooseOutput(graph: Graph, inference: Inference, batch: number): string {
  const scores = graph.outputs.filter(({ name }) => {
    const shape = inference.shape(name);
    return (
      shape && shape.dims[0] === batch && ['f32', 'f16', 'f64', 'bf16'].includes(shape.type) && shape.dims.length >= 2
    );
  });
  const flat = scores.filter(({ name }) => inference.shape(name)?.dims.length === 2);
  const chosen = flat[0] ?? scores[0] ?? graph.outputs[0];
  if (!chosen)
    throw new SightlineError('E_MODEL_FORMAT', { what: 'the model has no output', remedy: 'Export it again.' });
  return chosen.name;
}
