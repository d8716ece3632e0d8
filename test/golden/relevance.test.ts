import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { compile } from '../../src/graph/compile.js';
import { relevance } from '../../src/graph/passes/relevance.js';
import { relevancePresets } from '../../src/graph/relevance/presets.js';
import { openSession } from '../../src/runtime/index.js';
import { agreement, readGolden, type GradCamGolden } from './read_golden.js';

interface RelevanceGolden extends GradCamGolden {
  class: number;
  low: number;
  high: number;
  /** How far float32 rounding alone can take the package from its float64 map (relative L2), per preset. */
  float32: Partial<Record<string, number>>;
}

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
/** Every golden of a folder with the folder of its models. */
function goldensOf(folder: string, models: string): { golden: RelevanceGolden; models: string }[] {
  const files = readdirSync(here(folder)).filter((name) => name.endsWith('.bin'));
  return files.map((name) => ({ golden: readGolden(here(folder + name)) as RelevanceGolden, models: here(models) }));
}

const zennit = goldensOf('relevance/', 'gradcam/');
const innvestigate = goldensOf('innvestigate/', 'innvestigate/');

async function relevanceOf(golden: RelevanceGolden, file: string, presetName: string) {
  const preset = relevancePresets.find(({ name }) => name === presetName);
  if (!preset) throw new Error(`no preset '${presetName}'`);
  const images = golden.arrays.get('images') as Tensor<'f32'>;
  const [batch, channels] = images.dims;
  const range = { low: new Array<number>(channels).fill(golden.low), high: new Array<number>(channels).fill(golden.high) };
  const compiled = compile(readClassifier(file), { batch, passes: [relevance(preset, range)] });
  const session = await openSession(compiled.onnx);
  const outputs = await session.run({
    image: images,
    class_index: tensor('i64', [batch], new BigInt64Array(batch).fill(BigInt(golden.class))),
  });
  await session.close();
  return outputs.relevance as Tensor<'f32'>;
}

const cases = (goldens: typeof zennit) =>
  goldens.flatMap(({ golden, models }) => {
    const presets = [...golden.arrays.keys()].filter((name) => name.startsWith('relevance:'));
    return Object.keys(golden.onnx).flatMap((file) =>
      presets.map((name) => ({ file, preset: name.slice('relevance:'.length), golden, models })),
    );
  });

describe.each([
  ['zennit and Captum', zennit],
  ['iNNvestigate 1.x and 2.x', innvestigate],
])('relevance against %s', (_name, goldens) => {
  it('has goldens for the three networks of the papers', () => {
    expect(goldens.map(({ golden }) => golden.model).sort()).toEqual(['densenet', 'resnet', 'vgg']);
  });

  it.each(cases(goldens))('$file: $preset', async ({ file, preset, golden, models }) => {
    const ours = await relevanceOf(golden, models + file, preset);
    const theirs = golden.arrays.get(`relevance:${preset}`) as Tensor<'f32'>;
    expect(ours.dims).toEqual(theirs.dims);
    const { correlation, relativeL2 } = agreement(ours.data, theirs.data);
    // Where cancelling denominators (LRP-ε) take the package itself further from its float64 values, no further than it.
    const rounding = golden.float32[preset] ?? 0;
    expect(relativeL2).toBeLessThan(Math.max(1e-3, 2 * rounding));
    expect(correlation).toBeGreaterThan(Math.min(0.9999, 1 - rounding ** 2));
  });
});
