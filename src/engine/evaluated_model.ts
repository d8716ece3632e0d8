import { existsSync } from 'node:fs';
import { SightlineError } from '../core/errors.js';
import { tensor, sizeOf, type Tensor } from '../core/tensor.js';
import { noiseSettings } from '../data/fixed_noise.js';
import { sidecarSchema } from '../data/sidecar.js';
import type { Preprocessing } from '../data/types.js';
import { compile } from '../graph/compile.js';
import type { Graph } from '../graph/ir.js';
import { importModel } from '../graph/model_import.js';
import { exportOnnx } from '../graph/onnx_export.js';
import { openSession } from '../runtime/index.js';
import { describeModel } from './model_description.js';
import type { ComputeOptions, ModelOptions } from './options.js';

/** A model ready to predict, with what its outputs mean. */
export interface EvaluatedModel {
  kind: 'classes' | 'labels' | 'masks';
  /** Class names; masks of one channel: none. */
  labels: readonly string[];
  /** Channels of the output. */
  outputs: number;
  preprocessing: Preprocessing;
  provider: string;
  /** Logits of up to `batch` images f32[B,C,H,W]. */
  predict(images: Tensor<'f32'>): Promise<Tensor<'f32'>>;
  close(): Promise<void>;
}

export type EvaluatedModelOptions = ModelOptions &
  Pick<ComputeOptions, 'provider'> & { threads?: number; onNotice?: (message: string) => void };

/**
 * Opens a classifier, or a segmentation model that `train` has written.
 * @throws SightlineError as `openModel`
 */
export async function openEvaluated(options: EvaluatedModelOptions, batch: number): Promise<EvaluatedModel> {
  const trained = existsSync(options.model) && !/\.json$/i.test(options.model) ? readTrained(options.model) : null;
  if (trained?.task === 'reconstruction') {
    throw new SightlineError('E_MODEL_UNSUPPORTED', {
      where: options.model,
      what: 'it reconstructs images: there are no labels to compare with',
      remedy: "Its loss on validation and test samples is in the run's history and summary.",
    });
  }
  if (trained?.task === 'segmentation') {
    const { graph, labels } = trained;
    const preprocessing = { ...trained.preprocessing, noise: noiseSettings(options.noise) };
    const output = graph.outputs[graph.outputs.length - 1];
    const names = { image: graph.inputs[0].name, output: output.name, outputs: output.dims?.[1] ?? 1 };
    return opened(exportOnnx(graph), { ...names, labels, preprocessing, kind: 'masks' }, batch, options);
  }
  const { classifier, preprocessing, labels } = describeModel(options);
  const { height, width } = preprocessing;
  const { onnx, classes } = compile(classifier, { batch, size: [height, width] });
  const kind = classifier.multiLabel && classes > 1 ? ('labels' as const) : ('classes' as const);
  return opened(
    onnx,
    { image: 'image', output: 'logits', kind, labels, preprocessing, outputs: classes },
    batch,
    options,
  );
}

/** A model that `train` has written, as its metadata say; null for all others. */
export function readTrained(
  model: string,
): { task: string; graph: Graph; labels: readonly string[]; preprocessing: Preprocessing } | null {
  const { graph } = importModel(model);
  const task = graph.metadata.get('sightline.task');
  if (task === undefined) return null;
  const text = (key: string) => JSON.parse(graph.metadata.get(key) ?? 'null') as unknown;
  const labels = sidecarSchema.shape.labels.catch(undefined).parse(text('labels')) ?? [];
  return { task, graph, labels, preprocessing: text('sightline.preprocessing') as Preprocessing };
}

type Facts = Omit<EvaluatedModel, 'provider' | 'predict' | 'close'> & { image: string; output: string };

async function opened(
  onnx: Uint8Array,
  { image, output, kind, labels, outputs, preprocessing }: Facts,
  batch: number,
  { provider, threads }: EvaluatedModelOptions,
): Promise<EvaluatedModel> {
  const session = await openSession(onnx, { provider: provider as 'cpu' | undefined, threads });
  const predict = async (images: Tensor<'f32'>): Promise<Tensor<'f32'>> => {
    const [count, ...rest] = images.dims;
    const whole = new Float32Array(batch * sizeOf(rest));
    whole.set(images.data);
    const result = (await session.run({ [image]: tensor('f32', [batch, ...rest], whole) }))[output] as Tensor<'f32'>;
    const dims = [count, ...result.dims.slice(1)];
    return tensor('f32', dims, result.data.slice(0, sizeOf(dims)));
  };
  return {
    ...{ kind, labels, outputs, preprocessing, provider: session.provider, predict },
    close: () => session.close(),
  };
}
