import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Sample } from '../../src/data/types.js';
import { explainSamples } from '../../src/engine/explain.js';
import { openModel, type OpenModelOptions } from '../../src/engine/model.js';
import { probabilities } from '../../src/features/uncertainty.js';
import { runGrid } from '../../src/loop/grid.js';
import { readGrid } from '../../src/loop/read_grid.js';
import { readRunConfig, type RunConfig } from '../../src/loop/run_config.js';
import { openLoopData, type LoopData } from '../../src/loop/run_data.js';
import { loadTheme } from '../../src/report/figures/theme.js';
import { attentionDrift, chooseCases, spread } from '../../src/report/cases/attention_drift.js';
import { clusterMap, type ClusterMap } from '../../src/report/cases/cluster_map.js';
import { driftHtml } from '../../src/report/cases/drift_html.js';
import { galleries, type Case, type Gallery } from '../../src/report/cases/galleries.js';
import { galleryHtml } from '../../src/report/cases/gallery_html.js';
import { encodeHeat } from '../../src/report/cases/layers.js';
import { RunStore } from '../../src/store/run_store.js';
import { loopPhantoms, writeConfig } from '../loop/loop_set.js';
import { sharedFolder, temporaryFolder } from '../support/files.js';
import { spatiallessModel } from '../support/phantoms.js';

const deep = { clusters: 3, trials: 1, iterations: 2, autoencoder_epochs: 1, trees: 5, every: 1 };

let config: RunConfig;
let data: LoopData;
let shown: Gallery[];
beforeAll(async () => {
  const folder = await sharedFolder();
  const manifest = await loopPhantoms(folder, 50);
  const written = await writeConfig(folder, manifest, {
    strategies: [
      'random',
      'core-set',
      { strategy: 'deep-features', deep_features: deep, explain: 'gradient' },
      { strategy: 'xal', name: 'by-regions' },
    ],
    training: { epochs: 1, batch: 8, augmentation: 'none', learning_rate: 0.01, threads: 1 },
    compute: { workers: 1 },
    seeds: [4],
  });
  await runGrid(readRunConfig(written));
  config = readGrid(join(folder, 'out'));
  data = await openLoopData(config);
  shown = await galleries(config, { count: 3 });
}, 240_000);

const runOf = (strategy: string, out = config.out) => join(out, strategy, 'seed-4');
const initialModel = () => join(config.out, 'initial', 'seed-4', 'model', 'model.onnx');
const roundModel = (strategy: string, round: number) =>
  join(runOf(strategy), 'rounds', `0${round}`, 'model', 'model.onnx');

const find = (strategy: string, round: number, among = shown): Gallery =>
  among.find((own) => own.strategy === strategy && own.round === round)!;

async function stored<T>(strategy: string, body: (store: RunStore) => Promise<T>, out?: string): Promise<T> {
  const store = await RunStore.open(runOf(strategy, out));
  try {
    return await body(store);
  } finally {
    store.close();
  }
}

/** What the engine says of a sample by a model, asked by itself. */
async function explained(sample: Sample, options: OpenModelOptions) {
  const model = await openModel({ ...options, workers: 1 });
  for await (const found of explainSamples(model, [sample])) {
    if (!('map' in found)) throw new Error('no map');
    return { heat: await encodeHeat(found.map, model.setup), row: found.row, labels: model.labels };
  }
  throw new Error('no sample');
}

/** A copy of the grid that a test may damage, with images of its own. */
async function copied(): Promise<RunConfig> {
  const folder = await temporaryFolder();
  await cp(dirname(config.data), join(folder, 'phantoms'), { recursive: true });
  await cp(config.out, join(folder, 'out'), { recursive: true });
  return { ...readGrid(join(folder, 'out')), data: join(folder, 'phantoms', 'manifest.csv') };
}

