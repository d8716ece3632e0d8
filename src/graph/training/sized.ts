import { SightlineError } from '../../core/errors.js';
import { Inference } from '../infer.js';
import type { Graph, ValueShape } from '../ir.js';
import { rebatch } from '../rebatch.js';
import { inferGraph } from '../rewriting.js';

/** A graph whose shapes are all known for one batch size. */
export interface SizedGraph {
  graph: Graph;
  shapes: Inference;
  /** [B,C,H,W] */
  imageDims: readonly number[];
}

/**
 * Fixes the batch of a model: f32 image [B,C,H,W] first among its inputs; the others have static dims.
 * @param output a value that must follow the batch
 * @throws SightlineError E_MODEL_UNSUPPORTED for other inputs, a size that is open, or a batch that cannot be changed
 */
export function sizedForBatch(graph: Graph, output: string, batch: number): SizedGraph {
  const [image, ...others] = graph.inputs;
  const dims = image?.dims;
  if (!dims || image.type !== 'f32' || dims.length !== 4 || dims.slice(1).includes(null)) {
    throw new SightlineError('E_MODEL_UNSUPPORTED', {
      where: image ? `input '${image.name}'` : 'model',
      what: 'training needs an input f32[batch, channels, height, width] with a fixed size',
      remedy: 'Give --size, or export the model with float images of a fixed size, channels first.',
    });
  }
  const inputs = (n: number) =>
    new Map<string, ValueShape>([
      [image.name, { type: 'f32', dims: [n, ...(dims.slice(1) as number[])] }],
      ...others.map(({ name, type = 'f32', dims: own }) => [name, { type, dims: own as number[] }] as const),
    ]);
  const imageDims = [batch, ...(dims.slice(1) as number[])];
  const ownBatch = dims[0] ?? 1;
  const own = inferGraph(graph, inputs(ownBatch));
  const follows = (shapes: Inference) =>
    shapes.shape(output)?.dims[0] === batch && shapes.mismatches.length <= own.mismatches.length;
  const plain = inferGraph(graph, inputs(batch));
  if (follows(plain)) return { graph, shapes: plain, imageDims };
  // The example's batch is written into reshapes: rewritten where shapes at both sizes show it.
  const shapes = new Inference(graph);
  for (const [name, shape] of inputs(batch)) shapes.setShape(name, shape);
  const changed = rebatch(graph, shapes, own, batch / ownBatch);
  if (follows(shapes)) return { graph: changed, shapes, imageDims };
  throw new SightlineError('E_MODEL_UNSUPPORTED', {
    where: `output '${output}'`,
    what: `its shape does not follow the batch (${shapes.mismatches[0] ?? shapes.reasons.get(output) ?? 'a fixed batch'})`,
    remedy: 'Export the model with a dynamic batch dimension.',
  });
}
