import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Tensor } from '../../src/core/tensor.js';
import { tensor } from '../../src/core/tensor.js';
import { decodeSample } from '../../src/data/decode.js';
import { writePhantoms } from '../../src/data/phantom.js';
import { openPool } from '../../src/data/pool.js';
import type { Preprocessing, Sample } from '../../src/data/types.js';
import { score } from '../../src/engine/score.js';
import { scorePass, type ScoredPass, type ScorePassOptions } from '../../src/engine/score_pass.js';
import { openDecoded } from '../../src/engine/training_plan.js';
import { trainedModelFiles, writeTrainedModel } from '../../src/engine/trained_model.js';
import { f32 } from '../../src/graph/constant.js';
import type { Graph } from '../../src/graph/ir.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { summariseAttention } from '../../src/metrics/attention.js';
import { buildModel } from '../../src/models/index.js';
import { openSession } from '../../src/runtime/index.js';
import { sharedFolder, temporaryFolder } from '../support/files.js';
import { spatiallessModel } from '../support/phantoms.js';

const size = 32;
const width = 16;
const preprocessing: Preprocessing = {
  ...{ channels: 1, height: size, width: size, mean: [0.4], std: [0.3], resize: 'stretch' },
};

const common = { batch: 2, mean: [0.4], std: [0.3] };
const everything = {
  vectors: { embeddings: true, maps: { of: 'saliency', size: width } },
  attention: true,
} as const satisfies Partial<ScorePassOptions>;

let folder: string;
let model: string;
let samples: Sample[];
/** All samples with everything, on one thread. */
let whole: ScoredPass;
beforeAll(async () => {
  folder = await sharedFolder();
  const { manifest } = await writePhantoms({ out: folder, count: 38, size: 48, seed: 2 });
  samples = await openPool(manifest);
  const bad = join(folder, 'bad.png');
  await writeFile(bad, 'no image');
  samples[5] = { ...samples[5], path: bad };
  samples[20] = { ...samples[20], path: bad };
  model = join(folder, 'net.onnx');
  await writeFile(model, exportOnnx(buildModel('small-cnn', { channels: 1, size, classes: 3, seed: 1 })));
  whole = await scorePass({ ...common, ...everything, model, samples, workers: 1, out: join(folder, 'whole') });
});

const run = async (more: Partial<ScorePassOptions> = {}) => scorePass(await settings(more));
const settings = async (more: Partial<ScorePassOptions> = {}): Promise<ScorePassOptions> => ({
  ...{ ...common, model, samples, out: join(await temporaryFolder(), 'pass') },
  ...more,
});
/** What a pass finds, without where and how fast. */
const found = ({ ran: _, seconds: __, ...rest }: ScoredPass) => rest;
const rowOf = ({ data, dims }: Tensor<'f32'>, row: number) => data.slice(row * dims[1], (row + 1) * dims[1]);

describe('scorePass', () => {
  it('gives columns, probabilities and the reasons for what is missing', async () => {
    const pass = await run({ radiomics: ['firstorder'], criteria: ['kurtosis'] });
    expect(pass.quarantined.map(({ id }) => id)).toEqual([samples[5].id, samples[20].id]);
    expect(pass.positions).toEqual(Int32Array.from(samples.keys()).filter((i) => i !== 5 && i !== 20));
    expect(pass.ids).toEqual([...pass.positions].map((at) => samples[at].id));
    expect(pass.probabilities.dims).toEqual([36, 3]);
    for (let row = 0; row < 36; row++) {
      const p = [...pass.probabilities.data.subarray(3 * row, 3 * row + 3)];
      expect(p[0] + p[1] + p[2]).toBeCloseTo(1, 12);
      expect(pass.predicted[row]).toBe(p.indexOf(Math.max(...p)));
      expect(pass.columns.least_confidence[row]).toBeCloseTo(1 - Math.max(...p), 6);
    }
    expect(pass).toMatchObject({ activation: 'softmax', labels: ['0', '1', '2'], maximumEntropy: Math.log(3) });
    expect(pass.features.get('saliency_firstorder_Kurtosis')).toHaveLength(36);
    expect(pass.embeddings ?? pass.maps ?? pass.attention).toBeUndefined();
  });

  it('takes any part of a pool, and gives its rows positions of their own', async () => {
    const part = [samples[30], samples[5], samples[3]];
    const pass = await run({ ...everything, samples: part });
    expect([pass.ids, [...pass.positions]]).toEqual([
      [samples[30].id, samples[3].id],
      [0, 2],
    ]);
    const rows = [whole.ids.indexOf(samples[30].id), whole.ids.indexOf(samples[3].id)];
    expect(rowOf(pass.embeddings!, 1)).toEqual(rowOf(whole.embeddings!, rows[1]));
    expect(pass.attention).toEqual(rows.map((row) => whole.attention![row]));
  });

  it('refuses a folder that holds a pass, unless told to go on or to discard it', async () => {
    const options = await settings({ samples: samples.slice(0, 4) });
    await scorePass(options);
    await expect(scorePass(options)).rejects.toMatchObject({ code: 'E_OUTPUT' });
    await expect(scorePass({ ...options, ...everything, resume: true })).rejects.toThrow(/vectors, attention/);
    expect((await scorePass({ ...options, ...everything, overwrite: true })).maps?.dims).toEqual([4, width ** 2]);
    // A resumed pass goes on with what it computed before.
    expect((await scorePass({ ...options, resume: true })).maps?.dims).toEqual([4, width ** 2]);
  });
});

