import { describe, expect, it } from 'vitest';
import { SightlineError } from '../../src/core/errors.js';
import { Rng } from '../../src/core/rng.js';
import { sizeOf, tensor } from '../../src/core/tensor.js';
import { readClassifier, type Classifier } from '../../src/graph/classifier.js';
import { compile, type CompiledGraph } from '../../src/graph/compile.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { importOnnx } from '../../src/graph/onnx_import.js';
import { guidedGradient, inputGradient } from '../../src/graph/passes/input_gradient.js';
import { layerGradient } from '../../src/graph/passes/layer_gradient.js';
import type { GraphPass } from '../../src/graph/passes/pass.js';
import { relevance } from '../../src/graph/passes/relevance.js';
import { relevancePresets } from '../../src/graph/relevance/presets.js';
import { openSession } from '../../src/runtime/index.js';
import { evaluator } from './evaluator/evaluate.js';
import { real, tabulate, type Value } from './evaluator/value.js';
import { randomModel, type RandomModel } from './random_models/model.js';

/** SIGHTLINE_FUZZ=first..last for other seeds than those of every run. */
const [first, last] = (process.env.SIGHTLINE_FUZZ ?? '0..149').split('..').map(Number);
const budgetMs = process.env.SIGHTLINE_FUZZ ? Infinity : 20_000;

const refusals = new Set(['E_OP_UNSUPPORTED', 'E_MODEL_UNSUPPORTED']);

/** Compiles, or says by which code that was refused. Any other error is a bug. */
function attempt<T>(action: () => T): T | string {
  try {
    return action();
  } catch (error) {
    if (error instanceof SightlineError && refusals.has(error.code)) return error.message;
    throw error;
  }
}

async function outputsOf(compiled: CompiledGraph, images: Float32Array, classes: readonly number[]) {
  const session = await openSession(compiled.onnx);
  const { batch, channels, height, width } = compiled;
  const outputs = await session.run({
    image: tensor('f32', [batch, channels, height, width], images),
    ...(classes.length > 0 && { class_index: tensor('i64', [batch], BigInt64Array.from(classes, BigInt)) }),
  });
  await session.close();
  for (const [name, dims] of Object.entries(compiled.dims)) expect(outputs[name].dims, name).toEqual(dims);
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]));
}

function inDouble(compiled: CompiledGraph, images: Float32Array, classes: readonly number[]): Map<string, Value> {
  const { batch, channels, height, width } = compiled;
  return evaluator(
    importOnnx(compiled.onnx),
    compiled.outputs,
  )({
    image: real([batch, channels, height, width], images),
    class_index: { type: 'i64', dims: [batch], data: Float64Array.from(classes) },
  });
}

/** Slope of `value` at x along one element; undefined near a kink, where steps of two lengths or sides disagree. */
function slope(
  value: (x: Float64Array) => number,
  x: ArrayLike<number>,
  place: number,
  scale: number,
): number | undefined {
  const at = (by: number) => value(Float64Array.from(x, (v, i) => (i === place ? v + by : v)));
  const here = at(0);
  const [up, down] = [at(1e-5), at(-1e-5)];
  const wide = (at(1e-4) - at(-1e-4)) / 2e-4;
  const narrow = (up - down) / 2e-5;
  const smooth = Math.abs(wide - narrow) < 1e-4 * scale && Math.abs(up - 2 * here + down) / 1e-5 < 1e-4 * scale;
  return smooth ? narrow : undefined;
}

function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

interface Tally {
  models: number;
  gradients: number;
  relevances: number;
  dropouts: number;
  elements: number;
  refused: string[];
}

async function check(model: RandomModel, rng: Rng, tally: Tally): Promise<void> {
  tally.models++;
  const classifier = attempt(() => readClassifier(exportOnnx(model.graph), { layout: model.layout }));
  if (typeof classifier === 'string') return void tally.refused.push(classifier);
  await checkGradients(model, classifier, rng, tally);
  await checkRelevance(classifier, rng, tally);
  await checkDropout(classifier, rng, tally);
}

