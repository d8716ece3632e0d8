import { expectArgument, SightlineError } from '../core/errors.js';
import { Rng } from '../core/rng.js';

/** How an annotator errs. */
export type LabelNoise =
  /** Every label is wrong with this probability in [0, 1], and then any other class alike. Several labels: each class flips alone. */
  | { rate: number }
  /** K×K, row = true class, column = answer; rows are probabilities that sum to 1. For classes that exclude each other. */
  | { confusion: readonly (readonly number[])[] }
  /** For several labels per sample: probability that a finding is overlooked, and that an absent class is reported. */
  | { missed: number; invented: number };

export interface AnnotatorSettings {
  /** Class names. */
  classes: readonly string[];
  /** Default: none. */
  noise?: LabelNoise;
  /** Default 0. */
  seed?: number;
  /** Annotators of different names err independently of each other; default 'annotator'. */
  name?: string;
}

/**
 * An annotator who knows the true labels and errs at a known rate, in place of a person. An answer depends on the settings and
 * the sample's id alone: asked again, in any order, in a resumed run or by another strategy, it is the same. With the same
 * seed, what is wrong at a low rate is wrong at every higher one, so that runs at several rates can be compared.
 */
export class SimulatedAnnotator {
  readonly #classes: readonly string[];
  readonly #noise: LabelNoise;
  readonly #seed: number;
  readonly #name: string;

  /** @throws SightlineError E_ARGUMENT for repeated classes, probabilities outside [0, 1] or a matrix that does not fit */
  constructor({ classes, noise = { rate: 0 }, seed = 0, name = 'annotator' }: AnnotatorSettings) {
    expectArgument(new Set(classes).size === classes.length, 'classes', 'distinct names', [...classes]);
    checkNoise(noise, classes.length);
    this.#classes = classes;
    this.#noise = noise;
    this.#seed = seed;
    this.#name = name;
  }

  /**
   * The annotator's label of a sample with one true label.
   * @throws SightlineError E_ARGUMENT for a label outside the classes, noise for several labels, or a rate above 0 with
   *   one class only
   */
  label(sampleId: string, truth: string): string {
    const own = this.#indexOf(truth, sampleId);
    const weights = this.#answerWeights(own);
    const others = weights.map((weight, k) => (k === own ? 0 : weight));
    const wrong = others.reduce((sum, weight) => sum + weight, 0);
    const rng = this.#draws(sampleId);
    if (rng.uniform() * (wrong + weights[own]) >= wrong) return truth;
    let rest = rng.uniform() * wrong;
    const answer = others.findIndex((weight) => weight > 0 && (rest -= weight) < 0);
    // Rounding may leave nothing: then the last class that is possible.
    return this.#classes[answer >= 0 ? answer : others.findLastIndex((weight) => weight > 0)];
  }

  /**
   * The annotator's labels of a sample that may have several or none, in the order of the classes.
   * @throws SightlineError E_ARGUMENT for a label outside the classes, or a confusion matrix
   */
  labels(sampleId: string, truth: readonly string[]): string[] {
    const noise = this.#noise;
    if ('confusion' in noise) throw wrongKind('a confusion matrix', 'Give a rate, or missed and invented.');
    const [missed, invented] = 'rate' in noise ? [noise.rate, noise.rate] : [noise.missed, noise.invented];
    const present = new Set(truth.map((name) => this.#indexOf(name, sampleId)));
    return this.#classes.filter((name, k) => {
      const flips = this.#draws(sampleId, name).uniform() < (present.has(k) ? missed : invented);
      return present.has(k) !== flips;
    });
  }

  #draws(...key: string[]): Rng {
    return new Rng(this.#seed, 'annotator', this.#name, ...key);
  }

  #indexOf(name: string, sampleId: string): number {
    const index = this.#classes.indexOf(name);
    expectArgument(index >= 0, `label of ${sampleId}`, `one of ${this.#classes.join(', ')}`, name);
    return index;
  }

  /** Probability of each answer to a sample of class `truth`. */
  #answerWeights(truth: number): readonly number[] {
    const noise = this.#noise;
    if ('confusion' in noise) return noise.confusion[truth];
    if (!('rate' in noise)) throw wrongKind('noise for several labels', 'Give a rate or a confusion matrix.');
    const others = this.#classes.length - 1;
    expectArgument(others > 0 || noise.rate === 0, 'annotator.classes', 'two or more to err between', others + 1);
    return this.#classes.map((_, k) => (k === truth ? 1 - noise.rate : noise.rate / others));
  }
}

function wrongKind(received: string, remedy: string): SightlineError {
  return new SightlineError('E_ARGUMENT', {
    where: 'annotator.noise',
    what: `${received} does not fit the samples' labels`,
    remedy,
  });
}

/** How far from 1 a row may sum: a matrix written with three decimals. */
const sumSlack = 1e-2;

function checkNoise(noise: LabelNoise, classes: number): void {
  const expectProbability = (value: number, name: string): void =>
    expectArgument(value >= 0 && value <= 1, name, 'a probability in [0, 1]', value);
  if ('rate' in noise) {
    expectProbability(noise.rate, 'annotator.rate');
    return;
  }
  if ('missed' in noise) {
    expectProbability(noise.missed, 'annotator.missed');
    expectProbability(noise.invented, 'annotator.invented');
    return;
  }
  const { confusion } = noise;
  expectArgument(confusion.length === classes, 'annotator.confusion', `${classes} rows`, confusion.length);
  confusion.forEach((row, t) => {
    const where = `annotator.confusion[${t}]`;
    expectArgument(row.length === classes, where, `${classes} probabilities`, row.length);
    row.forEach((value, k) => expectProbability(value, `${where}[${k}]`));
    const sum = row.reduce((total, value) => total + value, 0);
    expectArgument(Math.abs(sum - 1) <= sumSlack, where, 'probabilities that sum to 1', sum);
  });
}
