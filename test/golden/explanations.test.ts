import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../src/backend/index.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { explanations, findExplanation } from '../../src/explain/index.js';
import { relevanceExplanations } from '../../src/explain/relevance.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { compile } from '../../src/graph/compile.js';
import { openSession } from '../../src/runtime/index.js';
import { agreement, readExplanations, type ExplanationGolden } from './read_golden.js';

const folder = fileURLToPath(new URL('explanations/', import.meta.url));
const models = fileURLToPath(new URL('gradients/', import.meta.url));
const goldens = readdirSync(folder)
  .filter((name) => name.endsWith('.bin'))
  .map((name) => readExplanations(folder + name));
const backend = await openBackend({ prefer: 'reference' });
afterAll(() => backend.close());

/** Pixels after preprocessing; only relevance, which has goldens of its own, depends on it. */
const range = { low: [-5, -5, -5], high: [5, 5, 5] };

/** Maps by an explanation, through the interface that the engine uses. */
async function explain(golden: ExplanationGolden, file: string, method: string, classes: number[], layer?: string) {
  const images = golden.arrays.get('images') as Tensor<'f32'>;
  const [batch, , height, width] = images.dims;
  const explanation = findExplanation(method);
  const passes = explanation.passes({ ...range, layer });
  const compiled = compile(readClassifier(models + file), { batch, size: [height, width], passes });
  const session = await openSession(compiled.onnx);
  const class_index = tensor('i64', [batch], BigInt64Array.from(classes, BigInt));
  let runs = 0;
  const again = (image: Tensor<'f32'>) => {
    runs++;
    return session.run({ image, class_index });
  };
  const outputs = await session.run({ image: images, class_index });
  const { maps, flat } = await explanation.maps({ images, outputs, again }, backend, { height, width, keep: false });
  await session.close();
  // A method of one run explains the batch as it came.
  expect(runs).toBe(explanation.runs === 1 ? 0 : explanation.runs);
  return { maps: (maps as Tensor<'f32'>).data, flat: [...flat.data], compiled };
}

describe('explanations against pytorch-grad-cam and Captum, committed models', () => {
  it('has goldens for every explanation but relevance, on four CNNs and three transformers', () => {
    expect(goldens.map(({ model }) => model).sort()).toEqual(
      'densenet mobilenet resnet swin timm_vit vgg vit'.split(' '),
    );
    const methods = new Set(goldens.flatMap(({ maps }) => maps.map(({ method }) => method)));
    const relevance = relevanceExplanations.map(({ name }) => name);
    const expected = [...explanations.keys()].filter((name) => !relevance.includes(name));
    expect([...methods].sort()).toEqual(expected.sort());
  });

  const cases = goldens.flatMap((golden) =>
    Object.keys(golden.onnx).flatMap((file) => golden.maps.map((map) => ({ golden, file, map }))),
  );
  it.each(cases.map((test) => [`${test.map.method} ${test.map.layer ?? ''} of ${test.file}`, test] as const))(
    '%s',
    async (_name, { golden, file, map }) => {
      const layer = map.layer === null ? undefined : golden.onnx[file][map.layer];
      const { maps, flat } = await explain(golden, file, map.method, map.classes, layer);
      const { dims, data } = golden.arrays.get(map.array) as Tensor<'f32'>;
      expect(flat).toEqual(map.classes.map(() => 0));
      const plane = dims[1] * dims[2];
      for (let b = 0; b < dims[0]; b++) {
        const [ours, theirs] = [maps, data].map((values) => values.subarray(b * plane, (b + 1) * plane));
        const { correlation, relativeL2 } = agreement(ours, theirs);
        expect(correlation).toBeGreaterThan(0.9999);
        expect(relativeL2).toBeLessThan(1e-3);
      }
    },
  );

  it.each(['vit', 'timm_vit'])("%s: by itself Grad-CAM targets the last block's norm1", async (model) => {
    const golden = goldens.find((other) => other.model === model) as ExplanationGolden;
    const map = golden.maps.find(({ method }) => method === 'grad-cam') as ExplanationGolden['maps'][number];
    for (const file of Object.keys(golden.onnx)) {
      const { maps, compiled } = await explain(golden, file, 'grad-cam', map.classes);
      expect(compiled.targetLayer).toBe(golden.onnx[file][map.layer as string]);
      expect(agreement(maps, (golden.arrays.get(map.array) as Tensor<'f32'>).data).relativeL2).toBeLessThan(1e-3);
    }
  });

  it('explains the class that is asked for: another class gives another map', async () => {
    for (const golden of goldens) {
      const [file] = Object.keys(golden.onnx);
      const first = await explain(golden, file, 'gradient', [0, 0]);
      const other = await explain(golden, file, 'gradient', [1, 1]);
      expect(agreement(first.maps, other.maps).correlation).toBeLessThan(0.99);
    }
  });
});
