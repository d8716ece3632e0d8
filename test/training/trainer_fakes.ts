import { SightlineError } from '../../src/core/errors.js';
import { Rng } from '../../src/core/rng.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import type { Backend } from '../../src/backend/index.js';
import { emptyGraph } from '../../src/graph/ir.js';
import type { BatchSource, SourceBatch } from '../../src/training/batch_source.js';
import type { HistorySink, IterationRow, PeriodRow } from '../../src/training/history.js';
import { lossSums, meanLoss } from '../../src/training/loss_value.js';
import { Optimiser } from '../../src/training/optimiser.js';
import type { OptimiserOptions } from '../../src/training/optimiser.js';
import type { BatchReport, TrainingBatch, TrainingStep } from '../../src/training/training_step.js';

/** Pixels of an image [1,1,pixels]. */
const pixels = 3;

/** What a step or a source may be told to do wrong. */
export interface Faults {
  /** Number of the batch in the run (its draw) → NaN loss. */
  nan?: (draw: number, learningRate: number) => boolean;
  /** Largest batch that fits; larger ones throw E_MEMORY when opened, or when first run. */
  memory?: { most: number; at: 'open' | 'run' };
  /** Share of pixels dropped, by the draw. Default 0.1. */
  dropout?: number;
  /** Called before each batch is given out: throws to simulate a kill. */
  onBatch?: (given: number) => void;
}

/**
 * Logistic regression with a dropout-like draw: as small as a training step can be while weights, optimiser state and
 * draws still matter.
 */
export class LogisticStep implements TrainingStep {
  readonly description = 'logistic regression';
  closed = false;
  #optimiser: Optimiser;

  constructor(
    readonly batch: number,
    private readonly classes: number,
    options: Partial<OptimiserOptions>,
    private readonly faults: Faults,
  ) {
    const rng = new Rng(7, 'weights');
    const weights = Float32Array.from({ length: classes * pixels }, () => 0.1 * rng.normal());
    this.#optimiser = Optimiser.create(new Map([['weight', tensor('f32', [classes, pixels], weights)]]), options);
  }

  get step(): number {
    return this.#optimiser.step;
  }

  get learningRate(): number {
    return this.#optimiser.learningRate;
  }

