import { expect, it } from 'vitest';
import { SightlineError } from '../../src/core/errors.js';
import { Rng } from '../../src/core/rng.js';
import { sizeOf, tensor, type Tensor } from '../../src/core/tensor.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { valuesOf } from '../../src/graph/constant.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { compileTraining, type TrainingGraph } from '../../src/graph/training/compile_training.js';
import { prepareFineTuning } from '../../src/graph/training/fine_tuning.js';
import { lowerOwnOps } from '../../src/graph/training/lowering.js';
import type { LossSettings } from '../../src/graph/training/losses.js';
import type { Graph } from '../../src/graph/ir.js';
import { nativeObstacle, openNativeSession, openSession } from '../../src/runtime/index.js';
import { randomModel } from '../graph/random_models/model.js';

/** SIGHTLINE_FUZZ=first..last for other seeds than those of every run. */
const [first, last] = (process.env.SIGHTLINE_FUZZ ?? '0..119').split('..').map(Number);

const refusals = new Set(['E_OP_UNSUPPORTED', 'E_MODEL_UNSUPPORTED']);

/** A random model in training; undefined where it is refused for a stated reason. */
function drawn(seed: number): { model: Graph; training: TrainingGraph; story: string; rng: Rng } | undefined {
  const rng = new Rng(seed, 'training');
  const random = randomModel(rng);
  const story = `seed ${seed}: ${random.story.join(' | ')}`;
  const [, height, width] = random.image;
  try {
    const classifier = readClassifier(exportOnnx(random.graph), { layout: random.layout, size: [height, width] });
    const model = prepareFineTuning(classifier, { size: [height, width], newHead: rng.uniform() < 0.5, seed });
    const loss: LossSettings =
      classifier.classes > 1 && rng.uniform() < 0.7
        ? { kind: 'cross-entropy', labelSmoothing: 0.1 }
        : { kind: 'binary-cross-entropy' };
    const batch = 1 + rng.int(3);
    const batchNorm = batch > 1 && rng.uniform() < 0.7 ? 'train' : 'eval';
    return { model, training: compileTraining(model, { batch, loss, batchNorm }), story, rng };
  } catch (error) {
    if (error instanceof SightlineError && refusals.has(error.code)) return undefined;
    throw new Error(`${story}\n${String(error)}`, { cause: error });
  }
}

function inputsOf(model: Graph, { graph, targets }: TrainingGraph, rng: Rng): Record<string, Tensor> {
  return Object.fromEntries(
    graph.inputs.map(({ name, dims }) => {
      const constant = model.initializers.get(name);
      const random = () => (name === targets ? rng.uniform() : rng.normal());
      const data = constant
        ? Float32Array.from(valuesOf(constant))
        : Float32Array.from({ length: sizeOf(dims as number[]) }, random);
      return [name, tensor('f32', dims as number[], data)];
    }),
  );
}

it(
  'random models: plans and ONNX Runtime give the same loss, gradients and statistics',
  { timeout: 3_600_000 },
  async () => {
    const tally = { models: 0, native: 0, gradients: 0 };
    for (let seed = first; seed <= last; seed++) {
      const found = drawn(seed);
      if (!found) continue;
      const { model, training, story, rng } = found;
      const inputs = inputsOf(model, training, rng);
      try {
        const portable = await openSession(exportOnnx(lowerOwnOps(training.graph)));
        const expected = await portable.run(inputs);
        await portable.close();
        tally.models++;
        const obstacle = nativeObstacle(training.graph);
        if (obstacle) {
          if (process.env.SIGHTLINE_FUZZ) console.log(`${story}\n  not native: ${obstacle}`);
          continue;
        }
        const plan = await openNativeSession(training.graph);
        const outputs = await plan.run(inputs);
        await plan.close();
        tally.native++;
        for (const { name } of training.graph.outputs) {
          const [a, b] = [outputs[name], expected[name]].map(({ data }) => data as Float32Array);
          const scale = b.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
          const apart = b.reduce(
            (most, value, i) => Math.max(most, Object.is(value, a[i]) ? 0 : Math.abs(value - a[i])),
            0,
          );
          if (!(apart <= 2e-3 * scale) && Number.isFinite(scale)) throw new Error(`${name}: ${apart} of ${scale}`);
          tally.gradients++;
        }
      } catch (error) {
        throw new Error(`${story}\n${String(error)}`, { cause: error });
      }
    }
    expect(tally.native).toBeGreaterThan(0.6 * tally.models);
    expect(tally.models).toBeGreaterThan(20);
    if (process.env.SIGHTLINE_FUZZ) console.log(tally);
  },
);
