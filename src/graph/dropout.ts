import { SightlineError } from '../core/errors.js';
import type { Classifier } from './classifier.js';
import { valuesOf } from './constant.js';
import { Emitter, freePrefix } from './emitter.js';
import { Inference } from './infer.js';
import { emptyGraph, floatAttribute, producersOf, readsOf, type Graph, type Node } from './ir.js';
import { cutValues } from './layers.js';
import type { GraphPass } from './passes/pass.js';
import { dependents } from './rewriting.js';

export interface DropoutOptions {
  /**
   * Where: at the model's own Dropout nodes; after every block (the last value of each resolution that all paths pass
   * through, or every residual of a transformer); before the last dense layer. Default: 'model' if it has any, else
   * 'blocks', else 'head'.
   */
  placement?: 'model' | 'blocks' | 'head';
  /** Share of units dropped, in [0, 1). Default: the model's own at its Dropout nodes, else 0.2. */
  rate?: number;
  /** Whole channels of feature maps (default) or single elements; vectors always lose single elements. */
  unit?: 'channel' | 'element';
}

/** An input of the stochastic part: what dropped units are multiplied by. */
export interface DropoutMask {
  name: string;
  /** Broadcasts over the batch: the first dim is 1. */
  dims: readonly number[];
  rate: number;
}

/** The part of a model behind its first dropout, to be run once per stochastic pass; not encoded yet. */
export interface DropoutPart {
  /** Inputs: `feeds` and `masks`; one output, the logits f32[B,K]. */
  graph: Graph;
  /** Input of this graph by output of the main graph: what the deterministic part computes once. */
  feeds: Record<string, string>;
  masks: DropoutMask[];
  /** Nodes of the model in this part. */
  nodes: number;
  placement: 'model' | 'blocks' | 'head';
}

/** The same as ONNX. */
export interface DropoutGraph extends Omit<DropoutPart, 'graph'> {
  onnx: Uint8Array;
}

interface Point {
  value: string;
  rate: number;
}

const defaultRate = 0.2;

/**
 * Splits a model at its dropout points.
 * @param model optimised, with all shapes in `shapes`
 * @returns the stochastic part, and the pass that makes the main graph output what it reads
 * @throws SightlineError E_MODEL_UNSUPPORTED where the placement finds no point
 */
export function splitAtDropout(
  classifier: Classifier,
  model: Graph,
  shapes: Inference,
  options: DropoutOptions,
): { tail: DropoutPart; prefix: GraphPass } {
  const { placement, points } = placed(classifier, model, shapes, options);
  const stochastic = dependents(
    model,
    points.map((point) => point.value),
  );
  const nodes = model.nodes.filter((node) => readsOf(node).some((name) => stochastic.has(name)));
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const cuts = [...new Set(nodes.flatMap(readsOf))].filter((name) => !made.has(name) && !model.initializers.has(name));
  const feeds = Object.fromEntries(cuts.map((_, i) => [`dropout_prefix_${i}`, `dropout/prefix_${i}`]));
  const { graph, masks } = tailOf(classifier, model, shapes, nodes, cuts, points, options.unit ?? 'channel');
  const prefix: GraphPass = {
    name: 'dropout-prefix',
    outputs: Object.keys(feeds),
    append({ named, output }) {
      cuts.forEach((value, i) => output(`dropout_prefix_${i}`, named(value)));
      return {};
    },
  };
  return { tail: { graph, feeds, masks, nodes: nodes.length, placement }, prefix };
}

function placed(
  classifier: Classifier,
  model: Graph,
  shapes: Inference,
  { placement, rate }: DropoutOptions,
): { placement: 'model' | 'blocks' | 'head'; points: Point[] } {
  const finders = {
    model: () => ownDropouts(model, shapes, rate),
    blocks: () => blockEnds(classifier, model, shapes).map((value) => ({ value, rate: rate ?? defaultRate })),
    head: () => headInput(classifier, model).map((value) => ({ value, rate: rate ?? defaultRate })),
  };
  for (const name of placement ? [placement] : (['model', 'blocks', 'head'] as const)) {
    const points = finders[name]();
    if (points.length > 0) return { placement: name, points };
  }
  throw new SightlineError('E_MODEL_UNSUPPORTED', {
    where: 'dropout',
    what:
      placement === 'model' ? 'the model has no Dropout node (exporters drop them)' : 'no place for dropout was found',
    remedy: 'Choose --dropout-at blocks or head, or a strategy without dropout: entropy, margin, least-confidence.',
  });
}