describe('galleries', () => {
  it('show the last and the first selection of each strategy, those without a model last', () => {
    expect(shown.map(({ strategy, round, labelled }) => [strategy, round, labelled])).toEqual([
      ...['core-set', 'deep-features', 'by-regions', 'random'].flatMap((name) => [
        [name, 2, 12],
        [name, 1, 8],
      ]),
    ]);
  });

  it('have the ends of the stored ranking, most informative first, with the stored reasons', async () => {
    for (const { strategy, round, of, most, least, random } of shown) {
      const { ranking, queries } = await stored(strategy, async (store) => ({
        ranking: await store.ranking(round),
        queries: await store.queries(round),
      }));
      expect(of).toBe(ranking.ids.length);
      expect(most.map(({ id }) => id)).toEqual(ranking.ids.slice(0, 3));
      expect(most.map(({ score }) => score)).toEqual([...ranking.scores.subarray(0, 3)]);
      expect(least.map(({ id }) => id)).toEqual(random ? [] : ranking.ids.slice(-3));
      expect(least.map(({ rank }) => rank)).toEqual(random ? [] : [of - 2, of - 1, of]);
      const asked = new Map(queries.map((query) => [query.id, query]));
      const told = most.filter(({ id }) => asked.has(id));
      expect(told.length).toBeGreaterThan(0);
      for (const { id, reason, predicted, label } of told) {
        const query = asked.get(id)!;
        expect(reason).toBe(query.reason);
        expect(predicted?.label ?? null).toBe(query.predicted);
        if (predicted) expect(predicted.confidence).toBeCloseTo(query.confidence, 12);
        expect(label).toBe(data.byId.get(id)!.label);
      }
      for (const { reason, rank } of least) expect(reason).toMatch(new RegExp(`^rank ${rank} of ${of} by .*taken for`));
    }
    const { most, least, explanation } = find('random', 2);
    expect([least.length, explanation, most.every(({ heat, criteria }) => heat === null && criteria === null)]).toEqual(
      [0, null, true],
    );
  });

  it('show the map of the model that made the choice, by the explanation of the strategy', async () => {
    const by = [
      ['by-regions', 2, roundModel('by-regions', 1), undefined],
      ['by-regions', 1, initialModel(), undefined],
      ['deep-features', 2, roundModel('deep-features', 1), 'gradient'],
    ] as const;
    for (const [strategy, round, model, explain] of by) {
      const { most, explanation } = find(strategy, round);
      expect(explanation).toContain(explain ?? 'grad-cam');
      const { label: _, ...sample } = data.byId.get(most[0].id)!;
      const { heat, row } = await explained(sample, { model, ...(explain && { explain }) });
      expect(most[0].heat).toBe(heat);
      expect(most[0].dice).toBe(row.criteria.dice);
      expect(most[0].criteria!.entropy).toBeCloseTo(row.criteria.entropy, 12);
    }
    const maps = shown.flatMap(({ most, least }) => [...most, ...least].map(({ heat }) => heat));
    expect(new Set(maps).size).toBeGreaterThan(8);
  });

  it('say the same from the stored pass, and from the model where the pass was deleted', async () => {
    const own = await copied();
    const only = { ...own, strategies: own.strategies.filter(({ name }) => name === 'by-regions') };
    await stored('by-regions', (store) => store.query('DELETE FROM queries'), own.out);
    const expected = [find('by-regions', 2), find('by-regions', 1)];
    expect(await galleries(only, { count: 3 })).toEqual(expected);
    for (const round of ['01', '02']) {
      await rm(join(runOf('by-regions', own.out), 'rounds', round, 'pool'), { recursive: true });
    }
    const words = ({ most, least }: Gallery) => [...most, ...least].map(({ reason }) => reason);
    expect((await galleries(only, { count: 3 })).map(words)).toEqual(expected.map(words));
  });

  it('go on without what is gone: an image, a model, spatial layers, a run that is still at work', async () => {
    const own = await copied();
    const { most } = find('by-regions', 2);
    await rm((await openLoopData(own)).byId.get(most[1].id)!.path);
    const rounds = join(runOf('by-regions', own.out), 'rounds');
    await cp(await spatiallessModel(await temporaryFolder()), join(rounds, '01', 'model', 'model.onnx'));
    await rm(join(runOf('deep-features', own.out), 'rounds', '01', 'model', 'model.onnx'));
    const status = join(runOf('core-set', own.out), 'status.json');
    await writeFile(status, (await readFile(status, 'utf8')).replace('finished', 'running'));

    const notices: string[] = [];
    const left = await galleries(own, { count: 3, onNotice: (text) => notices.push(text) });
    const seen = find('by-regions', 2, left);
    expect(seen.most.map(({ id }) => id)).toEqual([most[0].id, most[2].id]);
    expect(seen.most.map(({ reason }) => reason)).toEqual([most[0].reason, most[2].reason]);
    expect([seen.explanation, ...seen.most.map(({ heat }) => heat)]).toEqual([null, null, null]);
    expect(find('by-regions', 1, left)).toEqual(find('by-regions', 1));
    expect(find('deep-features', 2, left).most.map(({ heat }) => heat)).toEqual([null, null, null]);
    expect(left.some(({ strategy }) => strategy === 'core-set')).toBe(false);
    const about = (text: string) => notices.filter((notice) => notice.includes(text));
    expect(about('by-regions, round 2: 1 of 6 cases are left out')).toHaveLength(1);
    expect(about('Shown without saliency maps')).toHaveLength(2);
    expect(about('core-set: no cases are shown')).toHaveLength(1);

    await rm(own.data);
    expect(await galleries(own, { onNotice: (text) => notices.push(text) })).toEqual([]);
    expect(about('No cases are shown')).toHaveLength(1);
  });
});

