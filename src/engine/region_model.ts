import { SightlineError } from '../core/errors.js';
import { toShared } from '../core/tensor.js';
import type { Preprocessing } from '../data/types.js';
import { peakActivationBytes } from '../graph/memory.js';
import { exportOnnx } from '../graph/onnx_export.js';
import { readTrained } from './evaluated_model.js';
import { hashOf } from './file_hash.js';
import type { RegionSetup } from './region_predictor.js';

/** A segmentation model that predicts regions of interest for a classifier's images. */
export interface RegionModel {
  setup: RegionSetup;
  /** SHA-256 of its file. */
  hash: string;
  /** Per image. */
  activationBytes: number;
}

/**
 * Reads a segmentation model as `train` writes it. It is fed the classifier's own images, so that it must have been
 * trained on images prepared in the same way.
 * @param preprocessing of the classifier
 * @throws SightlineError E_NOT_FOUND, E_MODEL_FORMAT, E_MODEL_UNSUPPORTED for a model of another kind, E_ARGUMENT where
 *   the images are prepared in another way
 */
export async function openRegionModel(file: string, preprocessing: Preprocessing): Promise<RegionModel> {
  const masks = readTrained(file);
  if (masks?.task !== 'segmentation') {
    throw new SightlineError('E_MODEL_UNSUPPORTED', {
      where: file,
      what: 'it is no segmentation model that Sightline has trained',
      remedy: 'Train one on samples with masks: sightline train --arch unet.',
    });
  }
  const theirs = comparable(masks.preprocessing);
  const ours = comparable(preprocessing);
  const differing = settings.filter((name) => theirs[name] !== ours[name]);
  if (differing.length) {
    const differences = differing.map((name) => `${name} ${theirs[name]} and not ${ours[name]}`);
    throw new SightlineError('E_ARGUMENT', {
      where: file,
      what: `the region model takes images prepared in another way than the classifier's: ${differences.join(', ')}`,
      remedy: "Train it with the classifier's --size, --channels, --mean, --std, --resize, --window and --axis.",
    });
  }
  const { graph } = masks;
  const setup = {
    onnx: toShared(exportOnnx(graph)),
    image: graph.inputs[0].name,
    output: graph.outputs[graph.outputs.length - 1].name,
  };
  const size = [preprocessing.height, preprocessing.width] as const;
  return { setup, hash: await hashOf([file]), activationBytes: peakActivationBytes(graph, size) };
}

const settings = ['channels', 'height', 'width', 'mean', 'std', 'resize', 'window', 'axis'] as const;

type Setting = (typeof settings)[number];

/** Settings as text; one left out as its default. */
function comparable(preprocessing: Preprocessing): Record<Setting, string> {
  const complete = { ...preprocessing, window: preprocessing.window ?? null, axis: preprocessing.axis ?? 2 };
  return Object.fromEntries(settings.map((name) => [name, JSON.stringify(complete[name])])) as Record<Setting, string>;
}
