import { isOnDevice, openBackend, type Backend, type BackendName } from '../backend/index.js';
import { forCriteria, type Criteria } from '../core/criteria.js';
import { SightlineError } from '../core/errors.js';
import { tensor, type Tensor } from '../core/tensor.js';
import type { Preprocessing } from '../data/types.js';
import { findExplanation } from '../explain/index.js';
import { thresholdsOf, type Binarisation } from '../features/binarisation.js';
import { probabilities, uncertainty, type Activation } from '../features/uncertainty.js';
import { dice } from '../kernels/dice.js';
import { histogram } from '../kernels/histogram.js';
import { DropoutScorer, type DropoutSetup } from './dropout_scorer.js';
import { greyImages, MapRadiomics, type MapRadiomicsSetup } from './map_radiomics.js';
import { openSession, type ProviderName, type RuntimeName, type Session } from '../runtime/index.js';

/** Everything a worker needs to open a model: plain data, and the ONNX bytes in shared memory. */
export interface InferenceSetup {
  onnx: SharedArrayBuffer;
  runtime: RuntimeName;
  provider: ProviderName | 'auto';
  /** Threads inside one model run. */
  threads: number;
  backend: BackendName | 'auto';
  batch: number;
  /** How images were normalised. */
  preprocessing: Preprocessing;
  channels: number;
  height: number;
  width: number;
  classes: number;
  activation: Activation;
  /** Name of the explanation, or null to score probabilities alone. */
  explanation: string | null;
  binarise: Binarisation | 'soft';
  /** Radiomics of the saliency maps or the images, when a strategy needs them. */
  radiomics: MapRadiomicsSetup | null;
  /** Monte-Carlo dropout, when a criterion needs it. */
  dropout: DropoutSetup | null;
}

/** One batch in shared memory. Holes (samples that could not be read) are zeros. */
export interface InferenceTask {
  /** f32[batch,C,H,W] */
  images: SharedArrayBuffer;
  /** u8[batch,H,W], non-zero inside the region of interest */
  rois: SharedArrayBuffer;
  /** Whether each slot has a region of interest. */
  hasRoi: boolean[];
  /** Class to explain per slot; −1 = the predicted one. */
  classIndex: Int32Array;
  /** Send the saliency maps back as well. */
  wantMaps: boolean;
}

/** Per-slot results; NaN where a number does not exist. */
export interface InferenceResult {
  logits: Float32Array;
  predicted: Int32Array;
  confidence: Float64Array;
  criteria: Criteria<Float64Array>;
  flat: Uint8Array;
  /** Radiomics, batch rows of as many numbers as the run has features. */
  features: Float64Array;
  /** f32[batch,H,W] in [0, 1], when asked for */
  maps?: Float32Array;
  /** Where it ran, for the run's metadata. */
  ran: { provider: string; backend: string };
}

const bins = 256;

/** Opens the model session and the kernel backend. @throws SightlineError E_PROVIDER, E_BACKEND, E_MODEL_FORMAT */
export async function openBatchScorer(setup: InferenceSetup): Promise<BatchScorer> {
  const { runtime, provider, threads } = setup;
  const session = await openSession(new Uint8Array(setup.onnx), { runtime, provider, threads });
  const backend = await openBackend({ prefer: setup.backend, threads });
  const dropout = setup.dropout ? await DropoutScorer.open(setup.dropout, setup) : null;
  return new BatchScorer(setup, session, backend, dropout);
}

/** Runs one batch: model → saliency → histogram and Dice; only the numbers leave the device. */
export class BatchScorer {
  readonly #radiomics: MapRadiomics | null;

  constructor(
    private readonly setup: InferenceSetup,
    private readonly session: Session,
    private readonly backend: Backend,
    private readonly dropout: DropoutScorer | null,
  ) {
    this.#radiomics = setup.radiomics && new MapRadiomics(setup.radiomics, backend);
  }

  async run(task: InferenceTask): Promise<InferenceResult> {
    const { batch, channels, height, width, classes } = this.setup;
    const images = tensor('f32', [batch, channels, height, width], new Float32Array(task.images));
    const outputs = await this.#forward(images, task.classIndex);
    const logits = outputs.logits as Tensor<'f32'>;
    const criteria = forCriteria(() => new Float64Array(batch).fill(NaN));
    const prediction = this.#predict(logits.data, criteria);
    const { features, ...explained } = await this.#explain(images, outputs, task, criteria);
    const ofImages = await this.#imageRadiomics(images);
    if (this.dropout) await this.dropout.score(outputs, batch, classes, criteria);
    return {
      logits: logits.data,
      ...prediction,
      ...explained,
      criteria,
      features: beside(batch, features, ofImages),
      ran: { provider: placeOf(this.session), backend: this.backend.info.name },
    };
  }

