import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { sizeOf, tensor, type Tensor } from '../../src/core/tensor.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { compile } from '../../src/graph/compile.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { layerGradient } from '../../src/graph/passes/layer_gradient.js';
import { GraphBuilder } from '../../src/models/builder.js';
import { openSession, providerStatus, resolveProvider, type SessionOptions } from '../../src/runtime/index.js';
import { installCommand } from '../../src/runtime/tfjs/library.js';
import { smallModelBytes } from '../graph/small_models.js';
import { temporaryFolder } from '../support/files.js';
import { expectAgreement, runOnce } from './tfjs_agreement.js';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
const onnx = compile(readClassifier(smallModelBytes()), { batch: 2, passes: [layerGradient()] }).onnx;
const wasm: SessionOptions = { runtime: 'tfjs', provider: 'wasm' };
const liveTensors = () => tf.engine().state.numTensors;

function inputs(scale = 1): Record<'image' | 'class_index', Tensor> {
  const pixels = new Float32Array(384).map((_, i) => scale * Math.sin(i));
  return { image: tensor('f32', [2, 3, 8, 8], pixels), class_index: tensor('i64', [2], BigInt64Array.of(-1n, 0n)) };
}

/** The graph of one op on x f32[4]. */
function single(op: string, attributes: Parameters<GraphBuilder['op']>[2] = {}, more: readonly string[] = []) {
  const b = new GraphBuilder('single');
  const value = b.op(op, [b.input('x', [4]), ...more], attributes);
  b.op('Cast', [value], { to: 1 }, 'y');
  b.graph.outputs.push({ name: 'y', type: 'f32' });
  return exportOnnx(b.graph);
}

describe('TensorFlow.js sessions', () => {
  it('say what they are and give the same interface', async () => {
    const session = await openSession(onnx, wasm);
    expect(session).toMatchObject({ runtime: 'tfjs', provider: 'wasm' });
    expect(session.inputNames).toEqual(['image', 'class_index']);
    expect(session.outputNames).toEqual(['logits', 'activation', 'gradient']);
    expectAgreement(await session.run(inputs()), await runOnce(onnx, inputs()));
    await session.close();
  });

  it('agree on an image of zeros and on a very bright one', async () => {
    for (const scale of [0, 1e4])
      expectAgreement(await runOnce(onnx, inputs(scale), wasm), await runOnce(onnx, inputs(scale)));
  });

  it('take models and pixels in shared memory, do not change them, and keep no result', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(onnx.byteLength));
    shared.set(onnx);
    for (const provider of ['wasm', 'cpu'] as const) {
      const session = await openSession(shared, { runtime: 'tfjs', provider });
      const { image, class_index } = inputs();
      const pixels = new Float32Array(new SharedArrayBuffer(image.data.byteLength));
      pixels.set(image.data as Float32Array);
      const first = await session.run({ image: tensor('f32', image.dims, pixels), class_index });
      const kept = Float32Array.from(first.logits.data as Float32Array);
      expect(pixels).toEqual(image.data);
      await session.run(inputs(2));
      expect(first.logits.data).toEqual(kept);
      await session.close();
    }
  });

  it('on two backends run in turn and at once, each with its own numbers, and free everything', async () => {
    const before = liveTensors();
    const expected = [await runOnce(onnx, inputs()), await runOnce(onnx, inputs(3))];
    const a = await openSession(onnx, wasm);
    const b = await openSession(onnx, { runtime: 'tfjs', provider: 'cpu' });
    const results = await Promise.all([a.run(inputs()), b.run(inputs(3)), a.run(inputs(3)), b.run(inputs())]);
    results.forEach((result, i) => expectAgreement(result, expected[i === 0 || i === 3 ? 0 : 1]));
    const loaded = liveTensors();
    for (let i = 0; i < 5; i++) await a.run(inputs(i));
    expect(liveTensors()).toBe(loaded);
    await a.close();
    await b.close();
    expect(liveTensors()).toBe(before);
  });

  it('give whole numbers as such', async () => {
    const b = new GraphBuilder('whole');
    const [index, mask] = [
      b.op('ArgMax', [b.input('x', [2, 3])], { axis: 1 }),
      b.op('Greater', ['x', b.floats([], [0])]),
    ];
    b.graph.outputs.push({ name: index, type: 'i64' }, { name: mask, type: 'bool' });
    const x = tensor('f32', [2, 3], Float32Array.of(1, 3, 2, -1, -3, -2));
    const found = Object.values(await runOnce(exportOnnx(b.graph), { x }, wasm));
    expect(found[0]).toEqual(tensor('i64', [2, 1], BigInt64Array.of(1n, 0n)));
    expect(found[1]).toEqual(tensor('u8', [2, 3], Uint8Array.of(1, 1, 1, 0, 0, 0)));
  });

  it.each([
    ['an op that is not there', () => single('NonZero'), /NonZero node 'nonzero_0'.*cannot run NonZero.*onnxruntime/s],
    [
      'an op of another domain',
      () => {
        const b = new GraphBuilder('custom');
        b.output(b.op('FancyOp', [b.input('x', [4])]), 'y', [4]);
        b.graph.nodes[0].domain = 'com.example';
        return exportOnnx(b.graph);
      },
      /com\.example\.FancyOp node.*--runtime onnxruntime/s,
    ],
    [
      'training mode',
      () => {
        const b = new GraphBuilder('training');
        const x = b.input('x', [4]);
        const one = () => b.floats([2], [1, 1]);
        const image = b.reshape(x, [1, 2, 2, 1]);
        b.output(
          b.op('BatchNormalization', [image, one(), one(), one(), one()], { training_mode: 1 }),
          'y',
          [1, 2, 2, 1],
        );
        return exportOnnx(b.graph);
      },
      /BatchNormalization node.*training mode.*--runtime onnxruntime/s,
    ],
  ])('refuse %s by name, and free what was made', async (_name, model, message) => {
    const before = liveTensors();
    const run = runOnce(model(), { x: tensor('f32', [4]) }, wasm);
    await expect(run).rejects.toMatchObject({ code: 'E_OP_UNSUPPORTED', message: expect.stringMatching(message) });
    expect(liveTensors()).toBe(before);
  });

  it('refuse what is not a model, and inputs that do not fit', async () => {
    await expect(openSession(new Uint8Array([1, 2, 3]), wasm)).rejects.toMatchObject({ code: 'E_MODEL_FORMAT' });
    const session = await openSession(onnx, wasm);
    const before = liveTensors();
    const wrong = { ...inputs(), image: tensor('f32', [2, 3, 8, 9]) };
    await expect(session.run(wrong)).rejects.toMatchObject({ code: 'E_SHAPE', where: 'image' });
    await expect(session.run({ image: inputs().image })).rejects.toMatchObject({
      code: 'E_SHAPE',
      where: 'class_index',
    });
    expect(liveTensors()).toBe(before);
    await session.close();
  });
});

