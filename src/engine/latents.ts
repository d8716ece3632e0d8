import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { openCpuBackend } from '../backend/index.js';
import type { ProgressListener } from '../core/progress.js';
import type { Tensor } from '../core/tensor.js';
import { version } from '../core/version.js';
import { buildAutoencoder } from '../models/autoencoder.js';
import { readFinished, writeFinished } from '../training/finished_run.js';
import { openTrainingStep, prepareTrainingStep } from '../training/open_training_step.js';
import { train } from '../training/trainer.js';
import type { TrainingStepSettings } from '../training/training_step.js';
import { validate } from '../training/validation.js';
import { VectorSource } from '../training/vector_source.js';
import { openEncoder, writeEncoder, type Encoder } from './encoder.js';

export interface LatentOptions {
  /** Run folder. */
  out: string;
  /** Widths of the encoder's hidden layers. Default 256, 128, 64. */
  hidden?: readonly number[];
  /** Length of the code. Default 32. */
  code?: number;
  /** Default 20. */
  epochs?: number;
  /** Vectors per batch; no more than there are. Default 32. */
  batch?: number;
  /** Of Adam. Default 10⁻³. */
  learningRate?: number;
  /** Of initial weights and order. Default 0. */
  seed?: number;
  /** Never changes a result. Default: the number of cores. */
  threads?: number;
  /** Seconds between checkpoints. Default 300. */
  checkpointSeconds?: number;
  resume?: boolean;
  overwrite?: boolean;
  onProgress?: ProgressListener;
  onNotice?: (message: string) => void;
}

/** What `learnLatents` learned. */
export interface Latents extends Encoder {
  /** Mean squared error of the reconstructions of what it was learned from. */
  loss: number;
}

/**
 * Learns codes of vectors (IDEAL's Algorithm 2: saliency maps, see `mapVectors`) by a dense autoencoder that reconstructs
 * them; nothing is held out. Into `out`: encoder.onnx, history.csv, training.json, result.json. Killed at any instant and
 * called again with `resume`, it ends with the same encoder, byte for byte. Code units may be dead: 0 for every vector.
 * @param vectors f32[N,P], P a square number
 * @throws SightlineError E_SHAPE, E_POOL_EMPTY, E_IMAGE_VALUES, E_ARGUMENT, E_TRAINING, E_OUTPUT, E_RESUME_MISMATCH
 */
export async function learnLatents(vectors: Tensor<'f32'>, options: LatentOptions): Promise<Latents> {
  const { out, hidden = [256, 128, 64], code = 32, epochs = 20, batch = 32, learningRate = 1e-3, seed = 0 } = options;
  const { threads, checkpointSeconds, resume, overwrite, onProgress, onNotice } = options;
  const training = new VectorSource(vectors, { batch, seed });
  const network = buildAutoencoder({ channels: 1, size: training.side, hidden, code, seed });
  const loss = { kind: 'mean-squared-error' } as const;
  const optimiser = { rule: 'adam', learningRate } as const;
  const settings = (size: number): TrainingStepSettings => ({ batch: size, loss, optimiser, seed, threads });
  const prepared = prepareTrainingStep(network, settings(training.batch));
  const about = { side: training.side, hidden, code, batch: training.batch, learningRate, seed };
  const fingerprint = {
    vectors: createHash('sha256').update(bytesOf(vectors)).digest('hex'),
    network: JSON.stringify([training.side, hidden, code]),
    batch: String(training.batch),
    'learning rate': String(learningRate),
    seed: String(seed),
    runtime: prepared.runtime,
  };
  const file = join(out, 'encoder.onnx');
  const whole = { ...fingerprint, length: String(epochs) };
  const finished = await readFinished<{ loss: number }>(out, whole, ['encoder.onnx'], { resume, overwrite });
  if (finished) return { ...openEncoder(file, { threads }), loss: finished.loss };
  const backend = openCpuBackend({ threads, onNotice });
  try {
    const { step } = await train({
      ...{ out, fingerprint, about, training, backend, loss, epochs, task: 'reconstruction' },
      openStep: (size) => (size === training.batch ? prepared.open() : openTrainingStep(network, settings(size))),
      ...{ checkpointSeconds, resume, overwrite, onProgress, onNotice },
    });
    try {
      const reached = await validate(step, training, 'reconstruction', loss);
      const facts = { ...about, epochs, vectors: vectors.dims[0], loss: reached.loss, version };
      await writeEncoder(file, step.model(), facts);
      await writeFinished(out, whole, { loss: reached.loss });
      return { ...openEncoder(file, { threads }), loss: reached.loss! };
    } finally {
      await step.close();
    }
  } finally {
    backend.close();
  }
}

const bytesOf = ({ data }: Tensor<'f32'>) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
