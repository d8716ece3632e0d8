import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { trainingPreprocessing } from '../../src/engine/training_plan.js';
import { temporaryFolder } from '../support/files.js';

const exported = fileURLToPath(new URL('../golden/gradients/vgg_torchscript11.onnx', import.meta.url));

it('a model that is fine-tuned gets images as it was made to: by what is said beside its file, unless told otherwise', async () => {
  const model = join(await temporaryFolder(), 'classifier.onnx');
  await copyFile(exported, model);
  const plain = trainingPreprocessing({ model });
  expect([plain.mean[0], plain.std[0], plain.resize]).toEqual([0, 1, 'stretch']);

  await writeFile(model.replace('.onnx', '.json'), JSON.stringify({ mean: [0.5], std: [0.25], resize: 'crop' }));
  const beside = trainingPreprocessing({ model });
  expect(beside.mean).toEqual(new Array(beside.channels).fill(0.5));
  expect(beside.std).toEqual(new Array(beside.channels).fill(0.25));
  expect(beside.resize).toBe('crop');

  const told = trainingPreprocessing({ model, mean: [0.1], resize: 'pad' });
  expect([told.mean[0], told.std[0], told.resize]).toEqual([0.1, 0.25, 'pad']);
});