describe('choosing', () => {
  it('takes the best backend that is installed, and each by its name', async () => {
    expect(['tensorflow', 'wasm']).toContain(await resolveProvider('tfjs'));
    expect(await resolveProvider('tfjs', 'cpu')).toBe('cpu');
    expect(await resolveProvider('onnxruntime')).toBe('auto');
    await expect(resolveProvider('tfjs', 'cuda')).rejects.toMatchObject({ code: 'E_ARGUMENT', where: 'provider' });
    await expect(resolveProvider('onnxruntime', 'wasm')).rejects.toMatchObject({
      code: 'E_ARGUMENT',
      where: 'provider',
    });
  });

  it('says what to install where TensorFlow.js is missing', async () => {
    // The built files where no package is near.
    const folder = await temporaryFolder();
    for (const part of ['runtime', 'core', 'backend', 'graph', 'kernels']) {
      await cp(join(dist, part), join(folder, part), { recursive: true });
    }
    const library = pathToFileURL(join(folder, 'runtime/tfjs/library.js')).href;
    const script = `import { chooseBackend } from '${library}';
      for (const name of ['auto', 'webgpu', 'wasm', 'cpu', 'tensorflow'])
        try { chooseBackend(name); } catch (error) { console.log(error.code, error.message); }`;
    const args = ['--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(5);
    for (const line of lines)
      expect(line).toMatch(/^E_PROVIDER TensorFlow\.js, \w+ backend: it is not installed\. Run: npm i/);
    expect(lines[0]).toContain('npm install @tensorflow/tfjs-core@^4.22.0 @tensorflow/tfjs-backend-wasm@^4.22.0');
    expect(lines[4]).toContain(installCommand('tensorflow'));
  });

  it('loads nothing of it while ONNX Runtime runs', async () => {
    const script = `import { createRequire } from 'node:module';
      const { openSession } = await import('${pathToFileURL(join(dist, 'runtime/index.js')).href}');
      const model = Uint8Array.from(Buffer.from(process.env.MODEL, 'base64'));
      const loaded = () => Object.keys(createRequire('${pathToFileURL(dist).href}').cache).some((file) => file.includes('@tensorflow'));
      await openSession(model);
      const before = loaded();
      await openSession(model, { runtime: 'tfjs', provider: 'cpu' });
      console.log(before, loaded());`;
    const env = { ...process.env, MODEL: Buffer.from(single('Relu')).toString('base64') };
    const run = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { env });
    // And it does not advertise itself on the terminal.
    expect(run).toEqual({ stdout: 'false true\n', stderr: '' });
  });

  it('doctor tries every backend', async () => {
    const found = (await providerStatus()).filter(({ runtime }) => runtime === 'tfjs');
    expect(found.map(({ provider }) => provider)).toEqual(['tensorflow', 'webgpu', 'wasm', 'cpu']);
    for (const provider of ['wasm', 'cpu']) {
      const note = expect.stringMatching(/^TensorFlow\.js 4\./) as string;
      expect(found).toContainEqual({ runtime: 'tfjs', provider, available: true, note, remedy: undefined });
    }
    for (const status of found) if (!status.available) expect(status.remedy).toBeTruthy();
  });
});

it('a tensor of no elements passes through', async () => {
  const b = new GraphBuilder('empty');
  b.output(b.relu(b.input('x', [0, 3])), 'y', [0, 3]);
  const x = tensor('f32', [0, 3], new Float32Array(sizeOf([0, 3])));
  for (const provider of ['wasm', 'cpu'] as const) {
    const { y } = await runOnce(exportOnnx(b.graph), { x }, { runtime: 'tfjs', provider });
    expect(y.dims).toEqual([0, 3]);
  }
});
