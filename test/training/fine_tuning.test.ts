import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCpuBackend, type Backend } from '../../src/backend/index.js';
import { Rng } from '../../src/core/rng.js';
import { sizeOf, tensor } from '../../src/core/tensor.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { compile } from '../../src/graph/compile.js';
import { valuesOf } from '../../src/graph/constant.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { prepareFineTuning } from '../../src/graph/training/fine_tuning.js';
import { trainableParameters } from '../../src/graph/training/parameters.js';
import { buildModel } from '../../src/models/index.js';
import { openSession } from '../../src/runtime/index.js';
import { openTrainingStep } from '../../src/training/open_training_step.js';
import { largestDifference } from '../golden/read_golden.js';

const folder = fileURLToPath(new URL('../golden/gradients/', import.meta.url));
// The exporter wrote a class token for each sample of its example into this one: its batch is part of its weights.
const fixedBatch = 'timm_vit_dynamo23.onnx';
const files = readdirSync(folder).filter((name) => name.endsWith('.onnx') && name !== fixedBatch);

let backend: Backend;
beforeAll(() => {
  backend = openCpuBackend({ onNotice: () => {} });
});
afterAll(() => backend.close());

const batch = 4;
const classes = 3;

function exampleBatch(dims: readonly number[]) {
  const rng = new Rng(5, 'images');
  const images = tensor(
    'f32',
    [batch, ...dims],
    Float32Array.from({ length: batch * sizeOf(dims) }, () => rng.normal()),
  );
  const targets = tensor(
    'f32',
    [batch, classes],
    Float32Array.from({ length: batch * classes }, (_, i) => Number(i % 4 === 0 || i === 10)),
  );
  return { images, targets };
}

it('a model that was fine-tuned before, here or under the same names, scores and learns again', async () => {
  const first = readClassifier(`${folder}vgg_torchscript11.onnx`);
  let model = prepareFineTuning(first, { classes });
  for (let again = 0; again < 2; again++) {
    model = prepareFineTuning(readClassifier(exportOnnx(model)));
    const { onnx } = compile(readClassifier(exportOnnx(model)), { batch: 1 });
    await (await openSession(onnx)).close();
  }
});

describe('classifiers of other exporters learn three new classes', () => {
  it.each(files)('%s', { timeout: 60_000 }, async (file) => {
    const classifier = readClassifier(`${folder}${file}`);
    const model = prepareFineTuning(classifier, { classes, size: classifier.size ?? [64, 64] });
    const { size } = { size: model.inputs[0].dims!.slice(1) as number[] };
    const data = exampleBatch(size);
    const step = await openTrainingStep(model, {
      batch,
      loss: { kind: 'cross-entropy' },
      optimiser: { rule: 'adam', learningRate: 1e-3 },
    });
    const losses: number[] = [];
    for (let at = 0; at < 6; at++) {
      losses.push((await step.accumulate(data, at)).loss);
      expect(await step.apply(backend)).toMatchObject({ applied: true });
    }
    expect(Math.min(...losses.slice(1))).toBeLessThan(losses[0]);
    const predicted = await step.predict(data.images);
    const trained = step.model();
    await step.close();
    // What was trained: every tensor but those that the loss does not depend on.
    const moved = trainableParameters(model).filter(
      (name) =>
        largestDifference(
          valuesOf(trained.initializers.get(name)!) as Float32Array,
          valuesOf(model.initializers.get(name)!) as Float32Array,
        ) > 0,
    );
    expect(moved.length).toBeGreaterThan(0.9 * trainableParameters(model).length);
    const read = readClassifier(exportOnnx(trained));
    expect([read.classes, read.logits]).toEqual([classes, expect.any(String)]);
    // As `score` takes it: some exporters write the example's batch into reshapes.
    const compiled = compile(read, { batch, size: size.slice(1) as [number, number] });
    const session = await openSession(compiled.onnx);
    const image = tensor('f32', [compiled.batch, ...size], data.images.data.slice(0, compiled.batch * sizeOf(size)));
    const { logits } = await session.run({ image });
    await session.close();
    const expected = predicted.data.slice(0, compiled.batch * classes);
    expect(largestDifference(logits.data as Float32Array, expected)).toBeLessThan(
      1e-4 * Math.max(1, ...expected.map(Math.abs)),
    );
  });
});

