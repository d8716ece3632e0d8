import { SightlineError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import { tensor } from '../core/tensor.js';
import { decodeSample } from '../data/decode.js';
import type { Preprocessing, Sample } from '../data/types.js';
import { exportOnnx } from '../graph/onnx_export.js';
import { fitLinearHead } from '../models/linear_head.js';
import { buildPhantomClassifier, phantomInputSize } from '../models/phantom_classifier.js';
import { openSession } from '../runtime/index.js';

/** The demo classifier's preprocessing, as its sidecar states it. */
const preprocessing: Preprocessing = {
  channels: 1,
  height: phantomInputSize,
  width: phantomInputSize,
  mean: [0.5],
  std: [0.25],
  resize: 'stretch',
};

/**
 * Fits the demo's classifier on labelled phantoms and writes it as ONNX with its sidecar JSON: features of the fixed
 * network by ONNX Runtime, then logistic regression. Deterministic.
 * @param file where the model goes, ending in .onnx
 * @returns accuracy on the samples it was fitted on
 */
export async function trainPhantomClassifier(samples: readonly Sample[], file: string): Promise<{ accuracy: number; labels: string[] }> {
  const labels = [...new Set(samples.map(({ label }) => label ?? ''))].sort().reverse(); // normal before lesion
  if (labels.length < 2 || labels.includes('')) {
    throw new SightlineError('E_ARGUMENT', { where: 'samples', what: 'fitting a classifier takes labels of at least two classes' });
  }
  const targets = samples.map(({ label }) => labels.indexOf(label!));
  const features = await featuresOf(samples);
  const head = fitLinearHead(features, targets, labels.length);
  const graph = buildPhantomClassifier(head);
  graph.metadata.set('labels', JSON.stringify(labels));
  await writeFileAtomic(file, exportOnnx(graph));
  const { mean, std, resize } = preprocessing;
  await writeFileAtomic(file.replace(/\.onnx$/, '.json'), `${JSON.stringify({ labels, mean, std, resize }, null, 2)}\n`);

  const depth = features.length / samples.length;
  const logit = (i: number, k: number) => {
    let sum: number = head.bias[k];
    for (let j = 0; j < depth; j++) sum += features[i * depth + j] * head.weights[j * labels.length + k];
    return sum;
  };
  const right = targets.filter((target, i) => labels.every((_, k) => k === target || logit(i, k) < logit(i, target)));
  return { accuracy: right.length / samples.length, labels };
}

/** [N, D] features of the network without its head. */
async function featuresOf(samples: readonly Sample[]): Promise<Float32Array> {
  const session = await openSession(exportOnnx(buildPhantomClassifier()));
  const pixels = phantomInputSize * phantomInputSize;
  const image = new Float32Array(pixels);
  const roi = new Uint8Array(pixels);
  const rows: Float32Array[] = [];
  for (const sample of samples) {
    await decodeSample({ ...sample, mask: undefined }, preprocessing, image, roi);
    const { features } = await session.run({ image: tensor('f32', [1, 1, phantomInputSize, phantomInputSize], image) });
    rows.push(features.data as Float32Array);
  }
  await session.close();
  const all = new Float32Array(rows.length * rows[0].length);
  rows.forEach((row, i) => all.set(row, i * row.length));
  return all;
}
