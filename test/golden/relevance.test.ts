import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { compile } from '../../src/graph/compile.js';
import { relevance } from '../../src/graph/passes/relevance.js';
import { relevancePresets } from '../../src/graph/relevance/presets.js';
import { openSession } from '../../src/runtime/index.js';
import { agreement } from './agreement.js';
import { readGolden, type GradCamGolden } from './read_golden.js';

interface RelevanceGolden extends GradCamGolden {
  class: number;
  low: number;
  high: number;
  /** How far float32 rounding alone can take zennit from its float64 map (relative L2), per preset. */
  float32: Record<string, number>;
}

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const goldens = readdirSync(here('relevance/'))
  .filter((name) => name.endsWith('.bin'))
  .map((name) => readGolden(here(`relevance/${name}`)) as RelevanceGolden);

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

describe('relevance against zennit', () => {
  const cases = goldens.flatMap((golden) =>
    Object.keys(golden.onnx).flatMap((file) =>
      [...golden.arrays.keys()].flatMap((name) => (name.startsWith('relevance:') ? [[file, name.slice(10), golden] as const] : [])),
    ),
  );

  it('has goldens for the three networks of the papers', () => {
    expect(goldens.map(({ model }) => model).sort()).toEqual(['densenet', 'resnet', 'vgg']);
  });

  it.each(cases)('%s: %s', async (file, preset, golden) => {
    const ours = await relevanceOf(golden, here(`gradcam/${file}`), preset);
    const theirs = golden.arrays.get(`relevance:${preset}`) as Tensor<'f32'>;
    expect(ours.dims).toEqual(theirs.dims);
    const { correlation, relativeL2 } = agreement(ours.data, theirs.data);
    // Where cancelling denominators (LRP-ε) take zennit itself further from its float64 values, no further than it.
    expect(relativeL2).toBeLessThan(Math.max(1e-3, 2 * golden.float32[preset]));
    expect(correlation).toBeGreaterThan(Math.min(0.9999, 1 - golden.float32[preset] ** 2));
  });
});