function ownDropouts(model: Graph, shapes: Inference, rate: number | undefined): Point[] {
  return model.nodes.flatMap((node) => {
    if (node.op !== 'Dropout' || node.domain !== '') return [];
    const given = node.inputs[1] ? shapes.constant(node.inputs[1]) : undefined;
    const own = given ? valuesOf(given)[0] : floatAttribute(node, 'ratio', 0.5);
    return own > 0 ? [{ value: node.outputs[0], rate: rate ?? own }] : [];
  });
}

/** Where blocks end: see `DropoutOptions.placement`. */
function blockEnds({ input, logits }: Classifier, model: Graph, shapes: Inference): string[] {
  const cuts = cutValues(model, input.name, logits);
  const last = new Map<string, { value: string; convolutions: number }>();
  const residuals: string[] = [];
  let convolutions = 0;
  for (const node of model.nodes) {
    if (node.op === 'Conv') convolutions++;
    const [value] = node.outputs;
    const dims = shapes.shape(value)?.dims;
    if (!dims || !cuts.has(value)) continue;
    if (dims.length === 4 && dims[2] * dims[3] > 1) {
      last.set(dims.slice(2).join(), { value, convolutions });
    } else if (dims.length === 3 && node.op === 'Add') residuals.push(value);
  }
  // A stem (one convolution) is no block.
  const ends = [...last.values()].filter((end) => end.convolutions > 1).map((end) => end.value);
  return residuals.length > 0 ? residuals : ends;
}

/** The input of the layer that makes the logits. */
function headInput({ logits }: Classifier, model: Graph): string[] {
  const producers = producersOf(model);
  for (let node = producers.get(logits); node; node = producers.get(node.inputs[0] ?? '')) {
    if (['Gemm', 'MatMul', 'Conv'].includes(node.op)) return producers.has(node.inputs[0]) ? [node.inputs[0]] : [];
  }
  return [];
}

function tailOf(
  { classes, logits }: Classifier,
  model: Graph,
  shapes: Inference,
  nodes: readonly Node[],
  cuts: readonly string[],
  points: readonly Point[],
  unit: 'channel' | 'element',
): { graph: Graph; masks: DropoutMask[] } {
  const shapeOf = (name: string) => {
    const shape = shapes.shape(name);
    if (shape) return shape;
    throw new SightlineError('E_MODEL_UNSUPPORTED', {
      where: name,
      what: 'the shape of this value is not known before the model runs, so that dropout cannot be placed',
      remedy: 'Export the model with a fixed input size, or choose --dropout-at head.',
    });
  };
  const { irVersion, opsets, functions } = model;
  const graph: Graph = { ...emptyGraph('sightline-dropout'), irVersion, opsets, functions };
  const known = new Inference(graph);
  const emit = new Emitter(graph, known, (node) => known.visit(node), freePrefix(model, 'dropout'));
  const reads = new Set(nodes.flatMap(readsOf));
  for (const [name, constant] of model.initializers) if (reads.has(name)) graph.initializers.set(name, constant);
  const input = (name: string, dims: readonly number[]) => {
    graph.inputs.push({ name, type: 'f32', dims: [...dims] });
    known.setShape(name, { type: 'f32', dims });
    return name;
  };

  const masks: DropoutMask[] = [];
  const dropped = new Map<string, string>();
  const drop = (value: string) => {
    const index = points.findIndex((point) => point.value === value);
    if (index < 0) return;
    const { dims, type } = shapeOf(value);
    // Channels first: a feature map; tokens [N,T,C] and vectors lose single elements.
    const whole = unit === 'channel' && dims.length === 4;
    const maskDims = [1, ...dims.slice(1).map((dim, axis) => (whole && axis > 0 ? 1 : dim))];
    const name = input(`dropout/mask_${index}`, maskDims);
    masks.push({ name, dims: maskDims, rate: points[index].rate });
    dropped.set(value, emit.mul(value, emit.cast(name, type)));
  };
  cuts.forEach((value, i) => {
    const { dims, type } = shapeOf(value);
    emit.op('Identity', [emit.cast(input(`dropout/prefix_${i}`, dims), type)], {}, value);
    drop(value);
  });
  for (const node of nodes) {
    graph.nodes.push({ ...node, inputs: node.inputs.map((name) => dropped.get(name) ?? name) });
    for (const name of node.outputs) {
      const shape = shapes.shape(name);
      if (name && shape) known.setShape(name, shape);
      drop(name);
    }
  }
  const [batch] = shapeOf(logits).dims;
  emit.op('Identity', [emit.cast(emit.reshape(logits, [batch, classes]), 'f32')], {}, 'dropout/logits');
  graph.outputs.push({ name: 'dropout/logits', type: 'f32', dims: [batch, classes] });
  return { graph, masks };
}