describe('decoded images that passes share', () => {
  it('change nothing on any number of workers, and are not read from their files again', async () => {
    const own = (await writePhantoms({ out: await temporaryFolder(), count: 12, size: 48, seed: 5 })).manifest;
    const twelve = [...(await openPool(own)), { ...samples[5], id: 'bad' }];
    const options = { ...everything, samples: twelve };
    const without = found(await run({ ...options, workers: 1 }));
    const decoded = await openDecoded(twelve, { ...common, channels: 1, size, workers: 3 });
    expect(found(await run({ ...options, decoded }))).toEqual(without);
    const bytes = decoded.bytes;
    await rm(dirname(own), { recursive: true });
    expect(found(await run({ ...options, decoded }))).toEqual(without);
    // Without their regions they are the same images.
    const noRoi = { ...options, attention: false, roi: 'none', decoded } as const;
    expect((await run(noRoi)).embeddings).toEqual(without.embeddings);
    expect(decoded.bytes).toBe(bytes);
    await expect(run({ ...options, samples: samples.slice(0, 4), decoded })).rejects.toThrow(/all samples as they are/);
    await expect(run({ ...options, mean: [0.5], decoded })).rejects.toThrow(/a set of the same preprocessing/);
    await decoded.close();
  });

  it('may lack room for some, which are decoded again', async () => {
    const few = { ...everything, samples: samples.slice(0, 12) };
    const decoded = await openDecoded(few.samples, { ...common, channels: 1, size, cacheMb: 0.02 });
    const without = found(await run(few));
    expect(found(await run({ ...few, decoded }))).toEqual(without);
    expect(found(await run({ ...few, decoded }))).toEqual(without);
    expect(decoded.bytes).toBeGreaterThan(4 * size ** 2);
    expect(decoded.bytes).toBeLessThanOrEqual(0.02 * 2 ** 20);
    await decoded.close();
  });

  it('keep a sample with each of the regions that it had', async () => {
    const place = await temporaryFolder();
    const own = await openPool((await writePhantoms({ out: place, count: 4, size: 48, seed: 5 })).manifest);
    const drawn = own.map(({ mask: _, ...sample }) => ({ ...sample, boxes: [{ x0: 0, y0: 0, x1: 24, y1: 48 }] }));
    const decoded = await openDecoded(own, { ...common, channels: 1, size });
    const passes = () => Promise.all([own, drawn].map((of) => run({ ...everything, samples: of, decoded })));
    const [first, second] = await passes();
    expect([...second.columns.roi_area]).toEqual(own.map(() => 0.5));
    expect([...first.columns.roi_area]).not.toEqual([...second.columns.roi_area]);
    await rm(place, { recursive: true });
    expect((await passes()).map(found)).toEqual([first, second].map(found));
    await decoded.close();
  });
});

