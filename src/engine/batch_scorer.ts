import { isOnDevice, openBackend, type Backend } from '../backend/index.js';
import { forCriteria, type Criteria } from '../core/criteria.js';
import { SightlineError } from '../core/errors.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { findExplanation } from '../explain/index.js';
import { probabilities, uncertainty } from '../features/uncertainty.js';
import { histogram } from '../kernels/histogram.js';
import { openSession, type Session } from '../runtime/index.js';
import { AttentionScorer } from './attention_scorer.js';
import { DropoutScorer } from './dropout_scorer.js';
import type { InferenceResult, InferenceSetup, InferenceTask } from './inference.js';
import { greyImages, MapRadiomics } from './map_radiomics.js';
import { RegionPredictor } from './region_predictor.js';
import { RegionScorer, type Regions } from './region_scorer.js';
import { VectorMaker } from './vector_maker.js';

const bins = 256;

/** Opens the model session and the kernel backend. @throws SightlineError E_PROVIDER, E_BACKEND, E_MODEL_FORMAT */
export async function openBatchScorer(setup: InferenceSetup): Promise<BatchScorer> {
  const { runtime, provider, threads } = setup;
  const session = await openSession(new Uint8Array(setup.onnx), { runtime, provider, threads });
  const backend = await openBackend({ prefer: setup.backend, threads });
  const dropout = setup.dropout ? await DropoutScorer.open(setup.dropout, setup) : null;
  const { regionModel } = setup;
  const predictor = regionModel ? await RegionPredictor.open(regionModel, setup) : null;
  return new BatchScorer(setup, session, backend, dropout, predictor);
}

/** Runs one batch: model → saliency → histogram, Dice and vectors; only what was asked for leaves the device. */
export class BatchScorer {
  readonly #radiomics: MapRadiomics | null;
  readonly #regions: RegionScorer;
  readonly #attention: AttentionScorer | null;
  readonly #vectors: VectorMaker;

  constructor(
    private readonly setup: InferenceSetup,
    private readonly session: Session,
    private readonly backend: Backend,
    private readonly dropout: DropoutScorer | null,
    predictor: RegionPredictor | null,
  ) {
    this.#radiomics = setup.radiomics && new MapRadiomics(setup.radiomics, backend);
    this.#regions = new RegionScorer(setup, backend, predictor);
    this.#attention = setup.attention ? new AttentionScorer(backend) : null;
    this.#vectors = new VectorMaker(setup);
  }

  async run(task: InferenceTask): Promise<InferenceResult> {
    const { batch, channels, height, width, classes } = this.setup;
    const images = tensor('f32', [batch, channels, height, width], new Float32Array(task.images));
    const outputs = await this.#forward(images, task.classIndex);
    const logits = outputs.logits as Tensor<'f32'>;
    const criteria = forCriteria(() => new Float64Array(batch).fill(NaN));
    const prediction = this.#predict(logits.data, criteria);
    const regions = await this.#regions.regionsOf(images, task, criteria);
    const { features, maps, ...explained } = await this.#explain(images, outputs, task, regions, criteria);
    const ofImages = await this.#imageRadiomics(images);
    if (this.dropout) await this.dropout.score(outputs, batch, classes, criteria);
    return {
      logits: logits.data,
      ...prediction,
      ...explained,
      criteria,
      features: beside(batch, features, ofImages),
      ...(task.wantMaps && { maps }),
      hasRegion: regions.has,
      vectors: await this.#vectors.make(images, outputs, this.#vectors.readsMaps ? maps : undefined),
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
    regions: Regions,
    criteria: Criteria<Float64Array>,
  ) {
    const { batch, height, width, explanation } = this.setup;
    if (!explanation) return { flat: new Uint8Array(batch), features: new Float64Array(), attention: [] };

    const onHost = task.wantMaps || this.#vectors.readsMaps || this.#attention !== null;
    const classes = explainedClasses(task.classIndex, outputs.logits as Tensor<'f32'>);
    const saliency = await findExplanation(explanation).maps(
      { images, outputs, again: (others) => this.#forward(others, classes) },
      this.backend,
      { height, width, keep: !onHost },
    );
    const maps = { ...saliency.maps, dims: [batch, height * width] };
    const { counts, binned } = await this.backend.run(histogram, { maps }, { bins, low: 0, high: 1 });
    for (let b = 0; b < batch; b++) criteria.kurtosis[b] = binned.data[b * 5 + 3];

    await this.#regions.compare(maps, counts, regions, criteria);
    const features = (await this.#radiomics?.score('saliency', maps, [height, width], counts)) ?? new Float64Array();
    // A map without evidence is no smooth and homogeneous one: it has no features.
    saliency.flat.data.forEach((flat, b) => flat && features.fill(NaN, ...rowOf(features, b, batch)));
    if (isOnDevice(maps)) maps.release();
    const host = onHost ? hostArray(saliency.maps) : undefined;
    const onGrid = host && tensor('f32', [batch, height, width], host);
    const attention = onGrid && this.#attention ? await this.#attention.score(onGrid, task) : [];
    return { features, flat: Uint8Array.from(saliency.flat.data), attention, ...(host && { maps: host }) };
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
