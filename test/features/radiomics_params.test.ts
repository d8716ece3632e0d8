import { describe, expect, it } from 'vitest';
import {
  defaultFeatures,
  featureNames,
  findFeature,
  fullName,
  radiomicsClasses,
  selectFeatures,
} from '../../src/features/radiomics/features.js';
import { parseParams } from '../../src/features/radiomics/params_file.js';
import { completeSettings } from '../../src/features/radiomics/settings.js';

describe('feature names', () => {
  it.each(['original_glcm_Idn', 'saliency_glcm_Idn', 'glcm_Idn', 'glcm:Idn', 'GLCM_idn'])('%s', (name) => {
    expect(findFeature(name)).toMatchObject({ class: 'glcm', feature: 'Idn' });
  });

  it('keeps a prefix of its own, and takes one where it has none', () => {
    expect(findFeature('Original_GLCM_idn').prefix).toBe('original');
    expect(fullName('Original_GLCM_idn', 'saliency')).toBe('original_glcm_Idn');
    expect(fullName('glcm:idn', 'saliency')).toBe('saliency_glcm_Idn');
    expect(fullName('shape2d_elongation')).toBe('shape2D_Elongation');
  });

  it.each([
    ['glcm_Idx', /no feature "glcm_Idx".*Did you mean .*glcm_Id/],
    ['Idn', /no feature "Idn"/],
    ['a_b_glcm_Idn', /no feature/],
    ['glcm_Dissimilarity', /withdrew.*glcm_DifferenceAverage is the same number/],
  ])('%s is refused with what was meant', (name, message) => {
    expect(() => findFeature(name)).toThrow(message);
  });

  it('every feature is found by its own name', () => {
    for (const [name, features] of Object.entries(radiomicsClasses))
      for (const feature of features) expect(findFeature(`${name}_${feature}`)).toMatchObject({ class: name, feature });
  });

  it('duplicates are computed only when named, as in pyradiomics', () => {
    expect(defaultFeatures('firstorder')).toHaveLength(18);
    expect(defaultFeatures('firstorder')).not.toContain('StandardDeviation');
    expect(defaultFeatures('glcm')).toHaveLength(24);
    expect(defaultFeatures('shape2D')).toHaveLength(9);
    expect(selectFeatures({ features: ['firstorder_StandardDeviation'] }).get('firstorder')).toEqual([
      'StandardDeviation',
    ]);
  });

  it('a class is narrowed by names of its features, the others stay whole', () => {
    const selection = selectFeatures({ classes: ['shape2d', 'GLCM'], features: ['glcm_MCC', 'glcm_Idn'] });
    expect([...selection.keys()]).toEqual(['shape2D', 'glcm']);
    expect(featureNames(selection, 'saliency').slice(8)).toEqual([
      'saliency_shape2D_Sphericity',
      'saliency_glcm_Idn',
      'saliency_glcm_MCC',
    ]);
    expect([...selectFeatures({}).keys()]).toEqual(['firstorder', 'glcm']);
  });

  it('classes that are not computed are refused', () => {
    expect(() => selectFeatures({ classes: ['glrlm'] })).toThrow(/"glrlm" is not computed.*firstorder, glcm, shape2D/);
  });
});

describe('settings', () => {
  it("are pyradiomics' defaults", () => {
    expect(completeSettings()).toMatchObject({
      binWidth: 25,
      binCount: null,
      distances: [1],
      symmetricalGLCM: true,
      weightingNorm: null,
      force2D: false,
      minimumROIDimensions: 2,
      normalize: false,
    });
  });

  it('every one that does not fit is named', () => {
    expect(() => completeSettings({ binWidth: 0, distances: [1.5], label: 0 })).toThrow(
      /binWidth: .*; distances\.0: .*; label: /,
    );
  });
});

