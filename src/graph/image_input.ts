import { SightlineError } from '../core/errors.js';
import type { ClassifierOptions, Layout } from './classifier.js';
import { intAttribute, intsAttribute, type Graph, type ValueInfo } from './ir.js';

export interface ImageInput {
  name: string;
  dtype: 'f32' | 'f16' | 'u8';
  layout: Layout;
  batch: number | null;
  channels: number;
  height: number | null;
  width: number | null;
}

/** Finds the one image input and reads its layout. @throws SightlineError E_MODEL_UNSUPPORTED, E_ARGUMENT */
export function findImageInput(graph: Graph, options: ClassifierOptions): ImageInput {
  const info = chosenInput(graph, options.input);
  const dtype = info.type ?? 'f32';
  if (dtype !== 'f32' && dtype !== 'f16' && dtype !== 'u8') {
    throw unsupported(
      info,
      `its element type is ${dtype}; images come as 32- or 16-bit floats or bytes`,
      'Export the model with float32 input.',
    );
  }
  const dims = info.dims ?? [null, null, null, null];
  const first = firstSpatialNode(graph, info.name);
  const layout = options.layout ?? layoutOf(dims, first);
  const [batch, ...rest] = dims;
  const [c, h, w] = layout === 'NCHW' ? rest : [rest[2], rest[0], rest[1]];
  const channels = c ?? first?.channels;
  if (!channels) {
    throw unsupported(
      info,
      'its number of channels is neither declared nor given by a first convolution',
      'Export the model with a fixed number of channels.',
    );
  }
  return { name: info.name, dtype, layout, batch, channels, height: h, width: w };
}

function chosenInput(graph: Graph, name: string | undefined): ValueInfo {
  const described = graph.inputs
    .map((input) => `'${input.name}' [${(input.dims ?? []).map((dim) => dim ?? '?').join(', ')}]`)
    .join(', ');
  if (name !== undefined) {
    const found = graph.inputs.find((input) => input.name === name);
    if (found) return found;
    throw new SightlineError('E_ARGUMENT', {
      where: 'input',
      what: `the model has no input '${name}'`,
      remedy: `Its inputs: ${described}.`,
    });
  }
  const images = graph.inputs.filter((input) => input.dims === undefined || input.dims.length === 4);
  if (graph.inputs.length === 1 && images.length === 1) return images[0];
  throw new SightlineError('E_MODEL_UNSUPPORTED', {
    where: 'model inputs',
    what:
      graph.inputs.length === 1
        ? `expected one image input [batch, channels, height, width] but the model takes ${described}`
        : `expected one image input but the model takes ${graph.inputs.length}: ${described || 'none'}`,
    remedy: 'Export the model so that a batch of images is its only input.',
  });
}

interface SpatialNode {
  layout: Layout;
  channels?: number;
}

/**
 * What the first convolution says: its weights know the channel count, and a Transpose before it the layout. Walks from
 * the input through ops that keep shape (normalisation, casts, padding).
 */
function firstSpatialNode(graph: Graph, input: string): SpatialNode | undefined {
  const reached = new Map<string, Layout>([[input, 'NCHW']]);
  for (const node of graph.nodes) {
    const from = node.inputs.find((name) => reached.has(name));
    if (from === undefined) continue;
    const layout = reached.get(from) as Layout;
    if (node.op === 'Conv' && node.inputs[0] === from) {
      const weights = graph.initializers.get(node.inputs[1]);
      return { layout, channels: weights && weights.dims[1] * intAttribute(node, 'group', 1) };
    }
    const perm = intsAttribute(node, 'perm');
    const turned = node.op === 'Transpose' && perm?.join() === '0,3,1,2';
    for (const output of node.outputs) reached.set(output, turned ? 'NHWC' : layout);
  }
  return undefined;
}

function layoutOf(dims: readonly (number | null)[], first: SpatialNode | undefined): Layout {
  const channelLike = (dim: number | null) => dim !== null && dim <= 4;
  const [, a, , c] = dims;
  if (channelLike(a) !== channelLike(c)) return channelLike(a) ? 'NCHW' : 'NHWC';
  return first?.layout ?? (a === null && c !== null ? 'NHWC' : 'NCHW');
}

function unsupported(info: ValueInfo, what: string, remedy: string): SightlineError {
  return new SightlineError('E_MODEL_UNSUPPORTED', { where: `model input '${info.name}'`, what, remedy });
}
