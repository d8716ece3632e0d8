import { SightlineError } from '../core/errors.js';
import type { Classifier } from './classifier.js';
import { f32 } from './constant.js';
import { Emitter, freePrefix } from './emitter.js';
import { Inference } from './infer.js';
import { opsetOf, type Graph } from './ir.js';
import type { GraphPass, PassFacts } from './passes/pass.js';
import { freeName, renameValues } from './rewriting.js';

/** A model with the engine's interface around it and everything that passes appended. */
export interface Assembled extends PassFacts {
  graph: Graph;
  /** Dims of every output. */
  dims: Record<string, readonly number[]>;
}

/**
 * Puts the engine's interface around a model (see `compile`) and appends the passes.
 * @param model simplified, with the shapes of all its values in `shapes`
 */
export function assemble(
  classifier: Classifier,
  model: Graph,
  shapes: Inference,
  imageDims: readonly number[],
  passes: readonly GraphPass[],
): Assembled {
  const names = clearedNames(model, ['image', 'class_index', 'logits', ...passes.flatMap((pass) => pass.outputs)]);
  const named = (name: string) => names.get(name) ?? name;
  const renamed = renameValues(model, names);
  const graph: Graph = {
    ...renamed,
    name: 'sightline',
    inputs: [{ name: 'image', type: 'f32', dims: [...imageDims] }],
    outputs: [],
    nodes: [],
    initializers: new Map(renamed.initializers),
    declared: new Map(),
    metadata: new Map(),
  };
  const known = inferenceFor(graph, model, shapes, names);
  const emit = new Emitter(graph, known, (node) => known.visit(node), freePrefix(model, 'sightline'));
  known.setShape('image', { type: 'f32', dims: imageDims });
  appendImageAdapter(emit, classifier, named(classifier.input.name));
  graph.nodes.push(...renamed.nodes);

  const dims: Record<string, readonly number[]> = {};
  const output = (name: string, value: string) => {
    emit.op('Identity', [emit.cast(value, 'f32')], {}, name);
    dims[name] = emit.dims(name);
    graph.outputs.push({ name, type: 'f32', dims: [...emit.dims(name)] });
  };
  const [batch] = imageDims;
  const logits = named(classifier.logits);
  output('logits', emit.reshape(logits, [batch, classifier.classes]));

  if (passes.length > 0) requireOpset(graph);
  let seed: string | undefined;
  const classSeed = () => {
    if (seed) return seed;
    graph.inputs.push({ name: 'class_index', type: 'i64', dims: [batch] });
    known.setShape('class_index', { type: 'i64', dims: [batch] });
    const rows = appendClassSeed(emit, 'logits', batch, classifier.classes);
    seed = emit.cast(emit.reshape(rows, emit.dims(logits)), emit.type(logits));
    return seed;
  };
  const facts = passes.map((pass) =>
    pass.append({ classifier, graph, emit, image: 'image', logits, named, classSeed, output }),
  );
  return Object.assign({ graph, dims }, ...facts) as Assembled;
}

/** Model values whose names the interface needs get another one. */
function clearedNames(graph: Graph, reserved: readonly string[]): Map<string, string> {
  const used = new Set([...graph.initializers.keys(), ...graph.inputs.map((input) => input.name)]);
  for (const node of graph.nodes) for (const name of node.outputs) used.add(name);
  return new Map(reserved.filter((name) => used.has(name)).map((name) => [name, freeName(`model/${name}`, used)]));
}

/** What is known of the simplified graph, under its new names, ready to learn of appended nodes. */
function inferenceFor(
  graph: Graph,
  simplified: Graph,
  inference: Inference,
  names: ReadonlyMap<string, string>,
): Inference {
  const known = new Inference(graph);
  const carry = (name: string) => {
    const shape = inference.shape(name);
    const reason = inference.reasons.get(name);
    if (name && shape) known.setShape(names.get(name) ?? name, shape);
    else if (reason) known.reasons.set(names.get(name) ?? name, reason);
  };
  for (const input of simplified.inputs) carry(input.name);
  for (const node of simplified.nodes) node.outputs.forEach(carry);
  return known;
}

/** image f32 NCHW → the model's own layout and element type. */
function appendImageAdapter(emit: Emitter, { input }: Classifier, name: string): void {
  let value = 'image';
  if (input.dtype === 'u8') {
    const scaledUp = emit.op('Floor', [emit.add(emit.scale(value, 255), emit.scalar(value, 0.5))]);
    const zero = emit.scalar(value, 0);
    const limit = emit.scalar(value, 255);
    value = emit.op('Min', [emit.op('Max', [scaledUp, zero]), limit]);
  }
  if (input.layout === 'NHWC') value = emit.transpose(value, [0, 2, 3, 1]);
  value = emit.cast(value, input.dtype);
  emit.op('Identity', [value], {}, name);
}

/**
 * One-hot rows f32[batch,K] of the class to explain: class_index, or the highest logit where that is negative. In float
 * arithmetic, 1 − |index − k| cut at 0, which every operator set and every provider has.
 */
function appendClassSeed(emit: Emitter, logits: string, batch: number, classes: number): string {
  const predicted = emit.cast(emit.op('ArgMax', [logits], { axis: 1, keepdims: 1 }), 'f32');
  const given = emit.reshape(emit.cast('class_index', 'f32'), [batch, 1]);
  const open = emit.mask('Less', given, emit.scalar(given, 0));
  const chosen = emit.add(emit.mul(open, predicted), emit.mul(emit.sub(emit.scalar(given, 1), open), given));
  const numbers = emit.constant(
    f32(
      [1, classes],
      Float32Array.from({ length: classes }, (_, k) => k),
    ),
  );
  return emit.op('Relu', [emit.sub(emit.scalar(given, 1), emit.op('Abs', [emit.sub(chosen, numbers)]))]);
}

function requireOpset(graph: Graph): void {
  if (opsetOf(graph) >= 7) return;
  throw new SightlineError('E_MODEL_UNSUPPORTED', {
    where: 'model',
    what: `it uses operator set ${opsetOf(graph)}; explanations need 7 or higher`,
    remedy: 'Export it again with opset_version=17, or convert it with onnx.version_converter.',
  });
}
