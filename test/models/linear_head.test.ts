import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { tensor } from '../../src/core/tensor.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { compile } from '../../src/graph/compile.js';
import { layerGradient } from '../../src/graph/passes/layer_gradient.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { fitLinearHead } from '../../src/models/linear_head.js';
import { buildPhantomClassifier, phantomInputSize, phantomMapSize } from '../../src/models/phantom_classifier.js';
import { openSession } from '../../src/runtime/index.js';

describe('fitLinearHead', () => {
  const rng = new Rng(3, 'clusters');
  const labels = Array.from({ length: 120 }, (_, i) => i % 3);
  // Three clusters far apart in two features; the third feature is constant, the fourth noise on a large scale.
  const features = Float32Array.from(
    labels.flatMap((k) => [
      3 * Math.cos(2 * k) + rng.normal() / 3,
      3 * Math.sin(2 * k) + rng.normal() / 3,
      5,
      100 * rng.normal(),
    ]),
  );

  it('separates clusters, ignores a constant feature, repeats itself', () => {
    const head = fitLinearHead(features, labels, 3);
    const correct = labels.filter((label, i) => {
      const scores = [0, 1, 2].map(
        (k) => head.bias[k] + [0, 1, 2, 3].reduce((s, j) => s + features[i * 4 + j] * head.weights[j * 3 + k], 0),
      );
      return scores.indexOf(Math.max(...scores)) === label;
    });
    expect(correct.length).toBe(labels.length);
    expect([...head.weights.slice(6, 9)].every((w) => Math.abs(w) < 1e-6)).toBe(true);
    expect(fitLinearHead(features, labels, 3)).toEqual(head);
  });

  it('a stronger penalty gives smaller weights', () => {
    const norm = (l2: number) => fitLinearHead(features, labels, 3, { l2 }).weights.reduce((s, w) => s + w * w, 0);
    expect(norm(1)).toBeLessThan(norm(0.01));
  });
});

describe('the phantom classifier', () => {
  const depth = buildPhantomClassifier().outputs[0].dims?.[1] as number;

  it('ends in its map without a head', async () => {
    const session = await openSession(exportOnnx(buildPhantomClassifier()));
    const image = tensor(
      'f32',
      [1, 1, phantomInputSize, phantomInputSize],
      new Float32Array(phantomInputSize ** 2).map((_, i) => Math.sin(i / 50)),
    );
    const { map } = await session.run({ image });
    expect(map.dims).toEqual([1, depth, phantomMapSize, phantomMapSize]);
    await session.close();
  });

  it('is a classifier whose target layer is the evidence, with a gradient through both poolings', async () => {
    const rng = new Rng(5, 'head');
    const normal = (length: number) => Float32Array.from({ length }, () => rng.normal());
    const head = {
      detector: { weights: normal(depth * 2), bias: normal(2) },
      classifier: { weights: normal(4), bias: normal(2) },
    };
    const classifier = readClassifier(exportOnnx(buildPhantomClassifier(head)));
    expect(classifier).toMatchObject({
      channels: 1,
      size: [phantomInputSize, phantomInputSize],
      classes: 2,
      batch: null,
    });
    const compiled = compile(classifier, { batch: 2, passes: [layerGradient()] });
    expect(compiled.dims.activation.slice(1)).toEqual([1, phantomMapSize, phantomMapSize]);
    const session = await openSession(compiled.onnx);
    const image = Float32Array.from({ length: 2 * phantomInputSize ** 2 }, () => rng.uniform());
    const { gradient, activation } = await session.run({
      image: tensor('f32', [2, 1, phantomInputSize, phantomInputSize], image),
      class_index: tensor('i64', [2], BigInt64Array.of(0n, 1n)),
    });
    const area = phantomMapSize ** 2;
    for (const k of [0, 1]) {
      // The weight of the mean over all positions everywhere, and the weight of the maximum at the highest one.
      const plane = (gradient.data as Float32Array).subarray(k * area, (k + 1) * area);
      const map = (activation.data as Float32Array).subarray(k * area, (k + 1) * area);
      const average = head.classifier.weights[k] / area;
      const peak = map.indexOf(Math.max(...map));
      plane.forEach((value, i) =>
        expect(value).toBeCloseTo(i === peak ? average + head.classifier.weights[2 + k] : average, 5),
      );
    }
    await session.close();
  });
});