describe('vectors of a pass', () => {
  it('are what the model and the explanation give', async () => {
    expect(whole.embeddings!.dims[0]).toBe(36);
    expect(whole.maps!.dims).toEqual([36, width ** 2]);
    expect(whole.maps!.data.every((v) => v >= 0 && v <= 1 + 1e-6)).toBe(true);
    expect(new Set(whole.maps!.data).size).toBeGreaterThan(1000);
    const grey = await run({ vectors: { maps: { of: 'image', size } } });
    const image = new Float32Array(size * size);
    await decodeSample(samples[7], { ...preprocessing, mean: [0], std: [1] }, image, new Uint8Array(size * size));
    const row = rowOf(grey.maps!, grey.ids.indexOf(samples[7].id));
    expect(Math.max(...row.map((v, i) => Math.abs(v - image[i])))).toBeLessThan(1e-3);
    expect(grey.embeddings).toBeUndefined();
  });

  it('and all else are the same on any number of workers, and after a pass was stopped and resumed', async () => {
    expect(found(await run({ ...everything, workers: 3 }))).toEqual(found(whole));

    const options = await settings(everything);
    let seen = 0;
    const stop = () => {
      if (++seen > 19) throw new Error('power cut');
    };
    await expect(scorePass({ ...options, onProgress: stop })).rejects.toThrow('power cut');
    const rest: number[] = [];
    const resumed = await scorePass({ ...options, resume: true, onProgress: ({ done }) => rest.push(done) });
    expect([6, 32]).toContain(rest[0]); // the chunk whose batch came last was lost, the other was safe
    expect(found(resumed)).toEqual(found(whole));
    // Nothing is left to score: everything is read.
    const again = await scorePass({ ...options, resume: true });
    expect(again.ran).toBeNull();
    expect(found(again)).toEqual(found(whole));
  });

  it('and agreements are those of other kernel backends, up to rounding', async () => {
    const part = samples.slice(6, 12);
    const rows = part.map(({ id }) => whole.ids.indexOf(id));
    for (const backend of ['webgpu', 'reference'] as const) {
      const pass = await run({ ...everything, samples: part, backend });
      expect(pass.ran?.backend).toBe(backend);
      for (const [i, row] of rows.entries()) {
        const expected = rowOf(whole.maps!, row);
        expect(Math.max(...rowOf(pass.maps!, i).map((v, p) => Math.abs(v - expected[p])))).toBeLessThan(1e-3);
        expect(pass.attention![i].roiShare).toBe(whole.attention![row].roiShare);
        if (pass.attention![i].roiShare > 0)
          expect(pass.attention![i].energy).toBeCloseTo(whole.attention![row].energy, 3);
      }
    }
  });

  it('that were removed are missed before others are added', async () => {
    const options = await settings(everything);
    await scorePass(options);
    await rm(join(options.out, 'maps.f32'));
    await expect(scorePass({ ...options, resume: true })).rejects.toMatchObject({ code: 'E_STORE' });
  });

  it('need a model that has them', async () => {
    const flat = await spatiallessModel(folder);
    const pass = await run({ model: flat, vectors: { embeddings: true, maps: { of: 'image', size: 4 } } });
    expect([pass.embeddings!.dims, pass.maps!.dims]).toEqual([[36, 256], [36, 16]]); // prettier-ignore
    for (const asked of [{ vectors: { maps: { of: 'saliency', size: 4 } } }, { attention: true }] as const)
      await expect(run({ model: flat, ...asked })).rejects.toMatchObject({ code: 'E_MODEL_UNSUPPORTED' });
    await expect(run({ vectors: { maps: { of: 'image', size: 0 } } })).rejects.toMatchObject({ code: 'E_ARGUMENT' });
  });
});

