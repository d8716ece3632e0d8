import { SightlineError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { Inference } from '../graph/infer.js';
import type { Graph } from '../graph/ir.js';
import { importModel } from '../graph/model_import.js';
import { exportOnnx } from '../graph/onnx_export.js';
import { simplify } from '../graph/rewriting.js';
import { sizedForBatch } from '../graph/training/sized.js';
import { openGraphSession } from '../training/graph_session.js';
import { sideOf } from '../training/vector_source.js';

/** A learned encoder of vectors. */
export interface Encoder {
  /** `encoder.onnx`: f32[B,1,side,side] → code f32[B,code]. */
  file: string;
  /** @param vectors f32[N,side²] @returns f32[N,code], from 0 @throws SightlineError E_SHAPE */
  encode(vectors: Tensor<'f32'>): Promise<Tensor<'f32'>>;
}

/** Metadata that says an ONNX file is such an encoder, and how it was learned. */
const metadataKey = 'sightline.encoder';
/** Rows of a run. */
const batch = 32;

/**
 * Writes an autoencoder's half from image to `code`.
 * @param about how it was learned: plain data
 * @throws SightlineError E_OUTPUT, E_DISK_FULL
 */
export async function writeEncoder(file: string, autoencoder: Graph, about: object): Promise<void> {
  const graph = simplify(autoencoder, new Inference(autoencoder), ['code']);
  const outputs = autoencoder.outputs.filter(({ name }) => name === 'code');
  const metadata = new Map([[metadataKey, JSON.stringify(about)]]);
  await writeFileAtomic(file, exportOnnx({ ...graph, name: 'encoder', outputs, declared: new Map(), metadata }));
}

/**
 * The encoder in a file.
 * @param threads default: the number of cores; never changes a result
 * @throws SightlineError E_NOT_FOUND, E_MODEL_FORMAT, E_MODEL_UNSUPPORTED (another kind of model)
 */
export function openEncoder(file: string, { threads }: { threads?: number } = {}): Encoder {
  const { graph } = importModel(file);
  if (!graph.metadata.has(metadataKey)) {
    throw new SightlineError('E_MODEL_UNSUPPORTED', {
      where: file,
      what: 'it is no encoder of map vectors',
      remedy: 'Give the encoder.onnx that learnLatents wrote.',
    });
  }
  const { graph: sized, imageDims, shapes } = sizedForBatch(graph, 'code', batch);
  const [image] = graph.inputs;
  const codeDims = shapes.shape('code')!.dims as number[];
  const fixed: Graph = {
    ...sized,
    inputs: [{ ...image, dims: [...imageDims] }],
    outputs: [{ name: 'code', type: 'f32', dims: [...codeDims] }],
    declared: new Map(),
  };
  return { file, encode: (vectors) => encodeRows(fixed, vectors, imageDims, codeDims[1], threads) };
}

async function encodeRows(
  graph: Graph,
  vectors: Tensor<'f32'>,
  imageDims: readonly number[],
  code: number,
  threads: number | undefined,
): Promise<Tensor<'f32'>> {
  if (sideOf(vectors) !== imageDims[2]) {
    throw new SightlineError('E_SHAPE', {
      where: 'vectors',
      what: `expected [N,${imageDims[2] ** 2}], received [${vectors.dims.join()}]`,
    });
  }
  const [count, length] = vectors.dims;
  const codes = tensor('f32', [count, code]);
  const session = await openGraphSession(graph, { threads });
  try {
    for (let from = 0; from < count; from += batch) {
      // A short batch is filled up with zeros: rows do not influence each other.
      const rows = new Float32Array(batch * length);
      rows.set(vectors.data.subarray(from * length, Math.min(from + batch, count) * length));
      const given = { [graph.inputs[0].name]: tensor('f32', imageDims, rows) };
      const found = (await session.run(given)).code.data as Float32Array;
      codes.data.set(found.subarray(0, Math.min(batch, count - from) * code), from * code);
    }
  } finally {
    await session.close();
  }
  return codes;
}
