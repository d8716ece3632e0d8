import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cellsOf, readRunConfig, SightlineError } from 'sightline';

const folder = mkdtempSync(join(tmpdir(), 'sightline-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function read(text: string, name = 'trial.yaml') {
  const path = join(folder, name);
  writeFileSync(path, text);
  return readRunConfig(path);
}

/** The message of the error that the text gives, without the file's path. */
function refusal(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (!(error instanceof SightlineError)) throw error;
    expect(error.code).toBe('E_CONFIG');
    expect(error.where).toBe(join(folder, 'trial.yaml'));
    return error.what;
  }
  throw new Error('accepted');
}

const smallest = 'data: pool.csv\nmodel: { arch: small-cnn }\nstrategies: [random]\n';

describe('the configuration of a run', () => {
  it('is documented by an example that it reads, key by key', () => {
    const docs = readFileSync(new URL('../../docs/run_configuration.md', import.meta.url), 'utf8');
    const example = /```yaml\n(.*?)```/s.exec(docs)![1];
    expect(cellsOf(read(example))).toHaveLength(18);
    // What a slip is told to be one of, is all that there is.
    const known = (text: string) => /known are ([\w, ]+) \(line/.exec(refusal(`${smallest}${text}`))![1].split(', ');
    const sections = ['training', 'segmentation', 'scoring', 'initial', 'stop', 'oracle', 'noise', 'compute', 'split'];
    const keys = [known('"0": 1'), ...sections.map((name) => known(`${name}: { "0": 1 }`))].flat();
    keys.push(...known('switch: { "0": 1 }'));
    expect(keys.length).toBeGreaterThan(80);
    expect(keys.filter((key) => !new RegExp(`[\`.]${key}[\`.]`).test(docs))).toEqual([]);
  });

  it('fills in defaults and resolves paths against its folder', () => {
    expect(read(smallest)).toEqual({
      file: join(folder, 'trial.yaml'),
      name: 'trial',
      out: join(folder, 'runs', 'trial'),
      data: join(folder, 'pool.csv'),
      split: {},
      allowSharedPatients: false,
      task: 'classification',
      model: { arch: 'small-cnn' },
      training: { start: 'scratch' },
      segmentation: { arch: 'unet' },
      scoring: {},
      strategies: [{ strategy: 'random', name: 'random', reverse: false, roi: 'manifest' }],
      seeds: [0],
      initial: { fraction: 0.1, stratified: true, by: 'sample' },
      batch: 16,
      stop: { part: 'validation' },
      oracle: { kind: 'simulated', cost: 1, seed: 0 },
      compute: {},
    });
  });

  it('reads every section', () => {
    const run = read(`
name: chest
out: ../elsewhere
data: images/**/*.png
split: { by: fold, train: [1, 2, 3], validation: [4], test: 5 }
allow_shared_patients: true
task: segmentation
finding: Effusion
model: { file: nets/chest.onnx, size: 64, mean: 0.5, std: [0.25], resize: pad, window: [40, 400], axis: 1 }
training: { epochs: 3, learning_rate: 0.01, beta1: 0.93, augmentation: { preset: none, flip_horizontal: 0.5 },
  class_weights: [1, 3], start: warm, cache_mb: null }
segmentation: { width: 0.25, loss: dice-ce }
scoring: { explain: deep-taylor, binarise: "max:0.15", bin_width: 10, dropout_passes: 5 }
strategies:
  - random
  - { strategy: xal, name: xal-0.3, alpha: 0.3, roi: predicted }
  - { strategy: borda, borda: "firstorder_Kurtosis+, glcm_SumEntropy-", of: image, reverse: true }
  - { strategy: entropy, diversity: { factor: 4 } }
  - fully-supervised
seeds: 2
initial: { count: 30, by: patient }
batch: { first: 8, factor: 2, every: 3, most: 64 }
stop: { labels: 570, auc: 0.95, part: test }
oracle: { noise: { confusion: [[0.9, 0.1], [0, 1]] }, cost: { Effusion: 2.5 } }
noise: { sigma: 0.05 }
compute: { workers: 2, limit_memory: 2048 }
`);
    expect(run).toMatchObject({
      name: 'chest',
      out: join(folder, '..', 'elsewhere'),
      data: join(folder, 'images/**/*.png'),
      split: { split: 'fold', train: ['1', '2', '3'], validation: ['4'], test: ['5'] },
      labels: ['no Effusion', 'Effusion'],
      model: { file: join(folder, 'nets/chest.onnx'), mean: [0.5], window: { center: 40, width: 400 } },
      training: { learningRate: 0.01, augmentation: { rotation: 0, flipHorizontal: 0.5 }, classWeights: [1, 3] },
      scoring: { explain: 'deep-taylor', binarise: 'max:0.15', binWidth: 10, dropoutPasses: 5 },
      seeds: [0, 1],
      initial: { count: 30, stratified: true, by: 'patient' },
      batch: { first: 8, factor: 2, every: 3, most: 64 },
      oracle: { kind: 'simulated', cost: { Effusion: 2.5 }, seed: 0 },
      noise: { sigma: 0.05, on: ['pool', 'training', 'test'] },
      compute: { workers: 2, limitMemory: 2048 },
    });
    expect(run.initial.fraction).toBeUndefined();
    expect(run.strategies[1]).toMatchObject({ name: 'xal-0.3', alpha: 0.3, roi: 'predicted' });
    expect(run.strategies[2]).toMatchObject({
      radiomicsOf: 'image',
      borda: [
        { feature: 'firstorder_Kurtosis', first: 'high' },
        { feature: 'glcm_SumEntropy', first: 'low' },
      ],
    });
    expect(run.strategies[3].diversity).toEqual({ method: 'k-center', factor: 4 });
    expect(
      cellsOf(run)
        .map(({ entry, seed, folder: at }) => [entry.name, seed, at])
        .slice(0, 3),
    ).toEqual([
      ['random', 0, join(run.out, 'random', 'seed-0')],
      ['random', 1, join(run.out, 'random', 'seed-1')],
      ['xal-0.3', 0, join(run.out, 'xal-0.3', 'seed-0')],
    ]);
  });

  it('takes sections without a value as absent, and YAML anchors', () => {
    const run = read(
      `${smallest.replace('[random]', '[entropy]')}training:\n  # epochs: 3\nsegmentation: &a { epochs: 2 }\n`,
    );
    expect(run.training).toEqual({ start: 'scratch' });
    expect(read(`${smallest}training: &a { epochs: 2 }\nsegmentation: { <<: *a, width: 0.5 }`).segmentation).toEqual({
      arch: 'unet',
      epochs: 2,
      width: 0.5,
    });
  });

  it('lists all problems at once, each with its path and line', () => {
    const what = refusal(`data: 7 # a name, after all
modle: { arch: small-cnn }
model: { arch: densnet121, size: 64 }
training:
  learning_rate: fast
  learnig_rate: 0.1
  epochs: 0
strategies: [random, entropie, { strategy: entropy, alpha: 0.5 }]
seeds: [0, 0]
batch: 1.5
oracle: { kind: terminl }
`);
    expect(what.split('\n').map((line) => line.trim())).toEqual([
      '10 problems:',
      'modle: unknown key; did you mean model? (line 2)',
      expect.stringMatching(
        /^model\.arch: expected one of densenet121, .*, received "densnet121"; did you mean densenet121\? \(line 3\)$/,
      ),
      'training.learning_rate: expected a number above 0, received "fast" (line 5)',
      'training.learnig_rate: unknown key; did you mean learning_rate? (line 6)',
      'training.epochs: expected a whole number from 1, received 0 (line 7)',
      'strategies[1]: expected a known name, received "entropie"; did you mean entropy? (line 8)',
      'strategies[2].alpha: has no effect on entropy: it is a setting of xal (line 8)',
      'seeds: 0 is listed twice (line 9)',
      'batch: expected a whole number from 1, received 1.5 (line 10)',
      'oracle.kind: expected one of simulated, terminal, files, received "terminl"; did you mean terminal? (line 11)',
    ]);
  });

  it('says what is missing, and what is no YAML', () => {
    expect(refusal('name: a\n')).toMatch(
      /data: expected text, but it is missing\n.*model: .*\n.*strategies: expected a list/s,
    );
    expect(refusal('- a\n- b')).toBe('expected keys with values, as in "data: manifest.csv"');
    expect(refusal('')).toMatch(/expected keys with values/);
    expect(refusal('data: "pool')).toMatch(/not readable as YAML.*\(line 1\)/);
    expect(refusal('data: a\ndata: b')).toMatch(/unique.*\(line 2\)/);
  });

  it.each([
    ['labels: [a, b]\nfinding: c', /finding: give either labels or a finding/],
    ['labels: [a]', /labels: expected two classes/],
    ['initial: { count: 50 }\nstop: { labels: 40 }', /initial\.count: expected below stop\.labels \(40\), received 50/],
    ['initial: { count: 30 }\nstop: { labels: 40 }', /batch: a first batch of 16 is more than the 10 labels/],
    ['initial: { count: 30, fraction: 0.1 }', /initial: give either count or fraction/],
    ['split: { by: patient, shares: [0.5, 0.1, 0.1] }', /split\.shares: expected shares that add up to 1/],
    ['split: { by: patient, train: [a] }', /split\.train: has no meaning/],
    ['split: { by: fold }', /split: a split by fold needs its folds/],
    ['split: { by: split, train: [a], test: [a] }', /split: "a" is in two parts/],
    ['oracle: terminal', /labels: the oracle terminal needs to know the classes/],
    ['oracle: { kind: files }\nlabels: [a, b]\nseeds: 2', /oracle: files asks a person.*received 2 runs/],
    ['oracle: terminal\nlabels: [a, b]\ntask: segmentation', /oracle: the terminal asks for classes only/],
    ['oracle: { noise: 2 }', /oracle\.noise: expected a number from 0 to 1, received 2/],
    ['oracle: { noise: { confusion: [[1, 0], [0.5, 0.4]] } }', /oracle\.noise\.confusion\[1\]: .*add up to 1/],
    ['labels: [a, b]\noracle: { cost: { c: 2 } }', /oracle\.cost\.c: is not among the classes/],
    ['switch: { round: 5, data: b.csv }\nstop: { rounds: 4 }', /switch\.round: round 5 never comes/],
    ['switch: { round: 5, data: b.csv, finding: x }', /switch\.finding: names the finding/],
    ['stop: { dice: 0.9 }', /stop\.dice: has a meaning/],
    ['scoring: { binarise: otso }', /scoring\.binarise: "otso" is none/],
    [
      'training: { augmentation: { rotatoin: 3 } }',
      /training\.augmentation\.rotatoin: unknown key; did you mean rotation/,
    ],
    ['training: { augmentation: { rotation: 300 } }', /training\.augmentation: rotation: /],
  ])('refuses %s', (text, message) => {
    expect(refusal(smallest + text)).toMatch(message);
  });

  it.each([
    ['{ arch: small-cnn, size: 40 }', '[{ strategy: xal, roi: predicted }]', /model\.size: expected a multiple of 16/],
    ['{ arch: small-cnn, file: a.onnx }', '[random]', /model: expected an architecture .* received both/],
    ['{ size: 32 }', '[random]', /model: .* received neither/],
    ['{ file: a.onnx, width: 2 }', '[random]', /model\.width: comes with the file/],
    ['{ arch: small-cnn, channels: 1, mean: [0, 0, 0] }', '[random]', /model\.mean: expected 1 or 1 numbers/],
    [
      '{ arch: small-cnn }',
      '[random, { strategy: entropy, name: Random }]',
      /strategies\[1\]: "Random" is the name of/,
    ],
    ['{ arch: small-cnn }', '[{ strategy: entropy, name: a/b }]', /strategies\[0\]\.name: expected a name of letters/],
    [
      '{ arch: small-cnn }',
      '[{ strategy: fully-supervised, alpha: 1 }]',
      /\[0\]\.alpha: fully-supervised selects nothing/,
    ],
    [
      '{ arch: small-cnn }',
      '[{ strategy: borda, borda: glcm_Idq }]',
      /strategies\[0\]\.borda: there is no feature "glcm_Idq"/,
    ],
    [
      '{ arch: small-cnn }',
      '[{ strategy: entropy, reverse: true, diversity: {} }]',
      /strategies\[0\]\.reverse: a diverse batch has no other way round/,
    ],
    ['{ arch: small-cnn }', '[]', /strategies: expected a list of strategies/],
  ])('refuses model %s with %s', (model, list, message) => {
    expect(refusal(`data: pool.csv\nmodel: ${model}\nstrategies: ${list}\n`)).toMatch(message);
  });
});