describe('regions of a pass', () => {
  /** A U-Net as training leaves it. */
  async function regionModel(channels: number, change: (graph: Graph) => void = () => {}, given = preprocessing) {
    const graph = buildModel('unet', { channels: 1, size, classes: channels, widthMultiplier: 0.0625, seed: 1 });
    change(graph);
    const place = await temporaryFolder();
    await writeTrainedModel(place, graph, {
      ...{ task: 'segmentation', labels: [], activation: 'sigmoid', preprocessing: given, training: {} },
      metrics: { validation: null, test: null },
    });
    return trainedModelFiles(place).model;
  }
  const withBias = (values: number[]) => (graph: Graph) => {
    graph.initializers.set('head.bias', f32([values.length], Float32Array.from(values)));
  };
  const few = () => samples.slice(0, 8).filter((_, i) => i !== 5);

  it('say how well maps and experts agree, sample by sample', async () => {
    const withRegion = [...whole.positions].map((at) => Boolean(samples[at].mask));
    expect(new Set(withRegion).size).toBe(2);
    whole.attention!.forEach(({ dice, hit, energy, roiShare }, row) => {
      expect(roiShare > 0).toBe(withRegion[row]);
      if (!withRegion[row]) return expect([dice, hit, energy]).toEqual([NaN, NaN, NaN]);
      expect(dice).toBeCloseTo(whole.columns.dice[row], 6);
      expect(roiShare).toBeCloseTo(whole.columns.roi_area[row], 12);
      expect([0, 1]).toContain(hit);
      expect(energy >= 0 && energy <= 1).toBe(true);
    });
    expect(summariseAttention(whole.attention!)).toMatchObject({ samples: withRegion.filter(Boolean).length });
  });

  it('of experts can be left out, and then are not read', async () => {
    const unreadable = samples.slice(0, 4).map((sample) => ({ ...sample, mask: join(folder, 'bad.png') }));
    const pass = await run({ samples: unreadable, roi: 'none' });
    expect(pass.ids).toHaveLength(4);
    expect([...pass.columns.dice, ...pass.columns.roi_area].every(Number.isNaN)).toBe(true);
    const read = await run({ samples: [...unreadable, ...samples.slice(4, 5)] });
    expect(read.quarantined.map(({ stage }) => stage)).toEqual(Array(4).fill('roi'));
  });

  it.each([1, 3])('are predicted by a U-Net of %i channels', async (channels) => {
    const unet = await regionModel(channels);
    const pass = await run({ samples: few(), roiModel: unet, attention: true });
    const session = await openSession(await readFile(unet));
    const rows = pass.ids.map((id) => whole.ids.indexOf(id));
    for (const [row, at] of pass.positions.entries()) {
      const image = tensor('f32', [1, 1, size, size]);
      await decodeSample(few()[at], preprocessing, image.data, new Uint8Array(size * size));
      const { data } = Object.values(await session.run({ image }))[0] as Tensor<'f32'>;
      const pixels = size * size;
      const inside = Array.from({ length: pixels }, (_, p) =>
        channels === 1 ? data[p] >= 0 : Math.max(data[pixels + p], data[2 * pixels + p]) > data[p],
      );
      const share = inside.filter(Boolean).length / pixels;
      // Nothing found is no region.
      if (share === 0) expect(pass.columns.roi_area[row]).toBeNaN();
      else expect(pass.columns.roi_area[row]).toBeCloseTo(share, 2);
      expect(Number.isNaN(pass.columns.dice[row])).toBe(share === 0);
    }
    await session.close();
    expect(pass.attention).toEqual(rows.map((row) => whole.attention![row]));
    expect([...pass.columns.entropy]).toEqual(rows.map((row) => whole.columns.entropy[row]));
  });

  it('that are predicted empty are none: the criterion does without', async () => {
    const none = await regionModel(1, withBias([-1e6]));
    const all = await regionModel(1, withBias([1e6]));
    const empty = await run({ samples: few(), roiModel: none, ...everything });
    expect([...empty.columns.roi_area]).toEqual(few().map(() => NaN));
    expect([...empty.columns.dice]).toEqual(few().map(() => NaN));
    expect([...(await run({ samples: few(), roiModel: all })).columns.roi_area]).toEqual(few().map(() => 1));
  });

  it('need a U-Net trained on images prepared alike', async () => {
    const other = await regionModel(1, undefined, { ...preprocessing, mean: [0], channels: 3 });
    await expect(run({ roiModel: other })).rejects.toThrow(/channels 3 and not 1, mean \[0\] and not \[0.4\]/);
    await expect(run({ roiModel: model })).rejects.toMatchObject({ code: 'E_MODEL_UNSUPPORTED' });
    await expect(run({ roiModel: other, roi: 'none' })).rejects.toMatchObject({ code: 'E_ARGUMENT' });
  });

  it('that are predicted stand in the results of `score`, and in what it ranks by', async () => {
    const out = join(await temporaryFolder(), 'out');
    const pool = join(folder, 'manifest.csv');
    // Noise is the training images', not the model's.
    const roiModel = await regionModel(1, undefined, { ...preprocessing, noise: { sigma: 0.1, seed: 0 } });
    const options = { ...common, model, pool, out, batch: 8 };
    const notices: string[] = [];
    const summary = await score({ ...options, roiModel, onNotice: (text) => notices.push(text) });
    expect(summary).toMatchObject({ scored: 38, withRoi: 38 });
    expect(notices.join()).not.toContain('no region');
    const [header, first] = (await readFile(summary.files.scoresCsv, 'utf8')).split('\n');
    const column = (name: string) => first.split(',')[header.split(',').indexOf(name)];
    expect(column('roi')).toBe('predicted');
    expect(Number(column('roi_area'))).toBeGreaterThanOrEqual(0);
    await expect(score({ ...options, resume: true })).rejects.toThrow(/regions of interest/);
  });
});
