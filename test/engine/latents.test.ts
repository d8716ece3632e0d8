import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { openEncoder } from '../../src/engine/encoder.js';
import { learnLatents, type LatentOptions } from '../../src/engine/latents.js';
import { buildModel } from '../../src/models/index.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { writeFileAtomic } from '../../src/core/files.js';
import { temporaryFolder } from '../support/files.js';

const side = 8;

/** Maps with one bright spot: of the first kind top left, of the second bottom right. */
function spots(count: number): Tensor<'f32'> {
  const vectors = tensor('f32', [count, side * side]);
  for (let i = 0; i < count; i++) {
    const rng = new Rng(4, 'spot', i);
    const [row, column] = [0, 0].map(() => (i % 2 ? 5.5 : 1.5) + 0.5 * rng.normal());
    for (let p = 0; p < side * side; p++) {
      const distance = (Math.floor(p / side) - row) ** 2 + ((p % side) - column) ** 2;
      vectors.data[i * side * side + p] = Math.exp(-distance / 3);
    }
  }
  return vectors;
}

const small = (out: string, more: Partial<LatentOptions> = {}): LatentOptions => ({
  ...{ out, hidden: [24, 12], code: 6, epochs: 30, batch: 8, learningRate: 5e-3, seed: 2, ...more },
});

const distance = (codes: Tensor<'f32'>, a: number, b: number) => {
  const [, length] = codes.dims;
  const row = (i: number) => codes.data.subarray(i * length, (i + 1) * length);
  return Math.sqrt(row(a).reduce((sum, value, i) => sum + (value - row(b)[i]) ** 2, 0));
};

describe('learnLatents', () => {
  it('learns codes that reconstruct and that tell kinds of maps apart; the encoder is kept as ONNX', async () => {
    const out = join(await temporaryFolder(), 'run');
    const vectors = spots(45);
    const learned = await learnLatents(vectors, small(out));
    const mean = vectors.data.reduce((a, b) => a + b, 0) / vectors.data.length;
    const variance = vectors.data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / vectors.data.length;
    expect(learned.loss).toBeLessThan(0.3 * variance);
    const codes = await learned.encode(vectors);
    expect(codes.dims).toEqual([45, 6]);
    expect(Math.min(...codes.data)).toBeGreaterThanOrEqual(0);
    const meanDistance = (pairs: (readonly [number, number])[]) =>
      pairs.reduce((sum, [a, b]) => sum + distance(codes, a, b), 0) / pairs.length;
    const indices = Array.from({ length: 20 }, (_, i) => 2 * i);
    const within = meanDistance(indices.map((i) => [i, i + 2] as const));
    const between = meanDistance(indices.map((i) => [i, i + 1] as const));
    expect(between).toBeGreaterThan(2 * within);

    const opened = openEncoder(learned.file, { threads: 1 });
    expect((await opened.encode(vectors)).data).toEqual(codes.data);
    // A row's code does not depend on the others.
    const alone = tensor('f32', [1, side * side], vectors.data.slice(40 * side * side, 41 * side * side));
    expect((await opened.encode(alone)).data).toEqual(codes.data.slice(40 * 6, 41 * 6));
    expect((await opened.encode(tensor('f32', [0, side * side]))).dims).toEqual([0, 6]);
    await expect(opened.encode(tensor('f32', [1, 16]))).rejects.toMatchObject({ code: 'E_SHAPE' });
    expect((await readdir(out)).sort()).toEqual(['encoder.onnx', 'history.csv', 'result.json', 'training.json']);
  });

  it('killed and resumed: the same bytes, with any number of threads; finished: not learned again', async () => {
    const base = await temporaryFolder();
    const vectors = spots(20);
    const whole = await learnLatents(vectors, small(join(base, 'whole'), { threads: 1 }));
    const out = join(base, 'killed');
    let reports = 0;
    const onProgress = () => {
      if (++reports === 30) throw new Error('killed');
    };
    await expect(learnLatents(vectors, small(out, { onProgress, checkpointSeconds: 0 }))).rejects.toThrow('killed');
    expect(await readdir(out)).toContain('latest.checkpoint');
    const resumed = await learnLatents(vectors, small(out, { resume: true, threads: 2 }));
    expect(await readFile(resumed.file)).toEqual(await readFile(whole.file));
    expect(resumed.loss).toBe(whole.loss);
    const again = await learnLatents(vectors, small(out, { resume: true, onProgress: () => expect.fail('trains') }));
    expect(again.loss).toBe(whole.loss);
    expect((await again.encode(vectors)).data).toEqual((await whole.encode(vectors)).data);
    await expect(learnLatents(spots(19), small(out, { resume: true }))).rejects.toThrow(/another vectors/);
    await expect(learnLatents(vectors, small(out, { resume: true, epochs: 31 }))).rejects.toThrow(/another length/);
    const other = await learnLatents(vectors, small(join(base, 'other'), { seed: 3 }));
    expect((await other.encode(vectors)).data).not.toEqual((await whole.encode(vectors)).data);
  });

  it('takes few or constant maps, and refuses what is none', async () => {
    const base = await temporaryFolder();
    const out = (name: string) => join(base, name);
    const three = await learnLatents(spots(3), small(out('few'), { epochs: 2 }));
    expect((await three.encode(spots(3))).dims).toEqual([3, 6]);
    const flat = await learnLatents(tensor('f32', [10, 64]), small(out('flat'), { epochs: 3 }));
    const codes = await flat.encode(tensor('f32', [2, 64]));
    expect(codes.data.subarray(0, 6)).toEqual(codes.data.subarray(6));
    expect(flat.loss).toBeLessThan(0.05);
    const refused = async (vectors: Tensor<'f32'>, code: string) =>
      expect(learnLatents(vectors, small(out('x')))).rejects.toMatchObject({ code });
    await refused(tensor('f32', [4, 63]), 'E_SHAPE');
    await refused(tensor('f32', [0, 64]), 'E_POOL_EMPTY');
    await refused(tensor('f32', [1, 64], new Float32Array(64).fill(NaN)), 'E_IMAGE_VALUES');
    const classifier = join(base, 'c.onnx');
    await writeFileAtomic(classifier, exportOnnx(buildModel('small-cnn', { channels: 1, size: 8 })));
    expect(() => openEncoder(classifier)).toThrow(/no encoder/);
  });
});
