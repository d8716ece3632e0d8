import { SightlineError } from '../../core/errors.js';
import type { Preprocessing, Sample } from '../../data/types.js';
import { countClasses, labelsOf, some } from './labels.js';

/** What a model is to learn from a sample. K classes; `classes`: their order; without it the labels that occur, sorted. */
export type TargetSettings =
  /** Classes that exclude each other, from the label column: one-hot f32[K]. */
  | { kind: 'classes'; classes?: readonly string[] }
  /**
   * Classes of which several may hold, labels joined by `|` or a JSON list: multi-hot f32[K]. `none`: labels that stand
   * for no class at all ("no finding"); with one class and its opposite here, a single output tells the two apart.
   */
  | { kind: 'multi-label'; classes?: readonly string[]; none?: readonly string[] }
  /**
   * The region of interest. Channels `inside`: f32[1,H,W], 1 inside; `background`: one-hot f32[2,H,W], background and
   * inside; `classes`: one-hot f32[1+K,H,W], background and a channel per class, the region in that of the sample's
   * label. A sample without mask and boxes is all background.
   */
  | { kind: 'mask'; channels?: 'inside' | 'background' | 'classes'; classes?: readonly string[] }
  /** The image itself, as normalised and augmented, f32[C,H,W]: autoencoders. */
  | { kind: 'image' };

/** A decoded sample, normalised and augmented. */
export interface TargetSource {
  /** f32[C,H,W] */
  image: Float32Array;
  /** u8[H,W], 1 inside */
  roi: Uint8Array;
}

/** Targets with the class list that a training set gave. Validation and test use the training's. */
export class Targets {
  readonly #index: ReadonlyMap<string, number>;

  private constructor(
    readonly settings: TargetSettings,
    /** Class names in the order of the targets (without the background of masks); empty where there are none. */
    readonly classes: readonly string[],
    /** Training samples of each class. */
    readonly counts: readonly number[],
  ) {
    this.#index = new Map(classes.map((name, k) => [name, k]));
  }

  /**
   * Takes class list and counts from a training set, and checks it. A class of a given list that no sample has is
   * told as a notice.
   * @throws SightlineError E_MANIFEST for samples without a label, labels outside the list, labels of one class only,
   *   E_ROI where masks are asked for and no sample has any
   */
  static learn(
    settings: TargetSettings,
    samples: readonly Sample[],
    onNotice: (message: string) => void = () => {},
  ): Targets {
    checkSamples(settings, samples);
    if (settings.kind === 'mask') learnMasks(samples, onNotice);
    if (!usesLabels(settings)) return new Targets(settings, [], []);
    const labels = samples.map((sample) => classLabels(settings, sample));
    const { classes, counts } = countClasses(labels, settings.classes);
    const absent = classes.filter((_, k) => counts[k] === 0);
    if (absent.length) onNotice(`No training sample has the class ${some(absent, 20)}: the model cannot learn it.`);
    const constant = counts.findIndex((n) => n === samples.length);
    if (
      settings.kind !== 'mask' &&
      (counts.every((n) => n === 0) || (constant >= 0 && counts.length - absent.length === 1))
    ) {
      throw new SightlineError('E_MANIFEST', {
        where: 'labels',
        what: constant >= 0 ? `every training sample is "${classes[constant]}"` : 'no training sample has any class',
        remedy: 'A classifier needs samples of at least two classes: check the label column and the split.',
      });
    }
    return new Targets(settings, classes, counts);
  }

  /** Whether regions of interest are needed. */
  get usesRoi(): boolean {
    return this.settings.kind === 'mask';
  }

  /** Dims of one sample's target. */
  dims({ channels, height, width }: Pick<Preprocessing, 'channels' | 'height' | 'width'>): number[] {
    switch (this.settings.kind) {
      case 'image':
        return [channels, height, width];
      case 'mask':
        return [
          { inside: 1, background: 2, classes: 1 + this.classes.length }[channelsOf(this.settings)],
          height,
          width,
        ];
      default:
        return [this.classes.length];
    }
  }

  /** Checks other samples (validation, test) against the class list. @throws SightlineError E_MANIFEST */
  check(samples: readonly Sample[]): void {
    const { settings } = this;
    checkSamples(settings, samples);
    if (!usesLabels(settings)) return;
    countClasses(
      samples.map((sample) => classLabels(settings, sample)),
      this.classes,
    );
  }

  /** Class of a sample whose classes exclude each other; −1 where its label is not a class. */
  classOf(sample: Sample): number {
    return this.#index.get(sample.label ?? '') ?? -1;
  }

  /** Writes a sample's target, f32 of `dims`, whole. */
  write(sample: Sample, { image, roi }: TargetSource, out: Float32Array): void {
    const { settings } = this;
    if (settings.kind === 'image') {
      out.set(image);
      return;
    }
    out.fill(0);
    if (settings.kind !== 'mask') {
      for (const label of classLabels(settings, sample)) out[this.#index.get(label)!] = 1;
      return;
    }
    const channels = channelsOf(settings);
    if (channels === 'inside') {
      out.set(roi);
      return;
    }
    const inside = channels === 'background' ? 1 : 1 + this.classOf(sample);
    for (let i = 0; i < roi.length; i++) out[roi[i] ? inside * roi.length + i : i] = 1;
  }
}

type Labelled = Extract<TargetSettings, { classes?: readonly string[] }>;

const channelsOf = ({ channels = 'inside' }: Extract<TargetSettings, { kind: 'mask' }>) => channels;

function usesLabels(settings: TargetSettings): settings is Labelled {
  return settings.kind === 'mask' ? channelsOf(settings) === 'classes' : settings.kind !== 'image';
}

/** Masks by class: only samples with a region have a class that counts. */
function needsLabel(settings: Labelled, sample: Sample): boolean {
  return settings.kind !== 'mask' || hasRegion(sample);
}

const hasRegion = ({ mask, boxes }: Sample) => mask !== undefined || (boxes?.length ?? 0) > 0;

function classLabels(settings: Labelled, sample: Sample): string[] {
  if (settings.kind === 'multi-label') return labelsOf(sample).filter((label) => !settings.none?.includes(label));
  return sample.label !== undefined && needsLabel(settings, sample) ? [sample.label] : [];
}

function checkSamples(settings: TargetSettings, samples: readonly Sample[]): void {
  if (!usesLabels(settings)) return;
  const unlabelled = samples.filter((sample) => sample.label === undefined && needsLabel(settings, sample));
  if (unlabelled.length === 0) return;
  throw new SightlineError('E_MANIFEST', {
    where: 'labels',
    what: `${unlabelled.length} of ${samples.length} samples have no label: ${some(unlabelled.map(({ id }) => id))}`,
    remedy: 'Fill in the label column, or leave these samples out.',
  });
}

function learnMasks(samples: readonly Sample[], onNotice: (message: string) => void): void {
  const without = samples.filter((sample) => !hasRegion(sample)).length;
  if (without === samples.length) {
    throw new SightlineError('E_ROI', {
      where: 'training samples',
      what: 'none of them has a mask or boxes',
      remedy: 'Name the masks in the column "mask" of the manifest.',
    });
  }
  if (without) onNotice(`${without} of ${samples.length} training samples have no mask: they count as all background.`);
}
