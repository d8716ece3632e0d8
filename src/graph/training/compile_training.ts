import { f32 } from '../constant.js';
import { Emitter, freePrefix } from '../emitter.js';
import { appendGradients } from '../gradient.js';
import { Inference } from '../infer.js';
import type { Graph } from '../ir.js';
import { automaticTarget, layerNamed, noSpatialLayer, spatialLayers, areaOf } from '../layers.js';
import { gradientRule } from '../ops/index.js';
import { dependents, precedents, simplify } from '../rewriting.js';
import { shareCommon } from '../share.js';
import { appendAlignment, type AlignmentSettings } from './alignment.js';
import { trainingRules } from './gradient_rules.js';
import { appendLoss, checkLoss, type LossSettings } from './losses.js';
import { batchNorms, noParameters, trainableParameters } from './parameters.js';
import { sizedForBatch } from './sized.js';
import { appendTrainingForm, type BatchStatistics, type DropoutMask } from './training_form.js';

export interface TrainingGraphOptions {
  /** Samples per run; static. */
  batch: number;
  loss: LossSettings;
  /** `eval`: running statistics are used and stay as they are. Default train. */
  batchNorm?: 'train' | 'eval';
  alignment?: AlignmentSettings;
  /** Parameters that need no gradient. */
  isFrozen?: (parameter: string) => boolean;
}

/**
 * A model's loss and the gradients of its parameters as one graph; f32 throughout.
 *
 * Inputs: the image [B,C,H,W] under its own name, the targets (dims of the model's output), with alignment the ROIs
 * [B,H,W], the masks of dropout, and every parameter and used running statistic under its own name, so that nothing is compiled
 * again when they change. Outputs: `loss` [], the model's output, and the values named below.
 */
export interface TrainingGraph {
  graph: Graph;
  image: string;
  imageDims: readonly number[];
  targets: string;
  /** With alignment. */
  rois?: string;
  /** The model's output, "logits", and its dims. */
  output: string;
  outputDims: readonly number[];
  loss: string;
  /** The alignment term before its weight, []. */
  alignment?: string;
  /** All parameters, frozen ones included. */
  parameters: readonly string[];
  /** Value with the gradient of each parameter that is trained. */
  gradients: ReadonlyMap<string, string>;
  statistics: readonly BatchStatistics[];
  masks: readonly DropoutMask[];
}

/**
 * @param model in inference form, weights as initializers: image f32[B,C,H,W] first among its inputs; its last output is
 *   trained (an autoencoder's reconstruction)
 * @throws SightlineError E_MODEL_UNSUPPORTED (see `sizedForBatch`; no parameters), E_OP_UNSUPPORTED (an op without
 *   gradient rule), E_ARGUMENT (settings that do not fit the model)
 */
