import * as tfl from '@tensorflow/tfjs-layers';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sharedFolder } from '../../support/files.js';
import { difference, predicted, seedWeights } from './tfjs_models.js';
import { layerCases } from './layer_cases.js';

let folder: string;
beforeAll(async () => {
  folder = await sharedFolder();
});

describe('each layer computes what TensorFlow.js computes', () => {
  it.each(layerCases.map((layerCase) => [layerCase.name, layerCase] as const))('%s', async (name, layerCase) => {
    const input = tfl.input({ shape: layerCase.input ?? [9, 8, 3] });
    const made = layerCase.build(input);
    // Flattened, so that values come in Keras's order whatever the layout inside.
    const output = made.shape.length > 2 ? (tfl.layers.flatten().apply(made) as tfl.SymbolicTensor) : made;
    const model = tfl.model({ inputs: input, outputs: output });
    seedWeights(model);
    const values = predicted(model, 2)[0];
    // A case whose output is all alike would prove nothing.
    expect(new Set(values).size).toBeGreaterThan(1);
    expect(await difference(model, join(folder, name.replaceAll(/\W/g, '_')))).toBeLessThan(1e-5);
  });
});
