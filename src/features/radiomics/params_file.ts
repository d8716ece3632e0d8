import { parseDocument } from 'yaml';
import { SightlineError } from '../../core/errors.js';
import { readText } from '../../core/files.js';
import { findFeature, radiomicsClasses, selectFeatures, type FeatureSelection } from './features.js';
import { nearestNames } from '../../core/nearest_names.js';
import { settingsSchema, type PartialSettings } from './settings.js';

/** What a parameter file asks for. */
export interface RadiomicsParams {
  settings: PartialSettings;
  /** Absent when the file names no feature classes, or when they are not read. */
  selection?: FeatureSelection;
  /** What of the file has no effect here. */
  notices: string[];
}

type Problems = string[];

/** Feature classes of pyradiomics that are not computed here. */
const otherClasses = ['gldm', 'glrlm', 'glszm', 'ngtdm', 'shape'];
const imageTypes = 'Original, Wavelet, LoG, Square, SquareRoot, Logarithm, Exponential, Gradient, LBP2D, LBP3D'.split(
  ', ',
);
/** Settings of pyradiomics that change nothing here: they belong to image types, classes or outputs that there are none of. */
const without = new Set(
  (
    'additionalInfo preCrop padDistance interpolator sigma start_level level wavelet gradientUseSpacing lbp2DRadius ' +
    'lbp2DSamples lbp2DMethod lbp3DLevels lbp3DIcosphereRadius lbp3DIcosphereSubdivision gldm_a'
  ).split(' '),
);
const known = Object.keys(settingsSchema.shape);

/**
 * Reads a parameter file of pyradiomics (YAML or JSON): `setting`, `featureClass`, `imageType`.
 * @param options.featureClasses false: the file's featureClass is not read, because the caller names features
 * @throws SightlineError E_NOT_FOUND; E_ARGUMENT listing every problem by its path in the file: what pyradiomics would
 *   refuse (unknown names, values out of range) and what it does and Sightline does not (resampling, filtered images …)
 */
export function readParamsFile(path: string, options: { featureClasses?: boolean } = {}): RadiomicsParams {
  return parseParams(readText(path, 'the parameter file'), path, options);
}

/** As `readParamsFile`, of the file's text; `where` names it in errors. */
export function parseParams(text: string, where: string, options: { featureClasses?: boolean } = {}): RadiomicsParams {
  const document = parseDocument(text, { prettyErrors: true });
  const problems: Problems = document.errors.map(({ message }) => message.split('\n')[0].replace(/[:.]$/, ''));
  const notices: string[] = [];
  const root = problems.length ? {} : mapOf(document.toJS() ?? {}, 'top level', problems);
  for (const key of Object.keys(root)) {
    if (!['setting', 'featureClass', 'imageType', 'voxelSetting'].includes(key))
      problems.push(`${key}: unknown; a parameter file has setting, featureClass, imageType`);
  }
  if (root.voxelSetting != null) notices.push('voxelSetting is not used: features are of regions, not of voxels.');
  const settings = readSettings(root.setting, 'setting', problems, notices);
  Object.assign(settings, readImageTypes(root.imageType, problems, notices));
  const selection =
    options.featureClasses === false ? undefined : readFeatureClasses(root.featureClass, problems, notices);
  if (problems.length === 0) return { settings, selection, notices };
  throw new SightlineError('E_ARGUMENT', {
    where,
    what: `${problems.length} problem${problems.length === 1 ? '' : 's'}:${problems.map((p) => `\n  ${p}`).join('')}\n`,
    remedy: 'Mend the parameter file.',
  });
}

function mapOf(value: unknown, path: string, problems: Problems): Record<string, unknown> {
  if (value === null || value === undefined) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  problems.push(`${path}: expected names with values`);
  return {};
}

function readSettings(value: unknown, path: string, problems: Problems, notices: string[]): PartialSettings {
  const given: Record<string, unknown> = {};
  const idle: string[] = [];
  for (const [key, v] of Object.entries(mapOf(value, path, problems))) {
    const at = `${path}.${key}`;
    if (known.includes(key)) {
      if (v !== null) given[key] = v; // an empty value is the default
    } else if (key === 'resampledPixelSpacing') {
      const none = v === null || (Array.isArray(v) && v.every((s) => s === 0));
      if (!none)
        problems.push(`${at}: images are not resampled here; drop the line, or resample images and masks beforehand`);
    } else if (key === 'correctMask') {
      if (v === true)
        problems.push(`${at}: masks are not resampled here; drop the line, or bring masks to their image's grid`);
    } else if (without.has(key)) idle.push(key);
    else problems.push(`${at}: unknown setting; did you mean ${nearestNames(key, known, 1)[0]}?`);
  }
  if (idle.length) notices.push(`Settings without effect here: ${idle.join(', ')}.`);
  const parsed = settingsSchema.safeParse(given);
  for (const { path: under, message } of parsed.error?.issues ?? [])
    problems.push(`${[path, ...under].map(String).join('.')}: ${message}`);
  return given as PartialSettings;
}

/** Settings that the image type Original carries. */
function readImageTypes(value: unknown, problems: Problems, notices: string[]): PartialSettings {
  let settings: PartialSettings = {};
  for (const [name, own] of Object.entries(mapOf(value, 'imageType', problems))) {
    if (name === 'Original') settings = readSettings(own, 'imageType.Original', problems, notices);
    else if (imageTypes.includes(name)) {
      problems.push(`imageType.${name}: filtered images are not made here; drop the line (Original is computed)`);
    } else problems.push(`imageType.${name}: unknown; did you mean ${nearestNames(name, imageTypes, 1)[0]}?`);
  }
  return settings;
}

function readFeatureClasses(value: unknown, problems: Problems, notices: string[]): FeatureSelection | undefined {
  const chosen: { classes: string[]; features: string[] } = { classes: [], features: [] };
  const before = problems.length;
  const given = Object.entries(mapOf(value, 'featureClass', problems));
  const names = Object.keys(radiomicsClasses);
  for (const [name, features] of given) {
    const path = `featureClass.${name}`;
    if (otherClasses.includes(name)) {
      problems.push(
        `${path}: this class is not computed here; drop the line, or name classes (${names.join(', ')}) yourself`,
      );
    } else if (!names.includes(name)) {
      const near = nearestNames(name, [...names, ...otherClasses], 1)[0];
      problems.push(`${path}: unknown feature class; did you mean ${near}?`);
    } else if (features === null || (Array.isArray(features) && features.length === 0)) chosen.classes.push(name);
    else if (!Array.isArray(features))
      problems.push(`${path}: expected a list of features, or nothing for all of them`);
    else readFeatures(name, features, path, chosen, problems);
  }
  if (problems.length > before) return undefined;
  if (given.length) return selectFeatures(chosen);
  notices.push('The parameter file names no feature classes: firstorder and glcm are computed.');
  return undefined;
}

function readFeatures(
  name: string,
  features: readonly unknown[],
  path: string,
  chosen: { classes: string[]; features: string[] },
  problems: Problems,
): void {
  chosen.classes.push(name); // its place in the order; the names narrow it
  features.forEach((feature, i) => {
    try {
      findFeature(`${name}_${String(feature)}`);
      chosen.features.push(`${name}_${String(feature)}`);
    } catch (error) {
      const { what, remedy } = error as SightlineError;
      problems.push(`${path}.${i}: ${what}; ${remedy}`);
    }
  });
}