  async #imageRadiomics(images: Tensor<'f32'>): Promise<Float64Array> {
    const { radiomics, preprocessing, height, width } = this.setup;
    if (!this.#radiomics || !radiomics?.classes.image.length) return new Float64Array();
    return this.#radiomics.score('image', greyImages(images, preprocessing), [height, width]);
  }

  #forward(images: Tensor<'f32'>, classIndex: Int32Array): Promise<Record<string, Tensor>> {
    return this.session.run({
      image: images,
      class_index: tensor('i64', [classIndex.length], BigInt64Array.from(classIndex, BigInt)),
    });
  }

  #predict(logits: Float32Array, criteria: Criteria<Float64Array>) {
    const { batch, classes, activation } = this.setup;
    const predicted = new Int32Array(batch);
    const confidence = new Float64Array(batch);
    for (let b = 0; b < batch; b++) {
      const p = probabilities(logits.subarray(b * classes, (b + 1) * classes), activation);
      const u = uncertainty(p, activation);
      let top = 0;
      for (let k = 1; k < classes; k++) if (p[k] > p[top]) top = k;
      // A single sigmoid output has two classes: 0 below one half, 1 above.
      const single = classes === 1;
      predicted[b] = single ? Number(p[0] >= 0.5) : top;
      confidence[b] = single ? Math.max(p[0], 1 - p[0]) : p[top];
      criteria.entropy[b] = u.entropy;
      criteria.least_confidence[b] = u.leastConfidence;
      criteria.margin[b] = u.margin;
    }
    return { predicted, confidence };
  }

  async #explain(
    images: Tensor<'f32'>,
    outputs: Record<string, Tensor>,
    task: InferenceTask,
    criteria: Criteria<Float64Array>,
  ) {
    const { batch, height, width, explanation, binarise } = this.setup;
    if (!explanation) return { flat: new Uint8Array(batch), features: new Float64Array() };

    const classes = explainedClasses(task.classIndex, outputs.logits as Tensor<'f32'>);
    const saliency = await findExplanation(explanation).maps(
      { images, outputs, again: (others) => this.#forward(others, classes) },
      this.backend,
      { height, width, keep: !task.wantMaps },
    );
    const maps = { ...saliency.maps, dims: [batch, height * width] };
    const { counts, binned } = await this.backend.run(histogram, { maps }, { bins, low: 0, high: 1 });
    for (let b = 0; b < batch; b++) criteria.kurtosis[b] = binned.data[b * 5 + 3];

    if (task.hasRoi.some(Boolean)) {
      const thresholds = await thresholdsOf(this.backend, maps, binarise === 'soft' ? 0 : binarise, counts);
      const masks = tensor('u8', [batch, height * width], new Uint8Array(task.rois));
      const overlap = await this.backend.run(dice, { maps, masks, thresholds }, { mode: binarise === 'soft' ? 1 : 0 });
      task.hasRoi.forEach((has, b) => has && (criteria.dice[b] = overlap.dice.data[b]));
    }
    const features = (await this.#radiomics?.score('saliency', maps, [height, width], counts)) ?? new Float64Array();
    // A map without evidence is no smooth and homogeneous one: it has no features.
    saliency.flat.data.forEach((flat, b) => flat && features.fill(NaN, ...rowOf(features, b, batch)));
    if (isOnDevice(maps)) maps.release();
    return {
      features,
      flat: Uint8Array.from(saliency.flat.data),
      ...(task.wantMaps && { maps: hostArray(saliency.maps) }),
    };
  }
}

/** Where row `b` of a table of `rows` rows begins and ends. */
function rowOf({ length }: Float64Array, b: number, rows: number): [number, number] {
  return [(b * length) / rows, ((b + 1) * length) / rows];
}

/** Two tables of `rows` rows as one, side by side. */
function beside(rows: number, left: Float64Array, right: Float64Array): Float64Array {
  if (!right.length) return left;
  const out = new Float64Array(left.length + right.length);
  for (let row = 0; row < rows; row++) {
    const [begin, end] = rowOf(out, row, rows);
    out.set(left.subarray(...rowOf(left, row, rows)), begin);
    out.set(right.subarray(...rowOf(right, row, rows)), end - right.length / rows);
  }
  return out;
}

/** Where a session runs, in words. */
function placeOf({ runtime, provider }: Session): string {
  return runtime === 'tfjs' ? `tfjs ${provider}` : provider;
}

/** The classes that were explained: the asked ones, or the highest logit where that is −1. */
function explainedClasses(asked: Int32Array, { dims, data }: Tensor<'f32'>): Int32Array {
  const classes = dims[1];
  return asked.map((index, b) => {
    if (index >= 0) return index;
    const row = data.subarray(b * classes, (b + 1) * classes);
    return row.reduce((top, value, k) => (value > row[top] ? k : top), 0);
  });
}

function hostArray(map: object): Float32Array {
  if ('data' in map && map.data instanceof Float32Array) return map.data;
  throw new SightlineError('E_INTERNAL', { what: 'saliency maps were asked for but stayed on the device' });
}