describe('attention drift', () => {
  it('follows the same test samples through the models of both runs', async () => {
    const drifts = await attentionDrift(config);
    expect(drifts.map(({ strategy }) => strategy)).toEqual(['by-regions', 'random']);
    const [guided, random] = drifts;
    expect(guided.cases.map(({ id }) => id)).toEqual(random.cases.map(({ id }) => id));
    const [{ id, label }] = guided.cases;
    const sample = data.first.test.find((own) => own.id === id)!;
    expect(sample.label).toBe(label);
    expect(sample.mask ?? sample.boxes).toBeDefined();
    expect(random.cases[0].cells[0]).toEqual(guided.cases[0].cells[0]);
    for (const { strategy, cases } of drifts) {
      const models: Record<number, string> = { 0: initialModel(), 2: roundModel(strategy, 2) };
      const [{ cells }] = cases;
      expect(cells.map(({ round, labelled }) => [round, labelled])).toEqual([
        [0, 8],
        [1, 12],
        [2, 16],
      ]);
      // Round 0's is the same for both.
      for (const round of strategy === 'random' ? [2] : [0, 2]) {
        const model = models[round];
        const { heat, row, labels } = await explained(sample, { model, class: 'label' });
        const cell = cells[round];
        expect(cell.heat).toBe(heat);
        expect(cell.dice).toBe(row.criteria.dice);
        expect(cell.probability).toBeCloseTo(probabilities(row.logits, 'softmax')[labels.indexOf(label)], 12);
      }
    }
    const html = driftHtml(drifts);
    const cells = drifts.flatMap(({ cases }) => cases.flatMap((one) => one.cells));
    expect(html.match(/<svg class="case-view"[^>]* aria-label="[^"]{10,}"/g)).toHaveLength(cells.length);
    expect(html).not.toMatch(/NaN|undefined/);
  });

  it('takes rounds evenly, and cases of all classes with a region, whatever their order', () => {
    expect([0, 1, 5, 10, 23].map((last) => spread(last, 6))).toEqual([
      ...[[0], [0, 1], [0, 1, 2, 3, 4, 5], [0, 2, 4, 6, 8, 10], [0, 5, 9, 14, 18, 23]],
    ]);
    const sample = (i: number): Sample => ({
      ...{ index: i, id: `s${i}`, path: `${i}.png`, label: ['a', 'b', 'c'][i % 3] },
      ...(i >= 6 && { mask: `${i}.mask.png` }),
    });
    const test = Array.from({ length: 30 }, (_, i) => sample(i));
    const chosen = chooseCases(test, ['a', 'b', 'c'], 1);
    expect(chosen.map(({ label }) => label)).toEqual(['a', 'b', 'c', 'a']);
    expect(chosen.every(({ mask }) => mask)).toBe(true);
    expect(chooseCases(test.toReversed(), ['a', 'b', 'c'], 1)).toEqual(chosen);
    expect(chooseCases(test, ['a', 'b', 'c'], 2)).not.toEqual(chosen);
    expect(chooseCases(test.slice(0, 2), ['a', 'b', 'c'], 1)).toHaveLength(2);
  });
});

describe('the map of clusters', () => {
  it('has the clusters of the last learning round by rank, the same every time', async () => {
    const theme = await loadTheme('page');
    const map = (await clusterMap(config))!;
    const { clusters, queries } = await stored('deep-features', async (store) => ({
      clusters: await store.clusters(2),
      queries: await store.queries(2),
    }));
    expect([map.strategy, map.round, map.groupedBy]).toEqual(['deep-features', 2, 'clusters']);
    const group = ({ id, rank }: { id: string; rank: number }): [string, string] => [id, String(rank)];
    expect(new Map(map.points.map(({ id, group }) => [id, group]))).toEqual(new Map(clusters.map(group)));
    const ids = (points: readonly { id: string }[]) => points.map(({ id }) => id).sort();
    expect(ids(map.points.filter(({ selected }) => selected))).toEqual(ids(queries));
    const standing = queries.filter(({ reason }) => reason.startsWith('stands for'));
    expect(ids(map.points.filter(({ representative }) => representative))).toEqual(ids(standing));
    expect(new Set(map.points.map(({ x, y }) => `${x} ${y}`)).size).toBe(map.points.length);
    const again = (await clusterMap(config))!;
    const plain = ({ draw, ...rest }: ClusterMap) => ({ ...rest, drawing: draw(theme) });
    expect(plain(again)).toEqual(plain(map));
    expect(plain(map).drawing).not.toMatch(/NaN|undefined/);

    const drawn = (await clusterMap(config, { most: 10 }))!;
    expect(drawn.points).toHaveLength(10);
    expect(ids(drawn.points)).toEqual(expect.arrayContaining(ids(queries)));
    expect(drawn.caption).toContain(`10 drawn from ${map.points.length}`);
  });

  it('falls back on embeddings by class, and on nothing', async () => {
    const among = (...names: string[]) => ({
      ...config,
      strategies: config.strategies.filter(({ name }) => names.includes(name)),
    });
    const map = (await clusterMap(among('random', 'core-set')))!;
    expect([map.strategy, map.groupedBy, map.points.filter(({ selected }) => selected).length]).toEqual([
      ...['core-set', 'classes', 4],
    ]);
    for (const { id, group } of map.points) expect(group).toBe(data.byId.get(id)!.label);
    expect(await clusterMap(among('random', 'by-regions'))).toBeNull();
  });
});

describe('the page', () => {
  it('names every picture for those who do not see it, and is the same every time', async () => {
    const html = galleryHtml(shown);
    const cases = shown.flatMap(({ most, least }): Case[] => [...most, ...least]);
    expect(html.match(/<svg class="case-view"[^>]* role="img" aria-label="[^"]{10,}"/g)).toHaveLength(cases.length);
    expect(html.match(/class="case-heat"/g)).toHaveLength(cases.filter(({ heat }) => heat).length);
    expect(html.match(/class="case-line"/g)).toHaveLength(cases.filter(({ picture }) => picture.outline).length);
    expect(html).not.toMatch(/NaN|undefined|\bnull\b/);
    const one = { ...config, strategies: config.strategies.filter(({ name }) => name === 'by-regions') };
    const again = shown.filter(({ strategy }) => strategy === 'by-regions');
    expect(galleryHtml(await galleries(one, { count: 3 }))).toBe(galleryHtml(again));
    expect([galleryHtml([]), driftHtml([])]).toEqual(['', '']);
  });

  it('keeps what data sets call things from being markup', () => {
    const [own] = shown;
    const hostile = '<img src=x onerror="alert(1)">';
    const most = own.most.map((one) => ({ ...one, id: hostile, label: hostile, reason: hostile }));
    const html = galleryHtml([{ ...own, strategy: hostile, most }]);
    expect(html).not.toContain('<img');
    expect(html).toContain('&lt;img src=x onerror=&quot;alert(1)&quot;&gt;');
  });
});