export function compileTraining(model: Graph, options: TrainingGraphOptions): TrainingGraph {
  const { loss, batchNorm = 'train', alignment, isFrozen = () => false } = options;
  const { graph: prepared, shapes, imageDims, output, parameters } = prepare(model, options.batch);
  const [image] = prepared.inputs;
  const outputDims = shapes.shape(output)?.dims ?? [];
  checkLoss(loss, outputDims[1]);
  const layer = alignment && targetLayer(prepared, shapes, image.name, output, alignment.layer);

  const graph: Graph = {
    ...prepared,
    name: 'sightline-training',
    nodes: [],
    outputs: [],
    declared: new Map(),
    metadata: new Map(),
  };
  const known = new Inference(graph);
  for (const { name, type = 'f32', dims } of graph.inputs) {
    known.setShape(name, { type, dims: name === image.name ? imageDims : (dims as number[]) });
  }
  graph.inputs = graph.inputs.map((input) => (input.name === image.name ? { ...input, dims: [...imageDims] } : input));
  const emit = new Emitter(graph, known, (node) => known.visit(node), freePrefix(prepared, 'sightline'));
  const targets = emit.input(emit.fresh('targets'), outputDims);
  const plain = layer ? dependents(prepared, [layer]) : new Set<string>();
  const kept = new Set([output, ...(layer ? [layer] : [])]);
  const { statistics, masks } = appendTrainingForm(prepared, shapes, emit, batchNorm, kept, plain);

  let total = appendLoss(emit, loss, output, targets);
  let misalignment: string | undefined;
  let rois: string | undefined;
  if (alignment && layer) {
    rois = emit.input(emit.fresh('rois'), [imageDims[0], imageDims[2], imageDims[3]]);
    misalignment = appendAlignment(emit, layer, output, targets, rois);
    total = emit.add(total, emit.scale(misalignment, alignment.weight));
  }
  const used = precedents(graph, [total]);
  const trained = parameters.filter((name) => !isFrozen(name) && used.has(name));
  const one = emit.constant(f32([], [1]));
  const gradients =
    trained.length > 0
      ? appendGradients(graph, emit, total, one, trained, trainingRules(gradientRule))
      : new Map<string, string>();
  const outputs = [total, output, misalignment, ...gradients.values()];
  for (const { batchMean, batchVariance } of statistics) outputs.push(batchMean, batchVariance);
  for (const name of new Set(outputs))
    if (name) graph.outputs.push({ name, type: 'f32', dims: [...known.shape(name)!.dims] });
  return {
    ...{
      graph: simplify(
        graph,
        known,
        [...new Set(outputs)].filter((name) => name !== undefined),
      ),
    },
    ...{ image: image.name, imageDims, targets, ...(rois && { rois }), output, outputDims, loss: total },
    ...(misalignment && { alignment: misalignment }),
    ...{ parameters, gradients, statistics, masks },
  };
}

/** The model for `batch` images in inference form, parameters and running statistics as inputs: what validation runs. */
export function compilePrediction(model: Graph, batch: number): { graph: Graph; image: string; output: string } {
  const { graph, shapes, imageDims, output } = prepare(model, batch);
  const [image, ...others] = graph.inputs;
  const inputs = [{ ...image, dims: [...imageDims] }, ...others];
  const outputs = [{ name: output, type: 'f32' as const, dims: [...(shapes.shape(output)?.dims ?? [])] }];
  return { graph: { ...graph, inputs, outputs, declared: new Map() }, image: image.name, output };
}

/** The graph for one batch size, what is learned moved from initializers to inputs, and nothing that nobody reads. */
function prepare(model: Graph, batch: number) {
  const parameters = trainableParameters(model);
  if (parameters.length === 0) throw noParameters();
  const output = model.outputs[model.outputs.length - 1].name;
  const running = batchNorms(model).flatMap(({ inputs }) => [inputs[3], inputs[4]]);
  const moved = new Set([...parameters, ...running]);
  const initializers = new Map([...model.initializers].filter(([name]) => !moved.has(name)));
  const weights = [...moved].map((name) => ({
    name,
    type: 'f32' as const,
    dims: [...model.initializers.get(name)!.dims],
  }));
  const [image] = model.inputs.filter(({ name }) => !model.initializers.has(name));
  const open: Graph = { ...model, inputs: [image, ...weights], initializers };
  const { graph, shapes, imageDims } = sizedForBatch(open, output, batch);
  const shared = shareCommon(simplify(graph, shapes, [output]), new Set([output]));
  return { graph: simplify(shared, shapes, [output]), shapes, imageDims, output, parameters };
}

function targetLayer(graph: Graph, shapes: Inference, image: string, output: string, name?: string): string {
  const layers = spatialLayers(graph, shapes, image, output, 1).filter((found) => areaOf(found) > 1 && !found.tokens);
  const layer = name === undefined ? automaticTarget(graph, layers, image, output) : layerNamed(graph, layers, name);
  if (!layer) throw noSpatialLayer();
  return layer.name;
}
