import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { tensor } from '../../src/core/tensor.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { compile } from '../../src/graph/compile.js';
import { layerGradient } from '../../src/graph/passes/layer_gradient.js';
import { openSession, providerStatus } from '../../src/runtime/index.js';
import { smallModelBytes } from '../graph/small_models.js';

const onnx = compile(readClassifier(smallModelBytes()), { batch: 2, passes: [layerGradient()] }).onnx;
const inputs = () => ({
  image: tensor(
    'f32',
    [2, 3, 8, 8],
    new Float32Array(384).map((_, i) => Math.sin(i)),
  ),
  class_index: tensor('i64', [2], BigInt64Array.of(-1n, 0n)),
});

describe('sessions', () => {
  it('run, and say where', async () => {
    const session = await openSession(onnx);
    expect(session.provider).toBe('cpu');
    expect(session.inputNames).toEqual(['image', 'class_index']);
    expect(session.outputNames).toEqual(['logits', 'activation', 'gradient']);
    const { logits, gradient } = await session.run(inputs());
    expect(logits.dims).toEqual([2, 3]);
    expect(gradient.dims).toEqual([2, 6, 8, 8]);
    await session.close();
  });

  it('take models and pixels in shared memory, and do not change them', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(onnx.byteLength));
    shared.set(onnx);
    const session = await openSession(shared);
    const plain = inputs();
    const pixels = new Float32Array(new SharedArrayBuffer(plain.image.data.byteLength));
    pixels.set(plain.image.data);
    const a = await session.run(plain);
    const b = await session.run({ ...plain, image: tensor('f32', [2, 3, 8, 8], pixels) });
    expect(b.logits.data).toEqual(a.logits.data);
    expect(pixels).toEqual(plain.image.data);
    await session.close();
  });

  it('give the same bits with one thread and with two, and wherever a sample stands in its batch', async () => {
    const { image, class_index } = inputs();
    const plane = image.data.length / 2;
    const swapped = new Float32Array(image.data.length);
    swapped.set(image.data.subarray(plane), 0);
    swapped.set(image.data.subarray(0, plane), plane);
    const results: Record<string, ArrayLike<number>>[] = [];
    for (const threads of [1, 2]) {
      const session = await openSession(onnx, { threads });
      const outputs = await session.run({ image, class_index: tensor('i64', [2], BigInt64Array.of(1n, 1n)) });
      const turned = await session.run({
        image: tensor('f32', image.dims, swapped),
        class_index: tensor('i64', [2], BigInt64Array.of(1n, 1n)),
      });
      expect(class_index.data).toHaveLength(2);
      for (const name of ['logits', 'activation', 'gradient']) {
        const data = outputs[name].data as Float32Array;
        expect((turned[name].data as Float32Array).slice(data.length / 2)).toEqual(data.slice(0, data.length / 2));
      }
      results.push({ logits: outputs.logits.data as Float32Array, gradient: outputs.gradient.data as Float32Array });
      await session.close();
    }
    expect(results[1]).toEqual(results[0]);
  });

  it('refuse what is not a model, inputs of another shape, and a provider that is not there', async () => {
    await expect(openSession(new Uint8Array([1, 2, 3]))).rejects.toMatchObject({ code: 'E_MODEL_FORMAT' });
    const session = await openSession(onnx);
    const wrong = { ...inputs(), image: tensor('f32', [2, 3, 8, 9]) };
    await expect(session.run(wrong)).rejects.toMatchObject({ name: 'SightlineError' });
    await session.close();
    const missing = (await providerStatus()).find((status) => !status.available);
    if (missing) {
      expect(missing.remedy).toBeTruthy();
      await expect(openSession(onnx, { provider: missing.provider })).rejects.toMatchObject({ code: 'E_PROVIDER' });
    }
    expect(await providerStatus()).toContainEqual(expect.objectContaining({ provider: 'cpu', available: true }));
  });
});

describe("the webgpu provider gives the cpu provider's numbers", () => {
  const child = fileURLToPath(new URL('webgpu_child.mjs', import.meta.url));
  const softwareVulkan = fileURLToPath(new URL('../support/run.mjs', import.meta.url));
  const models = fileURLToPath(new URL('../golden/gradcam/', import.meta.url));
  // VGG at an inner layer: gradients of max pooling and of convolutions. ResNet: strided convolutions, additions.
  it.each([
    ['vgg_torchscript.onnx', 'features.13'],
    ['resnet_dynamo.onnx', undefined],
  ])(
    '%s',
    async (model, layer) => {
      const args = ['--script', child, models + model, ...(layer ? [layer] : [])];
      const { stdout } = await promisify(execFile)(process.execPath, [softwareVulkan, ...args]);
      const report = JSON.parse(stdout) as Record<string, { difference: number; largest: number }>;
      expect(Object.keys(report)).toEqual(['logits', 'activation', 'gradient']);
      for (const { difference, largest } of Object.values(report)) {
        expect(largest).toBeGreaterThan(0);
        expect(difference / largest).toBeLessThan(1e-4);
      }
    },
    120_000,
  );
});