describe('parameter files', () => {
  it('take settings, feature lists and what the image type carries', () => {
    const text = `
imageType:
  Original: {binWidth: 10}
featureClass:
  firstorder: [Mean, StandardDeviation]
  shape2D:
setting:
  binWidth: 5
  label: 2
  weightingNorm: null
  distances: [1, 2]
  resampledPixelSpacing: null
  correctMask: false
`;
    const { settings, selection, notices } = parseParams(text, 'p.yaml');
    expect(settings).toEqual({ binWidth: 10, label: 2, distances: [1, 2] });
    expect([...selection!]).toEqual([
      ['firstorder', ['Mean', 'StandardDeviation']],
      ['shape2D', defaultFeatures('shape2D')],
    ]);
    expect(notices).toEqual([]);
  });

  it('are JSON as well, and may be empty', () => {
    expect(parseParams('{"setting": {"binCount": 32}}', 'p.json').settings).toEqual({ binCount: 32 });
    const empty = parseParams('', 'p.yaml');
    expect(empty.selection).toBeUndefined();
    expect(empty.notices.join()).toMatch(/no feature classes: firstorder and glcm/);
  });

  it.each([
    ['setting: {binwidth: 5}', /setting\.binwidth: unknown setting; did you mean binWidth\?/],
    ['setting: {binWidth: wide}', /setting\.binWidth: .*number/],
    ['setting: {distances: [1, -2]}', /setting\.distances\.1: /],
    ['setting: {minimumROIDimensions: 4}', /setting\.minimumROIDimensions: /],
    ['setting: {weightingNorm: chebyshev}', /setting\.weightingNorm: /],
    [
      'setting: {resampledPixelSpacing: [1, 1, 1]}',
      /setting\.resampledPixelSpacing: images are not resampled.*beforehand/,
    ],
    ['setting: {correctMask: true}', /setting\.correctMask: masks are not resampled/],
    ['imageType: {Wavelet: {}}', /imageType\.Wavelet: filtered images are not made here; drop the line/],
    ['imageType: {Orginal: {}}', /imageType\.Orginal: unknown; did you mean Original\?/],
    ['imageType: {Original: {binWidth: 0}}', /imageType\.Original\.binWidth: /],
    ['featureClass: {glrlm: }', /featureClass\.glrlm: this class is not computed here; drop the line/],
    ['featureClass: {glmc: }', /featureClass\.glmc: unknown feature class; did you mean glcm\?/],
    ['featureClass: {glcm: [Idn, Idx]}', /featureClass\.glcm\.1: there is no feature "glcm_Idx"; Did you mean/],
    ['featureClass: {glcm: Idn}', /featureClass\.glcm: expected a list/],
    ['settings: {}', /settings: unknown; a parameter file has setting, featureClass, imageType/],
    ['setting: [', /p\.yaml: 1 problem/],
    ['setting: {label: 1}\nsetting: {label: 2}', /unique/i],
  ])('%s is refused by its path', (text, message) => {
    expect(() => parseParams(text, 'p.yaml')).toThrow(message);
  });

  it('all problems are told at once', () => {
    expect(() => parseParams('{setting: {binWidth: -1, lable: 2}, featureClass: {ngtdm: }}', 'p.yaml')).toThrow(
      /3 problems:[^]*lable[^]*binWidth[^]*ngtdm/,
    );
  });

  it('feature classes are not judged when the caller names its own', () => {
    expect(parseParams('featureClass: {glrlm: }', 'p.yaml', { featureClasses: false }).selection).toBeUndefined();
  });

  it('what has no effect is told', () => {
    expect(parseParams('{setting: {gldm_a: 1, padDistance: 5}, voxelSetting: {kernelRadius: 2}}', 'p').notices).toEqual(
      [
        'voxelSetting is not used: features are of regions, not of voxels.',
        'Settings without effect here: gldm_a, padDistance.',
        'The parameter file names no feature classes: firstorder and glcm are computed.',
      ],
    );
  });
});