/** Images of noise; now and then flat ones, where everything that can be equal or zero is. */
function drawImages(size: number, rng: Rng): { images: Float32Array; flat: boolean } {
  const level = rng.uniform() < 0.15 ? (rng.int(3) - 1) * 0.5 : undefined;
  return { images: Float32Array.from({ length: size }, () => level ?? rng.normal()), flat: level !== undefined };
}

/** The model's own definition, at a batch of one image [C, H, W]. */
function scorer(model: RandomModel, classifier: Classifier) {
  const forward = evaluator(model.graph, [classifier.logits]);
  const [channels, height, width] = model.image;
  const given = (x: ArrayLike<number>): Value => {
    if (model.layout === 'NCHW') return real([1, ...model.image], x);
    return tabulate([1, height, width, channels], ([, row, column, c]) => x[(c * height + row) * width + column]);
  };
  return {
    values: (x: ArrayLike<number>) => forward({ image: given(x) }),
    logits: (x: ArrayLike<number>) => forward({ image: given(x) }).get(classifier.logits)?.data ?? new Float64Array(),
    /** Behind a layer that holds other values than it would. */
    logitsFrom: (x: ArrayLike<number>, layer: string, dims: readonly number[], data: ArrayLike<number>) =>
      forward({ image: given(x), [layer]: real(dims, data) }).get(classifier.logits)?.data ?? new Float64Array(),
  };
}

interface Gradient {
  name: string;
  /** Of one image, by the rules in float64 and in float32. */
  double: Float64Array;
  float: Float32Array;
  /** The chosen logit, and where the gradient is taken. */
  value: (x: Float64Array) => number;
  x: ArrayLike<number>;
}

function compareWithSlopes({ name, double, float, value, x }: Gradient, rng: Rng, tally: Tally): void {
  // What is zero by definition comes out as rounding.
  const scale = Math.max(1e-2, largest(double));
  for (let probe = 0; probe < 4; probe++) {
    const place = rng.int(x.length);
    const numeric = slope(value, x, place, scale);
    if (numeric === undefined) continue;
    tally.elements++;
    const message = `${name} ${place}: ${double[place]} and ${float[place]}, not ${numeric}`;
    expect(Math.abs(double[place] - numeric), message).toBeLessThan(1e-4 * scale);
    expect(Math.abs(float[place] - numeric), `in float32, ${message}`).toBeLessThan(2e-2 * scale);
  }
}

async function checkGradients(model: RandomModel, classifier: Classifier, rng: Rng, tally: Tally): Promise<void> {
  const passes: GraphPass[] = [inputGradient(), guidedGradient()];
  const { targetLayer } = classifier;
  if (targetLayer) passes.push(layerGradient());
  const compiled = attempt(() => compile(classifier, { batch: 1 + rng.int(3), passes }));
  if (typeof compiled === 'string') return void tally.refused.push(compiled);
  const { batch, classes } = compiled;
  expect(compiled.batchNote).toBeUndefined();
  const size = sizeOf(model.image);
  const { images, flat } = drawImages(batch * size, rng);
  const chosen = Array.from({ length: batch }, () => rng.int(classes));
  const found = await outputsOf(compiled, images, chosen);
  const double = inDouble(compiled, images, chosen);
  for (const [name, values] of Object.entries(found)) expect(values.every(Number.isFinite), name).toBe(true);

  const definition = scorer(model, classifier);
  for (let sample = 0; sample < batch; sample++) {
    const image = images.subarray(sample * size, (sample + 1) * size);
    const part = <T extends Float32Array | Float64Array>(values: T): T =>
      values.subarray((sample * values.length) / batch, ((sample + 1) * values.length) / batch) as T;
    const of = (name: string) => ({
      double: part(double.get(name)?.data ?? new Float64Array()),
      float: part(found[name]),
    });
    const values = definition.values(image);
    const logits = values.get(classifier.logits)?.data ?? new Float64Array();
    expect(largest(part(found.logits).map((value, k) => value - logits[k])), 'logits').toBeLessThan(
      1e-3 * (1 + largest(logits)),
    );
    // A flat image stands on a kink of every maximum.
    if (flat) continue;
    const value = (x: Float64Array) => definition.logits(x)[chosen[sample]];
    compareWithSlopes({ name: 'pixel', ...of('input_gradient'), value, x: image }, rng, tally);
    const layer = targetLayer && values.get(targetLayer.name);
    if (!layer || targetLayer.channelAxis !== 1) continue;
    const behind = (x: Float64Array) => definition.logitsFrom(image, targetLayer.name, layer.dims, x)[chosen[sample]];
    compareWithSlopes({ name: targetLayer.op, ...of('gradient'), value: behind, x: layer.data }, rng, tally);
  }
  tally.gradients++;
}

