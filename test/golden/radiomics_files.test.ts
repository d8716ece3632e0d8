import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { radiomics } from '../../src/index.js';

/** What radiomics_files.py writes: pyradiomics' own extractor on the files beside it. */
interface Golden {
  pyradiomics: string;
  cases: {
    image: string;
    mask: string;
    label: number;
    params: string;
    features: Record<string, number | null>;
  }[];
}

const folder = fileURLToPath(new URL('radiomics_files/', import.meta.url));
const golden = JSON.parse(readFileSync(`${folder}expected.json`, 'utf8')) as Golden;

/** Kernels give float32. The third-order ones cancel: what counts is their distance on the scale of the cube. */
const scaleOf = (name: string, features: Golden['cases'][number]['features']) => {
  const spread = features.original_glcm_ClusterTendency ?? 0;
  if (name.endsWith('ClusterShade')) return spread ** 1.5;
  return Math.abs(features[name] ?? 0);
};

describe(`files and parameter files, against pyradiomics ${golden.pyradiomics}`, () => {
  it.each(golden.cases)('$image, label $label, $params', async ({ image, mask, label, params, features }) => {
    const { table, names, quarantined } = await radiomics({
      images: folder + image,
      mask: folder + mask,
      params: folder + params,
      settings: { label },
      workers: 1,
    });
    expect(quarantined).toEqual([]);
    expect(table.rows).toBe(1);
    for (const [name, want] of Object.entries(features)) {
      const got = (table.columns.get(name) as Float64Array)[0];
      if (want === null) expect(got, name).toBeNaN();
      else expect(Math.abs(got - want), `${name}: ${got}, expected ${want}`).toBeLessThan(
        1e-6 * scaleOf(name, features) + 1e-6,
      );
    }
    // Beyond these there is shape2D alone, which pyradiomics leaves out where force2D is off.
    const more = names.filter((name) => !(name in features));
    expect(more.filter((name) => !name.includes('_shape2D_'))).toEqual([]);
  });
});
