import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { sizeOf, tensor, type Tensor } from '../../src/core/tensor.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { compile } from '../../src/graph/compile.js';
import type { Graph } from '../../src/graph/ir.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { relevance } from '../../src/graph/passes/relevance.js';
import { relevancePresets, type LinearRule, type RelevancePreset } from '../../src/graph/relevance/presets.js';
import { GraphBuilder } from '../../src/models/builder.js';
import { openSession } from '../../src/runtime/index.js';

const random = (name: string, dims: readonly number[], low = -1, high = 1) => {
  const rng = new Rng(11, name);
  return Float32Array.from({ length: sizeOf(dims) }, () => low + (high - low) * rng.uniform());
};

const preset = (name: string) => relevancePresets.find((p) => p.name === name) as RelevancePreset;

/** Relevance of class 0 (or the predicted one) for one image with values in [−2, 3]. */
async function explained(graph: Graph, how: RelevancePreset, image: Tensor<'f32'>, classIndex = 0n) {
  const [batch, channels, height, width] = image.dims;
  const range = { low: new Array<number>(channels).fill(-2), high: new Array<number>(channels).fill(3) };
  const classifier = readClassifier(exportOnnx(graph));
  const compiled = compile(classifier, { batch, size: [height, width], passes: [relevance(how, range)] });
  const session = await openSession(compiled.onnx);
  const class_index = tensor('i64', [batch], new BigInt64Array(batch).fill(classIndex));
  const outputs = await session.run({ image, class_index });
  await session.close();
  return { relevance: (outputs.relevance as Tensor<'f32'>).data, logits: (outputs.logits as Tensor<'f32'>).data };
}

const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);

/** A network of one 1×1 convolution over one pixel: logit = Σ xᵢwᵢ + b, so that every rule can be done by hand. */
function onePixel(weights: readonly number[], bias: number): Graph {
  const b = new GraphBuilder('one pixel');
  const count = weights.length;
  b.input('input', [null, count, 1, 1]);
  const both = Float32Array.from([...weights, ...weights.map((w) => -w)]);
  const z = b.op('Conv', ['input', b.floats([2, count, 1, 1], both), b.floats([2], [bias, 0])]);
  b.output(b.op('Flatten', [z], { axis: 1 }), 'logits', [null, 2]);
  return b.graph;
}

describe('rules on logit = Σ xᵢwᵢ + b, by hand', () => {
  const x = [2, -1, 1, 0.5];
  const w = [1, 2, 1, -1];
  const products = x.map((v, i) => v * w[i]); // 2, −2, 1, −0.5
  const b = 0.25;
  const logit = 0.75;
  const image = tensor('f32', [1, 4, 1, 1], Float32Array.from(x));
  const withRule = (rule: LinearRule, input = false): RelevancePreset => ({
    ...preset('lrp-epsilon'),
    stabiliser: { kind: 'zero', epsilon: 1e-12 },
    ...(input ? { input: rule } : { convolution: rule }),
  });
  const alphaBeta = (alpha: number, beta: number, bias: 'full' | 'signed' | 'none') =>
    withRule({ kind: 'alpha-beta', alpha, beta, bias });
  const [positive, negative] = [3, -2.5];
  const share = (zPositive: number, zNegative: number, alpha: number, beta: number) =>
    products.map((p) => (p > 0 ? (alpha * p * logit) / zPositive : (-beta * p * logit) / zNegative));
  const boxed = x.map((v, i) => v * w[i] - (w[i] > 0 ? -2 * w[i] : 3 * w[i]));

  it.each<[string, RelevancePreset, readonly number[]]>([
    ['ε', withRule({ kind: 'epsilon', bias: 'none' }), products.map((p) => (p * logit) / 0.5)],
    ['ε with bias', withRule({ kind: 'epsilon', bias: 'full' }), products],
    ['αβ(1,0), no bias', alphaBeta(1, 0, 'none'), share(positive, 1, 1, 0)],
    ['αβ(1,0), full bias', alphaBeta(1, 0, 'full'), share(positive + b, 1, 1, 0)],
    ['αβ(2,1), signed bias', alphaBeta(2, 1, 'signed'), share(positive + b, negative, 2, 1)],
    ['z^B', withRule({ kind: 'z-box' }, true), boxed.map((p) => (p * logit) / sum(boxed))],
    ['w²', withRule({ kind: 'w-square' }, true), w.map((v) => (v * v * logit) / 7)],
    ['flat', withRule({ kind: 'flat' }, true), w.map(() => logit / 4)],
  ])('%s', async (_name, how, expected) => {
    const { relevance, logits } = await explained(onePixel(w, b), how, image);
    expect(logits[0]).toBeCloseTo(logit, 6);
    expected.forEach((value, i) => expect(relevance[i]).toBeCloseTo(value, 5));
  });

  it('Deep Taylor of a class that the model speaks against is zero; LRP explains it', async () => {
    const taylor = await explained(onePixel(w, b), preset('deep-taylor'), image, 1n);
    expect(taylor.logits[1]).toBeLessThan(0);
    expect(Array.from(taylor.relevance, Math.abs)).toEqual([0, 0, 0, 0]);
    const lrp = await explained(onePixel(w, b), preset('lrp-epsilon'), image, 1n);
    expect(sum(lrp.relevance)).toBeCloseTo(lrp.logits[1], 4);
  });
});

