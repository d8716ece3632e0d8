import { existsSync } from 'node:fs';
import { SightlineError } from '../core/errors.js';
import { noiseSettings } from '../data/fixed_noise.js';
import { readSidecar, type Sidecar } from '../data/sidecar.js';
import type { Preprocessing } from '../data/types.js';
import { readClassifier, type Classifier } from '../graph/classifier.js';
import type { ModelOptions } from './options.js';

const defaultSize = [224, 224] as const;

/** What a model is: its graph, how it is fed, and what its outputs are called. */
export interface ModelDescription {
  classifier: Classifier;
  preprocessing: Preprocessing;
  labels: string[];
}

/**
 * Reads model, sidecar and flags (flags win over the sidecar, the sidecar over the graph).
 * @throws SightlineError E_NOT_FOUND, E_MODEL_FORMAT, E_MODEL_UNSUPPORTED, E_ARGUMENT
 */
export function describeModel(
  options: ModelOptions & { layer?: string; onNotice?: (message: string) => void },
): ModelDescription {
  const notice = options.onNotice ?? (() => {});
  const sidecar = findSidecar(options);
  const size = options.size ?? sidecar.size;
  const classifier = readClassifier(options.model, {
    activation: options.activation ?? sidecar.activation,
    size,
    targetLayer: options.layer,
  });
  const preprocessing = resolvePreprocessing(options, sidecar, classifier, size, notice);
  if (classifier.activationSource === 'assumed') {
    notice(
      `The graph ends in raw scores: taken as ${classifier.multiLabel ? 'sigmoid' : 'softmax'} (--activation says otherwise).`,
    );
  }
  return { classifier, preprocessing, labels: classNames(options, sidecar, classifier) };
}

/** What is said beside a model's file, or in the file that is named; nothing where there is none. */
export function findSidecar(options: Pick<ModelOptions, 'model' | 'sidecar'>): Sidecar {
  if (options.sidecar) return readSidecar(options.sidecar);
  // A TensorFlow.js model is a .json file itself: model.json → model.sidecar.json.
  const beside = options.model.replace(/\.onnx$/i, '').replace(/\.json$/i, '.sidecar') + '.json';
  return existsSync(beside) ? readSidecar(beside) : {};
}

function classNames(options: ModelOptions, sidecar: Sidecar, classifier: Classifier): string[] {
  const given = options.labels ?? sidecar.labels ?? classifier.labels;
  // One sigmoid output decides between two classes.
  const expected = classifier.classes === 1 ? 2 : classifier.classes;
  if (!given)
    return classifier.classes === 1 ? ['negative', 'positive'] : Array.from({ length: expected }, (_, k) => String(k));
  if (classifier.classes === 1 && given.length === 1) return [`not ${given[0]}`, given[0]];
  if (given.length !== expected) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'labels',
      what: `the model has ${expected} classes but ${given.length} names were given`,
      remedy: 'Give one name per output, in the order of the outputs.',
    });
  }
  return [...given];
}

function resolvePreprocessing(
  options: ModelOptions,
  sidecar: Sidecar,
  classifier: Classifier,
  size: readonly [number, number] | undefined,
  notice: (message: string) => void,
): Preprocessing {
  const mean = options.mean ?? sidecar.mean;
  const std = options.std ?? sidecar.std;
  const { channels } = classifier;
  const [height, width] = size ?? classifier.size ?? defaultSize;
  if (!mean && !std) notice('No --mean and --std given: pixels go into the model as they are, in [0, 1].');
  return {
    channels,
    height,
    width,
    mean: perChannel('mean', mean ?? [0], channels),
    std: perChannel('std', std ?? [1], channels),
    resize: options.resize ?? sidecar.resize ?? 'stretch',
    window: options.window ?? sidecar.window,
    axis: options.axis,
    noise: noiseSettings(options.noise),
  };
}

function perChannel(name: string, values: readonly number[], channels: number): number[] {
  if (values.length === 1) return new Array<number>(channels).fill(values[0]);
  if (values.length !== channels) {
    throw new SightlineError('E_ARGUMENT', {
      where: name,
      what: `expected 1 or ${channels} numbers (the model has ${channels} input channels), received ${values.length}`,
    });
  }
  if (name === 'std' && values.some((v) => !(v > 0))) {
    throw new SightlineError('E_ARGUMENT', {
      where: name,
      what: `expected positive numbers, received ${values.join(', ')}`,
    });
  }
  return [...values];
}
