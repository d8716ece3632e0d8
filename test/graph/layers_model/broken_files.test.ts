import { copyFile, mkdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { SightlineError } from '../../../src/core/errors.js';
import { readClassifier } from '../../../src/graph/classifier.js';
import { sharedFolder, temporaryFolder } from '../../support/files.js';
import { greyClassifier, nestedDenseNet } from './classifiers.js';
import { saveModel } from './tfjs_models.js';

let whole: string;
beforeAll(async () => {
  whole = await sharedFolder();
  await saveModel(greyClassifier(), whole, { shardBytes: 4096 });
});

interface LayerJson {
  class_name: string;
  config: Record<string, unknown>;
}
interface ModelJson {
  format?: unknown;
  modelTopology: { class_name?: unknown; config?: { layers: LayerJson[] }; node?: unknown };
  weightsManifest: { paths: string[]; weights: { name: string; shape: number[]; quantization?: unknown }[] }[];
}

/** A copy of the small model to break. */
async function copy(): Promise<{
  folder: string;
  path: string;
  edit: (change: (json: ModelJson) => void) => Promise<void>;
}> {
  const folder = await temporaryFolder();
  const path = join(folder, 'model.json');
  const json = JSON.parse(await readFile(join(whole, 'model.json'), 'utf8')) as ModelJson;
  for (const name of json.weightsManifest[0].paths) await copyFile(join(whole, name), join(folder, name));
  const edit = async (change: (json: ModelJson) => void) => {
    change(json);
    await writeFile(path, JSON.stringify(json));
  };
  await edit(() => {});
  return { folder, path, edit };
}

function errorOf(path: string): SightlineError {
  try {
    readClassifier(path);
  } catch (error) {
    if (error instanceof SightlineError) return error;
    throw error;
  }
  throw new Error('no error');
}

const layer = (json: ModelJson, name: string) =>
  (json.modelTopology.config?.layers ?? []).find(({ config }) => config.name === name) as LayerJson;
const weight = (json: ModelJson, name: string) =>
  json.weightsManifest[0].weights.find((w) => w.name === name) as ModelJson['weightsManifest'][0]['weights'][0];

describe('broken and foreign models say what is wrong', () => {
  it('the copy itself is read', async () => {
    const { path } = await copy();
    expect(readClassifier(path)).toMatchObject({ classes: 1, channels: 1 });
  });

  it.each<[string, (json: ModelJson) => void, string, RegExp]>([
    [
      'a layer class that nobody knows',
      (json) => (layer(json, 'conv_b').class_name = 'MyConv'),
      'E_MODEL_UNSUPPORTED',
      /layer 'conv_b' \(MyConv\).*'MyConv' cannot be read.*tf2onnx.*Conv2D/s,
    ],
    [
      'an activation that nobody knows',
      (json) => (layer(json, 'conv_b').config.activation = 'snake'),
      'E_MODEL_UNSUPPORTED',
      /layer 'conv_b' \(Conv2D\).*'snake'/s,
    ],
    [
      'a config field of another kind',
      (json) => (layer(json, 'pool_a').config.pool_size = 'two'),
      'E_MODEL_FORMAT',
      /layer 'pool_a' \(MaxPooling2D\).*'pool_size'.*"two"/s,
    ],
    [
      'a weight that the file lacks',
      (json) => (weight(json, 'hidden/bias').name = 'other/bias'),
      'E_MODEL_FORMAT',
      /layer 'hidden' \(Dense\).*no 'bias'/s,
    ],
    [
      'a weight of other dims',
      (json) => (weight(json, 'conv_a/kernel').shape = [3, 3, 6, 1]),
      'E_MODEL_FORMAT',
      /layer 'conv_a' \(Conv2D\).*\[3, 3, 6, 1\], expected \[3, 3, 1, \?\]/s,
    ],
    [
      'a quantised weight without its scale',
      (json) => {
        weight(json, 'conv_a/kernel').shape = [3, 3, 1, 24];
        weight(json, 'conv_a/kernel').quantization = { dtype: 'uint8' };
      },
      'E_MODEL_FORMAT',
      /conv_a\/kernel.*scale or min is missing/s,
    ],
    [
      'weights files outside the folder',
      (json) => (json.weightsManifest[0].paths[0] = '../weights.bin'),
      'E_MODEL_FORMAT',
      /'\.\.\/weights\.bin'.*refused/s,
    ],
    [
      'a model without the size of its input',
      (json) => delete layer(json, 'conv_a').config.batch_input_shape,
      'E_MODEL_FORMAT',
      /input 'conv_a_input'.*shape of the images/s,
    ],
    ['no topology', (json) => delete (json as Partial<ModelJson>).modelTopology, 'E_MODEL_FORMAT', /modelTopology/],
    [
      'a subclassed model',
      (json) => (json.modelTopology.class_name = 'MyModel'),
      'E_MODEL_UNSUPPORTED',
      /'MyModel'.*Sequential or Functional/s,
    ],
    ['a graph model', (json) => (json.format = 'graph-model'), 'E_MODEL_UNSUPPORTED', /graph model.*tf2onnx/s],
  ])('%s', async (_, change, code, message) => {
    const { path, edit } = await copy();
    await edit(change);
    const error = errorOf(path);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it('a shard that is missing, one that is short, one that is long', async () => {
    const { folder, path } = await copy();
    const shard = join(folder, 'group1-shard2.bin');
    await truncate(shard, 4095);
    expect(errorOf(path).message).toMatch(/need \d+ bytes but .*group1-shard2\.bin.* hold \d+.*copy the whole folder/s);
    await writeFile(shard, new Uint8Array(5000));
    expect(errorOf(path).message).toMatch(/need \d+ bytes but/);
    await rm(shard);
    expect(errorOf(path)).toMatchObject({ code: 'E_MODEL_FORMAT' });
    expect(errorOf(path).message).toMatch(/'group1-shard2\.bin' is missing.*together/s);
  });

  it('no file, a folder, a truncated file, other JSON', async () => {
    const { folder, path } = await copy();
    expect(errorOf(join(folder, 'no.json'))).toMatchObject({ code: 'E_NOT_FOUND' });
    await mkdir(join(folder, 'folder.json'));
    expect(errorOf(join(folder, 'folder.json')).message).toMatch(/this is a folder.*model\.json inside/s);
    await truncate(path, 300);
    expect(errorOf(path).message).toMatch(/not JSON.*truncated/s);
    await writeFile(path, '{"labels": ["a"]}');
    expect(errorOf(path).message).toMatch(/not a TensorFlow\.js layers model.*modelTopology.*weightsManifest/s);
    await rename(path, join(folder, 'model.onnx'));
    expect(errorOf(join(folder, 'model.onnx')).message).toMatch(/JSON file.*ends in \.json/s);
  });

  it('a nested model names its layers by their whole path', async () => {
    const folder = await temporaryFolder();
    const path = await saveModel(nestedDenseNet(), folder, {
      edit: (topology) => {
        const text = JSON.stringify(topology).replaceAll('"AveragePooling2D"', '"FractionalPooling2D"');
        Object.assign(topology, JSON.parse(text));
      },
    });
    expect(errorOf(path).message).toMatch(/layer 'densenet\/pool2_pool' \(FractionalPooling2D\)/);
  });
});