it('says that a model exported for one batch size cannot be trained with another', async () => {
  const model = prepareFineTuning(readClassifier(`${folder}${fixedBatch}`), { classes });
  const settings = { batch, loss: { kind: 'cross-entropy' } as const, optimiser: {} };
  await expect(openTrainingStep(model, settings)).rejects.toMatchObject({
    code: 'E_MODEL_UNSUPPORTED',
    remedy: 'Export the model with a dynamic batch dimension.',
  });
});

describe('freezing and batch norm', () => {
  const options = { channels: 3, size: 16, classes, seed: 2 };
  const settings = { batch, loss: { kind: 'cross-entropy' } as const };

  it('leaves frozen tensors as they are and needs no gradient before them', async () => {
    const model = buildModel('small-cnn', options);
    const frozen = ['blocks.*'];
    const step = await openTrainingStep(model, { ...settings, optimiser: { learningRate: 0.1, frozen } });
    await step.accumulate(exampleBatch([3, 16, 16]), 0);
    await step.apply(backend);
    const trained = step.model().initializers;
    for (const name of trainableParameters(model)) {
      const same =
        largestDifference(
          valuesOf(trained.get(name)!) as Float32Array,
          valuesOf(model.initializers.get(name)!) as Float32Array,
        ) === 0;
      expect([name, same]).toEqual([name, name.startsWith('blocks.')]);
    }
    await step.close();
  });

  it.each(['train', 'eval'] as const)('running statistics in %s mode', async (batchNorm) => {
    const model = buildModel('small-cnn', options);
    const step = await openTrainingStep(model, { ...settings, batchNorm, optimiser: { learningRate: 0.01 } });
    await step.accumulate(exampleBatch([3, 16, 16]), 0);
    await step.apply(backend);
    const trained = step.model().initializers;
    const running = [...model.initializers.keys()].filter((name) => name.includes('running'));
    expect(running.length).toBeGreaterThan(0);
    for (const name of running) {
      const change = largestDifference(
        valuesOf(trained.get(name)!) as Float32Array,
        valuesOf(model.initializers.get(name)!) as Float32Array,
      );
      expect([name, change > 0]).toEqual([name, batchNorm === 'train']);
    }
    await step.close();
  });

  it('refuses batch statistics of a single value with a remedy', async () => {
    const model = buildModel('resnet50', { channels: 1, size: 32, classes, widthMultiplier: 0.05 });
    await expect(openTrainingStep(model, { ...settings, batch: 1, optimiser: {} })).rejects.toMatchObject({
      code: 'E_ARGUMENT',
      remedy: expect.stringContaining('--batch-norm eval'),
    });
  });

  it('refuses a model whose weights are not f32', async () => {
    const model = buildModel('small-cnn', options);
    model.initializers = new Map(
      [...model.initializers].map(([name, constant]) => [name, { ...constant, type: 'i32' }]),
    );
    await expect(openTrainingStep(model, { ...settings, optimiser: {} })).rejects.toMatchObject({
      code: 'E_MODEL_UNSUPPORTED',
    });
  });
});

describe('state', () => {
  it('goes on bit for bit after restore', async () => {
    const model = buildModel('vgg16', { channels: 1, size: 32, classes, widthMultiplier: 0.05 });
    const settings = { batch, loss: { kind: 'cross-entropy' } as const, optimiser: { learningRate: 0.01 }, seed: 4 };
    const data = exampleBatch([1, 32, 32]);
    const run = async (interrupted: boolean) => {
      let step = await openTrainingStep(model, settings);
      for (let at = 0; at < 4; at++) {
        if (interrupted && at === 2) {
          // In the middle of an accumulated batch, too.
          const bytes = step.serialise();
          await step.close();
          step = await openTrainingStep(model, settings);
          step.restore(bytes);
        }
        await step.accumulate(data, at);
        if (at % 2 === 0) continue;
        await step.apply(backend);
      }
      const { initializers } = step.model();
      await step.close();
      return new Map([...initializers].map(([name, constant]) => [name, Buffer.from(constant.raw).toString('base64')]));
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it('refuses the state of another model', async () => {
    const open = (filters: number) =>
      openTrainingStep(buildModel('small-cnn', { channels: 1, size: 16, classes, widthMultiplier: filters }), {
        batch,
        loss: { kind: 'cross-entropy' },
        optimiser: {},
      });
    const [one, other] = [await open(1), await open(0.5)];
    expect(() => one.restore(other.serialise())).toThrow(expect.objectContaining({ code: 'E_ARGUMENT' }));
    expect(() => one.restore(other.serialise().slice(0, 100))).toThrow(
      expect.objectContaining({ code: 'E_MODEL_FORMAT' }),
    );
    await one.close();
    await other.close();
  });
});
