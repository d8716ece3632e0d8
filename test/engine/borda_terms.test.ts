import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readBorda } from '../../src/engine/borda_terms.js';
import { temporaryFolder } from '../support/files.js';

it('reads a list: names as pyradiomics writes them, + or - behind', () => {
  expect(readBorda('original_glcm_Idn-, firstorder:kurtosis+ shape2D_Elongation')).toEqual([
    { feature: 'original_glcm_Idn', first: 'low' },
    { feature: 'firstorder_Kurtosis', first: 'high' },
    { feature: 'shape2D_Elongation', first: 'high' },
  ]);
  expect(() => readBorda('firstorder_Kurtose+')).toThrow('firstorder_Kurtosis');
});

it('reads what select-features wrote', async () => {
  const file = join(await temporaryFolder(), 'chosen.json');
  const features = [
    { feature: 'saliency_glcm_MCC', direction: '-' },
    { feature: 'saliency_firstorder_Mean', direction: null },
    { feature: 'saliency_firstorder_Range', direction: '+' },
  ];
  await writeFile(file, JSON.stringify({ best: { accuracy: 0.9, features }, other: 1 }));
  expect(readBorda(file)).toEqual([
    { feature: 'saliency_glcm_MCC', first: 'low' },
    { feature: 'saliency_firstorder_Range', first: 'high' },
  ]);
  await writeFile(file, JSON.stringify({ best: { features: [features[1]] } }));
  expect(() => readBorda(file)).toThrow('in one direction');
  await writeFile(file, '{"best": 3}');
  expect(() => readBorda(file)).toThrow('select-features');
  expect(() => readBorda(`${file}x.json`)).toThrow('Check the path');
});