/** Networks of every kind of joint: residual, dense with pre-activation norms, pooling, squeeze-and-excitation. */
function network(kind: 'plain' | 'residual' | 'dense' | 'gated'): Graph {
  const b = new GraphBuilder(kind);
  let x = b.input('input', [null, 3, 12, 12]);
  let serial = 0;
  const conv = (value: string, out: number, from: number, size = 3) => {
    const name = `conv${serial++}`;
    // Mostly positive weights: with a z⁺ of zero there is nobody to hand relevance to, and some of it would be lost.
    const weights = b.floats([out, from, size, size], random(name, [out, from, size, size], -0.6, 1));
    const pad = (size - 1) / 2;
    return b.op('Conv', [value, weights, b.floats([out], random(`${name}.bias`, [out], -0.2, 0.1))], {
      pads: [pad, pad, pad, pad],
    });
  };
  const norm = (value: string, count: number) => {
    const name = `norm${serial++}`;
    const parameter = (what: string, low: number, high: number) =>
      b.floats([count], random(name + what, [count], low, high));
    return b.op('BatchNormalization', [
      value,
      parameter('scale', 0.5, 1.5),
      parameter('bias', -0.3, 0.3),
      parameter('mean', -0.5, 0.5),
      parameter('variance', 0.5, 2),
    ]);
  };
  x = b.relu(norm(conv(x, 4, 3), 4));
  if (kind === 'residual') x = b.relu(b.op('Add', [norm(conv(b.relu(conv(x, 4, 4)), 4, 4), 4), x]));
  if (kind === 'dense') {
    x = b.op('Concat', [x, conv(b.relu(norm(x, 4)), 2, 4)], { axis: 1 });
    x = b.op('Concat', [x, conv(b.relu(norm(x, 6)), 2, 6)], { axis: 1 });
    x = b.relu(norm(x, 8));
  }
  if (kind === 'gated') x = b.op('Mul', [x, b.op('Sigmoid', [conv(b.op('GlobalAveragePool', [x]), 4, 4, 1)])]);
  x = b.op('AveragePool', [x], { kernel_shape: [2, 2], strides: [2, 2] });
  x = b.op('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] });
  const count = kind === 'dense' ? 8 : 4;
  x = b.op('Flatten', [b.op('GlobalAveragePool', [x])], { axis: 1 });
  const head = b.floats([count, 2], random('head', [count, 2], -0.2, 1));
  b.output(b.op('Gemm', [x, head, b.floats([2], [0.1, -0.1])]), 'logits', [null, 2]);
  return b.graph;
}

describe('Deep Taylor', () => {
  it.each(['plain', 'residual', 'dense', 'gated'] as const)('conserves the logit: %s', async (kind) => {
    const image = tensor('f32', [2, 3, 12, 12], random('image', [2, 3, 12, 12], -2, 3));
    const { relevance, logits } = await explained(network(kind), preset('deep-taylor'), image);
    for (const sample of [0, 1]) {
      const logit = logits[sample * 2];
      expect(logit).toBeGreaterThan(0);
      const part = relevance.subarray(sample * 432, (sample + 1) * 432);
      expect(sum(part) / logit).toBeCloseTo(1, 4);
      // z⁺ and z^B hand on no negative share of a positive whole (a rooted layer may, by rounding).
      if (kind !== 'dense') expect(Math.min(...part)).toBeGreaterThanOrEqual(-1e-6 * logit);
    }
  });

  it('does not depend on the batch', async () => {
    const image = tensor('f32', [2, 3, 12, 12], random('image', [2, 3, 12, 12], -2, 3));
    const both = await explained(network('dense'), preset('deep-taylor'), image);
    const second = tensor('f32', [1, 3, 12, 12], image.data.slice(432));
    const alone = await explained(network('dense'), preset('deep-taylor'), second);
    alone.relevance.forEach((value, i) => expect(value).toBeCloseTo(both.relevance[432 + i], 6));
  });

  it.each(relevancePresets.map(({ name }) => name))(
    '%s: a constant image and a dead network stay finite',
    async (name) => {
      for (const value of [0, 3]) {
        const image = tensor('f32', [1, 3, 12, 12], new Float32Array(432).fill(value));
        for (const kind of ['plain', 'dense'] as const) {
          const { relevance } = await explained(network(kind), preset(name), image);
          expect(relevance.every(Number.isFinite)).toBe(true);
        }
      }
      const dead = network('plain');
      for (const constant of dead.initializers.values()) constant.raw.fill(0);
      const image = tensor('f32', [1, 3, 12, 12], random('image', [1, 3, 12, 12], -2, 3));
      expect((await explained(dead, preset(name), image)).relevance.every((v) => v === 0)).toBe(true);
    },
  );
});

it('an op that relevance cannot pass is named, with methods that would do', () => {
  const b = new GraphBuilder('odd');
  const x = b.input('input', [null, 3, 8, 8]);
  const weights = b.floats([2, 3, 1, 1], random('w', [2, 3, 1, 1]));
  const features = b.relu(b.op('Conv', [x, weights]));
  const odd = b.op('Sin', [features]);
  b.output(b.op('Flatten', [b.op('GlobalAveragePool', [odd])], { axis: 1 }), 'logits', [null, 2]);
  const classifier = readClassifier(exportOnnx(b.graph));
  const range = { low: [0, 0, 0], high: [1, 1, 1] };
  const attempt = () => compile(classifier, { batch: 1, passes: [relevance(preset('deep-taylor'), range)] });
  expect(attempt).toThrow(
    expect.objectContaining({
      code: 'E_OP_UNSUPPORTED',
      message: expect.stringMatching(/Sin node.*no relevance rule for Sin.*grad-cam/s) as string,
    }),
  );
  expect(compile(classifier, { batch: 1 }).outputs).toEqual(['logits']);
});
