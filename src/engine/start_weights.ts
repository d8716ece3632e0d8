import { SightlineError } from '../core/errors.js';
import type { Graph } from '../graph/ir.js';
import { importModel } from '../graph/model_import.js';
import { batchNorms, trainableParameters } from '../graph/training/parameters.js';

/**
 * A network with the weights and running statistics that an earlier training of the same network ended with.
 * @param model path of its `model.onnx`
 * @param labels names of the outputs, which the earlier model must have in the same order
 * @throws SightlineError E_ARGUMENT for another network or other classes, and as `importModel`
 */
export function withWeightsOf(network: Graph, model: string, labels: readonly string[]): Graph {
  const { graph: earlier } = importModel(model);
  const fail = (what: string): never => {
    throw new SightlineError('E_ARGUMENT', {
      where: `startFrom ${model}`,
      what,
      remedy: 'Give a model that was trained with the same architecture, size, width, channels and classes.',
    });
  };
  const known = earlier.metadata.get('labels');
  if (known !== undefined && known !== JSON.stringify(labels)) fail(`its classes are ${known}, not ${labels.join()}`);
  const running = batchNorms(network).flatMap(({ inputs }) => [inputs[3], inputs[4]]);
  const initializers = new Map(network.initializers);
  for (const name of [...trainableParameters(network), ...running]) {
    const [own, given] = [initializers.get(name)!, earlier.initializers.get(name)];
    if (!given) return fail(`it has no parameter "${name}"`);
    if (given.type !== own.type || given.dims.join() !== own.dims.join()) {
      fail(`its parameter "${name}" is ${given.type}[${given.dims.join()}], not ${own.type}[${own.dims.join()}]`);
    }
    initializers.set(name, given);
  }
  return { ...network, initializers };
}
