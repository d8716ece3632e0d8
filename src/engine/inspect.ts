import type { ErrorData } from '../core/errors.js';
import { sizeOf } from '../core/tensor.js';
import { readClassifier, shapesFor, type Layer } from '../graph/classifier.js';
import { buildGraph } from '../graph/compile.js';
import { opsetOf } from '../graph/ir.js';
import { explanationSupport } from './support.js';
import type { ModelOptions } from './options.js';

/** What is known of a model without running it. */
export interface ModelReport {
  input: { name: string; type: string; layout: string; channels: number; size: readonly number[]; anySize: boolean };
  batch: number | null;
  logits: string;
  classes: number;
  labels: string[] | null;
  activation: string;
  activationSource: string;
  opset: number;
  nodes: number;
  parameters: number;
  /** Ops with how often each occurs, most frequent first. */
  ops: [op: string, count: number][];
  /** Feature maps between image and logits, in order. */
  layers: readonly Layer[];
  targetLayer: string | null;
  explanations: { name: string; summary: string; runs: number; obstacle: ErrorData | null }[];
  /** Where Monte-Carlo dropout would go, and the share of the nodes that then run on every pass. */
  dropout: { at: string; points: number; share: number } | { obstacle: string };
}

/**
 * Reads a model and tries every explanation on it, by building its graph.
 * @throws SightlineError E_NOT_FOUND, E_MODEL_FORMAT, E_MODEL_UNSUPPORTED (no image classifier), E_ARGUMENT
 */
export function inspectModel(options: Pick<ModelOptions, 'model' | 'size' | 'activation'>): ModelReport {
  const classifier = readClassifier(options.model, { size: options.size, activation: options.activation });
  const { graph, input, channels } = classifier;
  const size = options.size ?? classifier.size ?? ([224, 224] as const);
  const image = { ...input, batch: classifier.batch, channels };
  const shapes = shapesFor(graph, image, classifier.batch ?? 1, size);
  const counts = new Map<string, number>();
  for (const node of graph.nodes) counts.set(node.op, (counts.get(node.op) ?? 0) + 1);
  const parameters = [...graph.initializers.values()].filter(({ type }) => type !== 'i64' && type !== 'i32');
  const range = { low: new Array<number>(channels).fill(0), high: new Array<number>(channels).fill(1) };
  return {
    input: {
      name: input.name,
      type: input.dtype,
      layout: input.layout,
      channels,
      size: [...size],
      anySize: classifier.size === null,
    },
    batch: classifier.batch,
    logits: classifier.logits,
    classes: classifier.classes,
    labels: classifier.labels,
    activation: classifier.activation,
    activationSource: classifier.activationSource,
    opset: opsetOf(graph),
    nodes: graph.nodes.length,
    parameters: parameters.reduce((sum, { dims }) => sum + sizeOf(dims), 0),
    ops: [...counts].sort((a, b) => b[1] - a[1]),
    layers: classifier.layers().map((layer) => ({ ...layer, shape: shapes.shape(layer.name)?.dims ?? layer.shape })),
    targetLayer: classifier.targetLayer?.name ?? null,
    explanations: explanationSupport(classifier, range, size).map(({ explanation, obstacle }) => ({
      name: explanation.name,
      summary: explanation.summary,
      runs: explanation.runs,
      obstacle: obstacle && obstacle.toData(),
    })),
    dropout: dropoutOf(),
  };

  function dropoutOf(): ModelReport['dropout'] {
    try {
      const { dropout, nodes } = buildGraph(classifier, { batch: 1, size, dropout: {} });
      if (!dropout) return { obstacle: 'no place for dropout was found' };
      return { at: dropout.placement, points: dropout.masks.length, share: dropout.nodes / nodes };
    } catch (error) {
      return { obstacle: error instanceof Error ? error.message : String(error) };
    }
  }
}
