import { expectArgument } from '../core/errors.js';
import { ProgressMeter } from '../core/progress.js';
import { tensor, type Tensor } from '../core/tensor.js';
import type { GainOptions, GainResult, GainSamples } from './gain_options.js';
import { GainTrials } from './gain_trials.js';

export type { GainOptions, GainResult, GainSamples } from './gain_options.js';

/** For `clusterGains(before, after)`. */
export interface Gains {
  /** AUC after fine-tuning without a representative: f64[S], by trial. */
  before: Float64Array;
  /** With each: f64[S,K]. */
  after: Tensor<'f64'>;
}

/**
 * What labelling each of K representatives would be worth: the self-supervision of IDEAL's Algorithm 2. From the current
 * model, with a new optimiser at a constant rate, a short fine-tune on the labelled samples and that representative, S
 * times; and S times without it, with the same batches otherwise, so that differences are paired. A result follows from
 * samples, settings, seed, trial and representative alone, whatever was known before.
 * @param model the current model: `model.onnx` of a training with the same options
 * @throws SightlineError E_ARGUMENT (another model, a task without AUC, a batch below 2), and those of labels and images
 */
export async function measureGains(model: string, samples: GainSamples, options: GainOptions): Promise<Gains> {
  const { trials = 3, known = [], onResult, onProgress } = options;
  expectArgument(Number.isSafeInteger(trials) && trials > 0, 'trials', 'a whole number from 1', trials);
  const table = new GainTable(trials, samples.representatives.length, known);
  const open = table.open();
  if (open.length > 0) {
    const total = trials * (samples.representatives.length + 1);
    const meter = new ProgressMeter('measuring gains', total, onProgress, total - open.length, undefined, 'fine-tunes');
    const fineTunes = await GainTrials.open(model, samples, options);
    try {
      for (const { trial, representative } of open) {
        const result = { trial, representative, auc: await fineTunes.auc(trial, representative) };
        table.set(result);
        await onResult?.(result);
        meter.add(1);
      }
    } finally {
      await fineTunes.close();
    }
  }
  return table.gains();
}

/** Results by trial and representative. */
class GainTable {
  readonly #aucs = new Map<string, number>();

  /** @throws SightlineError E_ARGUMENT for known results of other trials or representatives */
  constructor(
    private readonly trials: number,
    private readonly count: number,
    known: readonly GainResult[],
  ) {
    for (const result of known) {
      const { trial, representative } = result;
      const inside = trial < trials && (representative ?? 0) < Math.max(1, count);
      expectArgument(inside, 'known', `results of ${trials} trials of ${count} representatives`, result);
      this.set(result);
    }
  }

  set({ trial, representative, auc }: GainResult): void {
    this.#aucs.set(keyOf(trial, representative), auc);
  }

  /** What is not there yet, trial by trial, the fine-tune without a representative first. */
  open(): Omit<GainResult, 'auc'>[] {
    const columns = [null, ...Array.from({ length: this.count }, (_, k) => k)];
    const all = Array.from({ length: this.trials }, (_, trial) =>
      columns.map((representative) => ({ trial, representative })),
    );
    return all.flat().filter(({ trial, representative }) => !this.#aucs.has(keyOf(trial, representative)));
  }

  gains(): Gains {
    const { trials, count } = this;
    const auc = (trial: number, representative: number | null) => this.#aucs.get(keyOf(trial, representative))!;
    const before = Float64Array.from({ length: trials }, (_, s) => auc(s, null));
    const after = tensor('f64', [trials, count]);
    for (let i = 0; i < trials * count; i++) after.data[i] = auc(Math.floor(i / count), i % count);
    return { before, after };
  }
}

const keyOf = (trial: number, representative: number | null) => `${trial} ${representative ?? 'none'}`;