  get weights(): number[] {
    return [...this.#optimiser.parameters.get('weight')!.data];
  }

  async accumulate({ images, targets }: TrainingBatch, draw: number): Promise<BatchReport> {
    if (images.dims[0] !== this.batch) throw new Error(`a batch of ${images.dims[0]} for a step of ${this.batch}`);
    if (this.faults.memory?.at === 'run' && this.batch > this.faults.memory.most) throw outOfMemory();
    const rng = new Rng(1, 'draw', draw);
    const kept = images.data.map((value) => (rng.uniform() >= (this.faults.dropout ?? 0.1) ? value : 0));
    const logits = await this.predict({ ...images, data: kept });
    if (this.faults.nan?.(draw, this.learningRate)) return { loss: NaN, logits };
    const loss = meanLoss({ kind: 'cross-entropy' }, lossSums({ kind: 'cross-entropy' }, logits, targets));
    const gradient = new Float32Array(this.classes * pixels);
    for (let b = 0; b < this.batch; b++) {
      const shares = Array.from({ length: this.classes }, (_, k) => Math.exp(logits.data[b * this.classes + k]));
      const sum = shares.reduce((x, y) => x + y, 0);
      for (let k = 0; k < this.classes; k++) {
        const error = shares[k] / sum - targets.data[b * this.classes + k];
        for (let i = 0; i < pixels; i++) gradient[k * pixels + i] += (error * kept[b * pixels + i]) / this.batch;
      }
    }
    this.#optimiser.accumulate(new Map([['weight', tensor('f32', [this.classes, pixels], gradient)]]));
    this.#count++;
    return { loss, logits };
  }

  #count = 0;

  apply(backend: Backend, { rateFactor = 1 }: { rateFactor?: number } = {}) {
    const gradientScale = 1 / this.#count;
    this.#count = 0;
    return this.#optimiser.apply(backend, { gradientScale, rateFactor });
  }

  async predict({ dims, data }: Tensor<'f32'>): Promise<Tensor<'f32'>> {
    const weight = this.#optimiser.parameters.get('weight')!.data;
    const logits = tensor('f32', [dims[0], this.classes]);
    for (let b = 0; b < dims[0]; b++)
      for (let k = 0; k < this.classes; k++)
        for (let i = 0; i < pixels; i++)
          logits.data[b * this.classes + k] += weight[k * pixels + i] * data[b * pixels + i];
    return logits;
  }

  model() {
    return emptyGraph('logistic');
  }

  serialise(): Uint8Array {
    if (this.#count) throw new Error('serialised inside a window');
    return this.#optimiser.serialise();
  }

  restore(bytes: Uint8Array): void {
    this.#optimiser = Optimiser.deserialise(bytes);
    this.#count = 0;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

export const outOfMemory = () => new SightlineError('E_MEMORY', { what: 'no memory for activations' });

/** Opens steps with faults; `opened` lists them. */
export function stepFactory(options: Partial<OptimiserOptions>, faults: Faults, classes = 2) {
  const opened: LogisticStep[] = [];
  return {
    opened,
    openStep: async (batch: number) => {
      if (faults.memory?.at === 'open' && batch > faults.memory.most) throw outOfMemory();
      opened.push(new LogisticStep(batch, classes, options, faults));
      return opened.at(-1)!;
    },
  };
}

/** Classes that a plane through the origin tells apart, with some noise. */
export class FakeSource implements BatchSource {
  readonly iterations: number;
  #given = 0;
  /** Batches given out and not released. */
  open = 0;

  constructor(
    private readonly count: number,
    readonly batch: number,
    private readonly faults: Faults = {},
    private readonly classes = 2,
    private readonly seed = 3,
  ) {
    this.iterations = Math.floor(count / batch);
  }

  async *epoch(epoch: number, { from }: { from: number }): AsyncGenerator<SourceBatch> {
    const order = new Rng(this.seed, 'order', epoch).shuffle(Array.from({ length: this.count }, (_, i) => i));
    for (let iteration = from; iteration < this.iterations; iteration++) {
      this.faults.onBatch?.(this.#given++);
      yield this.#batch(order.slice(iteration * this.batch, (iteration + 1) * this.batch), iteration);
    }
  }

  async *inOrder(): AsyncGenerator<SourceBatch> {
    for (let at = 0, iteration = 0; at < this.count; at += this.batch, iteration++) {
      const length = Math.min(this.batch, this.count - at);
      yield this.#batch(
        Array.from({ length }, (_, i) => at + i),
        iteration,
      );
    }
  }

  #batch(samples: number[], iteration: number): SourceBatch {
    const images = tensor('f32', [samples.length, 1, 1, pixels]);
    const targets = tensor('f32', [samples.length, this.classes]);
    samples.forEach((sample, b) => {
      const rng = new Rng(this.seed, 'sample', sample);
      const x = Array.from({ length: pixels }, () => rng.normal());
      images.data.set(x, b * pixels);
      targets.data[b * this.classes + (x[0] + x[1] + 0.5 * rng.normal() > 0 ? 1 : 0)] = 1;
    });
    this.open++;
    const release = () => {
      this.open--;
    };
    return { iteration, images, targets, ids: samples.map(String), release };
  }
}

/** A history in memory, which checks that nothing comes twice or out of order. */
export class MemoryHistory implements HistorySink {
  iterations: IterationRow[] = [];
  periods: PeriodRow[] = [];

  async truncate(iteration: number, period: number): Promise<void> {
    this.iterations = this.iterations.filter((row) => row.iteration <= iteration);
    this.periods = this.periods.filter((row) => row.period <= period);
  }

  async append(iterations: readonly IterationRow[], periods: readonly PeriodRow[]): Promise<void> {
    this.iterations.push(...iterations);
    this.periods.push(...periods);
  }
}
