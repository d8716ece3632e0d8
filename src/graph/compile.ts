import { SightlineError, expectArgument } from '../core/errors.js';
import { assemble } from './assemble.js';
import { shapesFor, wrongSize, type Classifier } from './classifier.js';
import { splitAtDropout, type DropoutGraph, type DropoutOptions, type DropoutPart } from './dropout.js';
import { foldBatchNorm } from './fold_batchnorm.js';
import { Inference } from './infer.js';
import type { Graph, ValueShape } from './ir.js';
import { exportOnnx } from './onnx_export.js';
import type { GraphPass, PassFacts } from './passes/pass.js';
import { rebatch } from './rebatch.js';
import { declaredShapes, simplify } from './rewriting.js';
import { shareCommon } from './share.js';

export interface CompileOptions {
  /** Samples per run; static in the compiled graph. */
  batch: number;
  /** [H, W]; needed where the classifier's size is null. */
  size?: readonly [height: number, width: number];
  /** What to compute besides the logits (`passes/`). */
  passes?: readonly GraphPass[];
  /** Also split off what Monte-Carlo dropout runs again and again. */
  dropout?: DropoutOptions;
  /** Shapes measured by running the model, for values that shape inference cannot reach. */
  measured?: ReadonlyMap<string, ValueShape>;
}

/** A model with the engine's fixed interface and everything that was asked of it, not encoded yet. */
export interface BuiltGraph extends PassFacts {
  graph: Graph;
  inputs: readonly string[];
  outputs: readonly string[];
  /** Dims of every output. */
  dims: Readonly<Record<string, readonly number[]>>;
  /** Samples per run: what was asked, or the model's own when that is baked in (`batchNote` says why). */
  batch: number;
  batchNote?: string;
  channels: number;
  height: number;
  width: number;
  classes: number;
  /** Nodes of the model itself, after optimisation. */
  nodes: number;
  dropout?: DropoutPart;
}

/** A model ready to run: plain ONNX with the engine's fixed interface. */
export interface CompiledGraph extends Omit<BuiltGraph, 'graph' | 'dropout'> {
  onnx: Uint8Array;
  dropout?: DropoutGraph;
}

/** `buildGraph`, encoded. @throws SightlineError as `buildGraph`; E_MODEL_UNSUPPORTED for weights above 2 GiB */
export function compile(classifier: Classifier, options: CompileOptions): CompiledGraph {
  const { graph, dropout, ...facts } = buildGraph(classifier, options);
  return { ...facts, onnx: exportOnnx(graph), ...(dropout && { dropout: encodedPart(dropout) }) };
}

function encodedPart({ graph, ...facts }: DropoutPart): DropoutGraph {
  return { ...facts, onnx: exportOnnx(graph) };
}

/**
 * Inputs: `image` f32[batch,C,H,W], always channels first (for a model that takes bytes: values in [0, 1], scaled by
 * 255 and rounded inside); with passes that explain a class also `class_index` i64[batch], −1 = predicted class
 * (highest logit). Outputs: `logits` f32[batch,K], then what the passes add.
 *
 * @throws SightlineError E_ARGUMENT (batch, size, unknown layer), E_MODEL_UNSUPPORTED (no spatial layer, unknown
 *   shapes), E_OP_UNSUPPORTED (an op between target layer and logits without gradient rule)
 */