/** A model split at its dropout, with nothing dropped, is the model. */
async function checkDropout(classifier: Classifier, rng: Rng, tally: Tally): Promise<void> {
  const compiled = attempt(() => compile(classifier, { batch: 2, dropout: { rate: 0.25 } }));
  if (typeof compiled === 'string') return void tally.refused.push(compiled);
  const { batch, channels, height, width, dropout } = compiled;
  const outputs = await outputsOf(compiled, drawImages(batch * channels * height * width, rng).images, []);
  if (!dropout) throw new Error('no stochastic part');
  const session = await openSession(dropout.onnx);
  const feeds = Object.entries(dropout.feeds).map(
    ([from, to]) => [to, tensor('f32', compiled.dims[from], outputs[from])] as const,
  );
  const masks = dropout.masks.map(
    ({ name, dims }) => [name, tensor('f32', dims, new Float32Array(sizeOf(dims)).fill(1))] as const,
  );
  const { 'dropout/logits': logits } = await session.run(Object.fromEntries([...feeds, ...masks]));
  await session.close();
  const difference = largest((logits.data as Float32Array).map((value, i) => value - outputs.logits[i]));
  expect(difference, `dropout at ${dropout.placement}`).toBeLessThan(1e-3 * (1 + largest(outputs.logits)));
  tally.dropouts++;
}

async function checkRelevance(classifier: Classifier, rng: Rng, tally: Tally): Promise<void> {
  const preset = relevancePresets[rng.int(relevancePresets.length)];
  const range = {
    low: new Array<number>(classifier.channels).fill(-4),
    high: new Array<number>(classifier.channels).fill(4),
  };
  const compiled = attempt(() => compile(classifier, { batch: 2, passes: [relevance(preset, range)] }));
  if (typeof compiled === 'string') return void tally.refused.push(compiled);
  const { batch, channels, height, width } = compiled;
  const { images } = drawImages(batch * channels * height * width, rng);
  const outputs = await outputsOf(compiled, images, new Array<number>(batch).fill(-1));
  expect(outputs.relevance.every(Number.isFinite), `relevance by ${preset.name}`).toBe(true);
  tally.relevances++;
}

describe('random small classifiers', () => {
  it('import, compile and run; gradients are those of the float64 definition; relevance is finite', async () => {
    const tally: Tally = { models: 0, gradients: 0, relevances: 0, dropouts: 0, elements: 0, refused: [] };
    const failures: string[] = [];
    const end = performance.now() + budgetMs;
    for (let seed = first; seed <= last && performance.now() < end; seed++) {
      const model = randomModel(new Rng(seed, 'model'));
      try {
        await check(model, new Rng(seed, 'images'), tally);
      } catch (error) {
        failures.push(`seed ${seed} (${model.story.join(', ')}): ${(error as Error).message.split('\n')[0]}`);
      }
    }
    expect(failures, JSON.stringify({ ...tally, refused: tally.refused.length })).toEqual([]);
    // A fuzz that refuses most of what it makes, or steps over it, would show nothing.
    expect(tally.models).toBeGreaterThan(10);
    expect(tally.gradients).toBeGreaterThan(0.9 * tally.models);
    expect(tally.relevances).toBeGreaterThan(0.4 * tally.models);
    expect(tally.dropouts).toBeGreaterThan(0.5 * tally.models);
    expect(tally.elements).toBeGreaterThan(3 * tally.models);
  }, 600_000);
});
