import { SightlineError } from '../../core/errors.js';
import { valuesOf } from '../constant.js';
import { float, type Emitter } from '../emitter.js';
import type { Inference } from '../infer.js';
import { describeNode, floatAttribute, readsOf, type Graph, type Node } from '../ir.js';
import { ownDomain } from '../ops/own_domain.js';
import { product } from '../ops/rules.js';

/** Batch statistics that a training graph computes beside the values. */
export interface BatchStatistics {
  /** Initializers of the model that hold the running ones. */
  mean: string;
  variance: string;
  /** Values [C] with the batch's; the variance is biased. */
  batchMean: string;
  batchVariance: string;
  /** Share of the running statistics that stays (ONNX's momentum: 1 − PyTorch's). */
  momentum: number;
  /** Values that each was taken over: variance · count/(count − 1) is the unbiased one that the running one takes up. */
  count: number;
}

/** An input that dropout multiplies by: 0, or 1/(1 − rate). */
export interface DropoutMask {
  name: string;
  dims: readonly number[];
  rate: number;
}

export interface TrainingForm {
  statistics: BatchStatistics[];
  masks: DropoutMask[];
}

/**
 * Appends a model's nodes as training has them: batch normalisation by the batch's own statistics (with the ReLU behind
 * it in the same pass), dropout as a product with masks that are inputs.
 * @param model simplified, its shapes known to `shapes`
 * @param emit of the training graph, whose inputs and initializers are the model's
 * @param batchNorm eval: running statistics, which stay as they are
 * @param kept values that must exist under their own names
 * @param plain values behind which batch normalisation stands in standard ops, to be differentiated twice
 * @throws SightlineError E_ARGUMENT for batch statistics over a single value
 */
export function appendTrainingForm(
  model: Graph,
  shapes: Inference,
  emit: Emitter,
  batchNorm: 'train' | 'eval',
  kept: ReadonlySet<string>,
  plain: ReadonlySet<string>,
): TrainingForm {
  const form: TrainingForm = { statistics: [], masks: [] };
  const readers = new Map<string, Node[]>();
  for (const node of model.nodes)
    for (const name of readsOf(node)) readers.set(name, [...(readers.get(name) ?? []), node]);
  const done = new Set<Node>();
  for (const node of model.nodes) {
    if (done.has(node)) continue;
    if (node.op === 'BatchNormalization' && node.domain === '' && batchNorm === 'train') {
      const [y] = node.outputs;
      const [reader, ...others] = readers.get(y) ?? [];
      const alone = plain.has(node.inputs[0]) || kept.has(y);
      const relu = !alone && others.length === 0 && reader?.op === 'Relu' && reader.domain === '' ? reader : undefined;
      if (relu) done.add(relu);
      form.statistics.push(
        normalised(emit, node, relu?.outputs[0] ?? y, relu !== undefined, plain.has(node.inputs[0])),
      );
    } else if (node.op === 'Dropout' && node.domain === '') {
      const mask = dropout(emit, node, shapes);
      if (mask) form.masks.push(mask);
    } else {
      emit.append(node);
    }
  }
  return form;
}

function normalised(emit: Emitter, node: Node, y: string, relu: boolean, plain: boolean): BatchStatistics {
  const [x, scale, bias, mean, variance] = node.inputs;
  const dims = emit.dims(x);
  const count = product(dims) / dims[1];
  if (count < 2) {
    throw new SightlineError('E_ARGUMENT', {
      where: describeNode(node),
      what: `batch normalisation has one value per channel to take a mean and variance of (its input is [${dims.join(', ')}])`,
      remedy: 'Train with --batch 2 or more, larger images, or --batch-norm eval.',
    });
  }
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const momentum = floatAttribute(node, 'momentum', 0.9);
  if (!plain) {
    const outputs = [y, emit.fresh('mean'), emit.fresh('variance')];
    const attributes = { epsilon: float(epsilon), relu: Number(relu) };
    const [, batchMean, batchVariance] = emit.ops(
      'BatchNormTraining',
      [x, scale, bias],
      attributes,
      outputs,
      ownDomain,
    );
    return { mean, variance, batchMean, batchVariance, momentum, count };
  }
  const axes = dims.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const channels = (value: string) => emit.reshape(value, [1, dims[1], ...dims.slice(2).map(() => 1)]);
  const average = (value: string) => emit.scale(emit.reduceSum(value, axes, true), 1 / count);
  const centre = average(x);
  const centred = emit.sub(x, centre);
  const spread = average(emit.mul(centred, centred));
  const xhat = emit.div(centred, emit.op('Sqrt', [emit.add(spread, emit.scalar(x, epsilon))]));
  emit.op('Add', [emit.mul(xhat, channels(scale)), channels(bias)], {}, y);
  const [batchMean, batchVariance] = [centre, spread].map((value) => emit.reshape(value, [dims[1]]));
  return { mean, variance, batchMean, batchVariance, momentum, count };
}

function dropout(emit: Emitter, node: Node, shapes: Inference): DropoutMask | undefined {
  const [x, ratio] = node.inputs;
  const given = ratio ? shapes.constant(ratio) : undefined;
  const rate = given ? valuesOf(given)[0] : floatAttribute(node, 'ratio', 0.5);
  const [y] = node.outputs;
  if (rate === 0) {
    emit.op('Identity', [x], {}, y);
    return undefined;
  }
  const mask = { name: emit.fresh('dropout_mask'), dims: emit.dims(x), rate };
  emit.input(mask.name, mask.dims);
  emit.op('Mul', [x, mask.name], {}, y);
  return mask;
}
