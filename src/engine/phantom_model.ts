import { SightlineError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import { ProgressMeter, type ProgressListener } from '../core/progress.js';
import { Rng } from '../core/rng.js';
import { tensor } from '../core/tensor.js';
import { coreCount } from '../core/worker_pool.js';
import { decodeSample } from '../data/decode.js';
import type { Preprocessing, Sample } from '../data/types.js';
import { exportOnnx } from '../graph/onnx_export.js';
import type { Graph } from '../graph/ir.js';
import { fitLinearHead, type LinearHead } from '../models/linear_head.js';
import {
  buildPhantomClassifier,
  phantomInputSize,
  phantomMapSize,
  type PhantomHead,
} from '../models/phantom_classifier.js';
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

/** Positions taken from each image to fit the detector: inside lesions, elsewhere, and where it erred most. */
const positionsPerImage = { lesion: 40, elsewhere: 60, errors: 15 };
const cells = phantomMapSize * phantomMapSize;

/** A labelled phantom run through the trunk. */
interface Example {
  /** f32[depth, 32, 32] */
  map: Float32Array;
  /** Share of each cell inside a lesion. */
  lesion: Float32Array;
  target: number;
}

/**
 * Fits the demo's classifier on labelled phantoms with lesion masks and writes it as ONNX with its sidecar JSON: a
 * detector at each position (logistic regression, once more after adding the positions where it erred most), then the
 * classes from its evidence. Deterministic.
 * @param file where the model goes, ending in .onnx
 * @returns accuracy on the samples it was fitted on
 */
export async function trainPhantomClassifier(
  samples: readonly Sample[],
  file: string,
  onProgress?: ProgressListener,
): Promise<{ accuracy: number }> {
  const examples = await runTrunk(samples, onProgress);
  const detector = fitDetector(examples);
  const features = await evidenceOf(samples, { detector });
  const targets = examples.map(({ target }) => target);
  const classifier = fitLinearHead(features, targets, labels.length);
  const graph = buildPhantomClassifier({ detector, classifier });
  graph.metadata.set('labels', JSON.stringify(labels));
  await writeFileAtomic(file, exportOnnx(graph));
  const { mean, std, resize } = preprocessing;
  await writeFileAtomic(
    file.replace(/\.onnx$/, '.json'),
    `${JSON.stringify({ labels, mean, std, resize }, null, 2)}\n`,
  );
  const right = targets.filter(
    (target, i) => Number(odds(classifier, features.subarray(2 * i, 2 * i + 2)) > 0) === target,
  );
  return { accuracy: right.length / targets.length };
}

const labels = ['normal', 'lesion'];

async function runTrunk(samples: readonly Sample[], onProgress: ProgressListener | undefined): Promise<Example[]> {
  const meter = new ProgressMeter('fitting classifier', samples.length, onProgress);
  const examples: Example[] = [];
  await forEachImage(samples, buildPhantomClassifier(), 'map', (map, roi, sample) => {
    const target = labels.indexOf(sample.label ?? '');
    if (target < 0) {
      throw new SightlineError('E_ARGUMENT', {
        where: sample.id,
        what: `expected label ${labels.join(' or ')}, received ${String(sample.label)}`,
      });
    }
    const lesion = new Float32Array(cells);
    const scale = phantomInputSize / phantomMapSize;
    roi.forEach((inside, i) => {
      const y = Math.floor(i / phantomInputSize / scale);
      const x = Math.floor((i % phantomInputSize) / scale);
      lesion[y * phantomMapSize + x] += inside / scale ** 2;
    });
    examples.push({ map, lesion, target });
    meter.add(1);
  });
  return examples;
}

function fitDetector(examples: readonly Example[]): LinearHead {
  const rng = new Rng(0, 'phantom-positions');
  const depth = examples[0].map.length / cells;
  const rows: Float32Array[] = [];
  const targets: number[] = [];
  const take = ({ map }: Example, cell: number, target: number) => {
    rows.push(Float32Array.from({ length: depth }, (_, c) => map[c * cells + cell]));
    targets.push(target);
  };
  const fit = () => {
    const features = new Float32Array(rows.length * depth);
    rows.forEach((row, i) => features.set(row, i * depth));
    return fitLinearHead(features, targets, 2, { l2: 1e-3, iterations: 120 });
  };
  const all = Array.from({ length: cells }, (_, cell) => cell);
  for (const example of examples) {
    const inside = all.filter((cell) => example.lesion[cell] >= 0.5);
    for (const cell of rng.shuffle(inside).slice(0, positionsPerImage.lesion)) take(example, cell, 1);
    const outside = all.filter((cell) => example.lesion[cell] === 0);
    for (const cell of rng.shuffle(outside).slice(0, positionsPerImage.elsewhere)) take(example, cell, 0);
  }
  const first = fit();
  for (const example of examples) {
    const seen = all.map((cell) =>
      odds(
        first,
        all.slice(0, depth).map((c) => example.map[c * cells + cell]),
      ),
    );
    const worst = all.filter((cell) => example.lesion[cell] === 0).sort((a, b) => seen[b] - seen[a]);
    for (const cell of worst.slice(0, positionsPerImage.errors)) take(example, cell, 0);
  }
  return fit();
}

/** Log-odds of class 1 against class 0. */
function odds({ weights, bias }: LinearHead, x: ArrayLike<number>): number {
  let sum = bias[1] - bias[0];
  for (let j = 0; j < x.length; j++) sum += x[j] * (weights[j * 2 + 1] - weights[j * 2]);
  return sum;
}

async function evidenceOf(samples: readonly Sample[], head: PhantomHead): Promise<Float32Array> {
  const features = new Float32Array(samples.length * 2);
  let at = 0;
  await forEachImage(samples, buildPhantomClassifier(head), 'features', (row) => {
    features.set(row, at);
    at += row.length;
  });
  return features;
}

async function forEachImage(
  samples: readonly Sample[],
  graph: Graph,
  output: string,
  visit: (value: Float32Array, roi: Uint8Array, sample: Sample) => void,
): Promise<void> {
  const session = await openSession(exportOnnx(graph), { threads: coreCount() });
  const pixels = phantomInputSize * phantomInputSize;
  const image = new Float32Array(pixels);
  const roi = new Uint8Array(pixels);
  for (const sample of samples) {
    await decodeSample(sample, preprocessing, image, roi);
    const results = await session.run({ image: tensor('f32', [1, 1, phantomInputSize, phantomInputSize], image) });
    visit(results[output].data as Float32Array, roi, sample);
  }
  await session.close();
}
