import type { Sample } from '../data/types.js';
import { labelsOf } from '../training/feed/labels.js';
import type { SimulatedOracleConfig } from './config/types.js';
import type { Answer, AnswerListener, Oracle, OracleContext, Query } from './oracle.js';
import { SimulatedAnnotator } from './simulated_annotator.js';

export interface SimulatedOracleSettings extends Partial<Omit<SimulatedOracleConfig, 'kind'>> {
  classes: readonly string[];
  /** The pool with its true labels and regions. */
  samples: readonly Sample[];
  /** Several labels a sample. Default: where any of them has several. */
  several?: boolean;
  onNotice?: (message: string) => void;
}

/**
 * Answers from the manifest: the label, with the errors asked for, and the region of interest with it. What an answer costs
 * goes by the true class; of several the dearest; classes that a list of costs leaves out cost 1. A sample without a label is
 * skipped, at no cost, and told once.
 */
export class SimulatedOracle implements Oracle {
  readonly #annotator: SimulatedAnnotator;
  readonly #samples: ReadonlyMap<string, Sample>;
  readonly #several: boolean;
  readonly #cost: SimulatedOracleConfig['cost'];
  readonly #onNotice: (message: string) => void;
  #toldUnlabelled = false;

  /** @throws SightlineError E_ARGUMENT as `SimulatedAnnotator` */
  constructor({ classes, samples, several, noise, cost = 1, seed = 0, onNotice }: SimulatedOracleSettings) {
    this.#annotator = new SimulatedAnnotator({ classes, noise, seed });
    this.#samples = new Map(samples.map((sample) => [sample.id, sample]));
    this.#several = several ?? samples.some((sample) => labelsOf(sample).length > 1);
    this.#cost = cost;
    this.#onNotice = onNotice ?? (() => {});
  }

  /** @throws SightlineError E_ARGUMENT for a label outside the classes */
  async ask(queries: readonly Query[], { round }: OracleContext, onAnswers: AnswerListener): Promise<void> {
    const unlabelled = queries.filter(({ id }) => !labelsOf(this.#samples.get(id) ?? {}).length).length;
    if (unlabelled && !this.#toldUnlabelled) {
      this.#toldUnlabelled = true;
      this.#onNotice(
        `Samples without a label in the manifest are skipped when they are asked for (${unlabelled} in round ${round}).`,
      );
    }
    await onAnswers(queries.map(({ id }) => this.#answer(id)));
  }

  #answer(id: string): Answer {
    const sample = this.#samples.get(id);
    const truth = sample ? labelsOf(sample) : [];
    if (!sample || truth.length === 0) return { id, cost: 0, skipped: true };
    const labels = this.#several ? this.#annotator.labels(id, truth) : [this.#annotator.label(id, sample.label!)];
    const { mask, boxes } = sample;
    return {
      id,
      label: labels.join('|'),
      labels,
      ...(mask !== undefined && { mask }),
      ...(boxes && { boxes }),
      cost: this.#costOf(this.#several ? truth : [sample.label!]),
    };
  }

  #costOf(truth: readonly string[]): number {
    const cost = this.#cost;
    return typeof cost === 'number' ? cost : Math.max(...truth.map((label) => cost[label] ?? 1));
  }
}