export function buildGraph(classifier: Classifier, options: CompileOptions): BuiltGraph {
  expectArgument(Number.isInteger(options.batch) && options.batch > 0, 'batch', 'a positive integer', options.batch);
  const size = options.size ?? classifier.size;
  if (!size) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'size',
      what: 'the model accepts any image size, so one must be chosen',
      remedy: 'Give --size, the size it was trained with (often 224).',
    });
  }
  if (classifier.size && (size[0] !== classifier.size[0] || size[1] !== classifier.size[1]))
    throw wrongSize(classifier.size, size);
  expectArgument(
    size.every((n) => Number.isInteger(n) && n > 0),
    'size',
    'positive whole numbers',
    size,
  );
  const passes = options.passes ?? [];
  const { graph: sized, inference, batch, note } = withBatch(classifier, options, size);
  const kept = [classifier.logits, ...passes.flatMap((pass) => pass.keeps?.(classifier) ?? [])];
  const model = optimise(simplify(sized, inference, kept), inference, kept, passes);
  const imageDims = [batch, classifier.channels, ...size];
  const split = options.dropout && splitAtDropout(classifier, model, inference, options.dropout);
  const appended = split ? [...passes, split.prefix] : passes;
  const { graph, dims, ...facts } = assemble(classifier, model, inference, imageDims, appended);
  return {
    graph,
    inputs: graph.inputs.map((input) => input.name),
    outputs: graph.outputs.map((output) => output.name),
    dims,
    batch,
    ...(note && { batchNote: note }),
    channels: classifier.channels,
    height: size[0],
    width: size[1],
    classes: classifier.classes,
    nodes: model.nodes.length,
    ...(split && { dropout: split.tail }),
    ...facts,
  };
}

/** Batch norms folded where every pass allows it, every value computed once, nothing computed that nobody reads. */
function optimise(graph: Graph, inference: Inference, kept: readonly string[], passes: readonly GraphPass[]): Graph {
  const folds = passes.every((pass) => pass.foldsBatchNorm !== false);
  const folded = folds ? foldBatchNorm(graph, (name) => inference.constant(name), kept) : graph;
  return simplify(shareCommon(folded, new Set(kept)), inference, kept);
}

interface Batched {
  graph: Graph;
  inference: Inference;
  batch: number;
  note?: string;
}

/** The graph with shapes for the requested batch, or for the model's own where its batch size cannot be changed. */
function withBatch(classifier: Classifier, options: CompileOptions, size: readonly number[]): Batched {
  const ownBatch = classifier.batch ?? 1;
  const image = { ...classifier.input, batch: classifier.batch, channels: classifier.channels };
  const own = shapesFor(classifier.graph, image, ownBatch, size, options.measured);
  if (options.batch === ownBatch) return { graph: classifier.graph, inference: own, batch: ownBatch };
  const declared = declaredShapes(classifier.graph, options.batch, classifier.batch);
  const factor = options.batch / ownBatch;
  const expected = scaled(own.shape(classifier.logits), factor)?.dims;
  const dims = [...(own.shape(classifier.input.name)?.dims ?? [])];
  dims[0] = options.batch;
  const attempt = (prepare: (inference: Inference) => Graph) => {
    const fallback = (name: string) => scaled(options.measured?.get(name), factor) ?? declared(name);
    const inference = new Inference(classifier.graph, fallback);
    inference.setShape(classifier.input.name, { type: classifier.input.dtype, dims });
    const graph = prepare(inference);
    const logits = inference.shape(classifier.logits)?.dims;
    const fits = logits?.join() === expected?.join() && inference.mismatches.length <= own.mismatches.length;
    return { graph, inference, fits };
  };
  // A file that leaves its batch open usually follows it, wherever it keeps the samples: nothing to guess.
  if (classifier.batch === null) {
    const { fits, ...found } = attempt(visitAll(classifier.graph));
    if (fits) return { ...found, batch: options.batch };
  }
  const { fits, ...found } = attempt((inference) => rebatch(classifier.graph, inference, own, factor));
  if (fits) return { ...found, batch: options.batch };
  const { mismatches, reasons } = found.inference;
  const reason = mismatches[0] ?? reasons.get(classifier.logits) ?? 'its outputs do not follow the batch';
  const note = `The model only runs ${ownBatch} image${ownBatch === 1 ? '' : 's'} at a time (${reason}): batch ${ownBatch} is used. Export it with a dynamic batch dimension for speed.`;
  return { graph: classifier.graph, inference: own, batch: ownBatch, note };
}

function visitAll(graph: Graph): (inference: Inference) => Graph {
  return (inference) => {
    for (const node of graph.nodes) inference.visit(node);
    return graph;
  };
}

function scaled(shape: ValueShape | undefined, factor: number): ValueShape | undefined {
  return shape && { type: shape.type, dims: [shape.dims[0] * factor, ...shape.dims.slice(1)] };
}
