import { join } from 'node:path';
import { writeFileAtomic } from '../core/files.js';
import { version } from '../core/version.js';
import type { Sidecar } from '../data/sidecar.js';
import type { Preprocessing } from '../data/types.js';
import type { Graph } from '../graph/ir.js';
import { exportOnnx } from '../graph/onnx_export.js';
import type { ValidationMetrics, TrainingTask } from '../training/validation.js';

/** What is known of a trained model, for those who use it. */
export interface ModelFacts {
  task: TrainingTask;
  /** Class names in the order of the outputs; for one output that of class 1, or both. */
  labels: readonly string[];
  /** How logits become probabilities; null for reconstruction. */
  activation: 'softmax' | 'sigmoid' | null;
  preprocessing: Preprocessing;
  /** Settings of the training, as they were resolved. */
  training: Readonly<Record<string, unknown>>;
  metrics: { validation: ValidationMetrics | null; test: ValidationMetrics | null };
}

/** Where a run folder has its model. */
export const trainedModelFiles = (folder: string) => ({
  model: join(folder, 'model.onnx'),
  sidecar: join(folder, 'model.json'),
});

/**
 * Writes `model.onnx` (raw logits; everything known of it in its metadata) and the sidecar `model.json`, by which
 * `score` and `evaluate` take it as it is.
 * @throws SightlineError E_MODEL_UNSUPPORTED above 2 GiB, E_OUTPUT, E_DISK_FULL
 */
export async function writeTrainedModel(folder: string, graph: Graph, facts: ModelFacts): Promise<void> {
  const files = trainedModelFiles(folder);
  const { task, labels, activation, training, metrics } = facts;
  // Noise is the images', not the model's: who uses it on others gives none.
  const { noise, ...preprocessing } = facts.preprocessing;
  const { channels, height, width, mean, std, resize, window } = preprocessing;
  const sidecar: Sidecar = {
    ...(labels.length > 0 && { labels: [...labels] }),
    ...{ size: [height, width], mean, std, channels, resize },
    ...(window && { window }),
    ...(activation && { activation }),
  };
  const metadata = new Map(graph.metadata);
  const json = { task, labels, activation, preprocessing, training: { ...training, noise }, metrics, version };
  // Names of its own, so that nothing in an imported model's metadata is lost; `labels` is where readers look for it.
  for (const [key, value] of Object.entries(json)) {
    if (value !== null) metadata.set(key === 'labels' ? key : `sightline.${key}`, textOf(value));
  }
  await writeFileAtomic(files.model, exportOnnx({ ...graph, metadata }));
  await writeFileAtomic(files.sidecar, `${JSON.stringify(sidecar, null, 2)}\n`);
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
