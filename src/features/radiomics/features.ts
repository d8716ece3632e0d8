import { SightlineError } from '../../core/errors.js';
import { firstOrderFeatures } from '../../kernels/first_order.js';
import { glcmFeatures } from '../../kernels/glcm.js';
import { shape2dFeatures } from '../../kernels/shape2d.js';
import { nearestNames } from '../../core/nearest_names.js';

/** The feature classes that are computed, spelt as pyradiomics does, each with its features in the kernel's order. */
export const radiomicsClasses = {
  firstorder: firstOrderFeatures as readonly string[],
  glcm: glcmFeatures as readonly string[],
  shape2D: shape2dFeatures as readonly string[],
} as const;

export type RadiomicsClass = keyof typeof radiomicsClasses;

/** Duplicates of other features: computed only when asked for by name, as in pyradiomics. */
const onlyByName: Partial<Record<RadiomicsClass, readonly string[]>> = {
  firstorder: ['StandardDeviation'],
  shape2D: ['SphericalDisproportion'],
};

/** Names that pyradiomics keeps without a value, and the feature that equals each. */
const withdrawn: Readonly<Record<string, string>> = {
  glcm_dissimilarity: 'glcm_DifferenceAverage',
  glcm_homogeneity1: 'glcm_Id',
  glcm_homogeneity2: 'glcm_Idm',
  glcm_sumvariance: 'glcm_ClusterTendency',
};

/** The features to compute: the names of each class, classes in the order asked for. */
export type FeatureSelection = ReadonlyMap<RadiomicsClass, readonly string[]>;

const classNames = Object.keys(radiomicsClasses) as RadiomicsClass[];

/** Every feature as <class>_<Feature>. */
const allFeatures = classNames.flatMap((name) => radiomicsClasses[name].map((feature) => `${name}_${feature}`));

/** What pyradiomics computes when a class is named without features. */
export function defaultFeatures(name: RadiomicsClass): readonly string[] {
  return radiomicsClasses[name].filter((feature) => !onlyByName[name]?.includes(feature));
}

/** A feature class by its name, whatever the case. @throws SightlineError E_ARGUMENT for another name */
export function findClass(text: string): RadiomicsClass {
  const found = classNames.find((name) => name.toLowerCase() === text.trim().toLowerCase());
  if (found) return found;
  throw new SightlineError('E_ARGUMENT', {
    where: 'feature class',
    what: `"${text}" is not computed`,
    remedy: `Choose from ${classNames.join(', ')}.`,
  });
}

/**
 * A feature by name: `glcm_Idn`, `glcm:Idn`, or with the image's prefix `original_glcm_Idn`, `saliency_glcm_Idn`.
 * Case is ignored.
 * @throws SightlineError E_ARGUMENT with the nearest known names
 */
export function findFeature(text: string): { prefix?: string; class: RadiomicsClass; feature: string } {
  const parts = text.trim().split(/[_:]/);
  const [className = '', feature = ''] = parts.slice(-2);
  const asked = `${className}_${feature}`.toLowerCase();
  const known = allFeatures.find((name) => name.toLowerCase() === asked);
  if (known && parts.length <= 3) {
    const name = classNames.find((c) => known.startsWith(`${c}_`))!;
    const prefix = parts.length === 3 ? parts[0].toLowerCase() : undefined;
    return { prefix, class: name, feature: known.slice(name.length + 1) };
  }
  const equal = withdrawn[asked];
  throw new SightlineError('E_ARGUMENT', {
    where: 'feature',
    what: equal ? `pyradiomics withdrew "${text}" and gives no value for it` : `there is no feature "${text}"`,
    remedy: equal ? `${equal} is the same number.` : `Did you mean ${nearestNames(asked, allFeatures).join(', ')}?`,
  });
}

/** A feature's name in full, `<prefix>_<class>_<Feature>`; a prefix of its own wins. @throws SightlineError E_ARGUMENT */
export function fullName(text: string, prefix?: string): string {
  const found = findFeature(text);
  return [found.prefix ?? prefix, found.class, found.feature].filter(Boolean).join('_');
}

/** "firstorder,glcm" or "all". @throws SightlineError E_ARGUMENT */
export function parseClasses(text: string): RadiomicsClass[] {
  if (text.trim().toLowerCase() === 'all') return classNames;
  return [...new Set(text.split(',').map(findClass))];
}

/**
 * The features of whole classes, and of single names; a class of which features are named is narrowed to them.
 * Neither given: firstorder and glcm, whole.
 * @throws SightlineError E_ARGUMENT for unknown names
 */
export function selectFeatures(asked: { classes?: readonly string[]; features?: readonly string[] }): FeatureSelection {
  const named = new Map<RadiomicsClass, Set<string>>();
  const classes = asked.classes ?? (asked.features ? [] : ['firstorder', 'glcm']);
  const whole = new Set(classes.map(findClass));
  for (const text of asked.features ?? []) {
    const found = findFeature(text);
    const features = named.get(found.class) ?? new Set();
    named.set(found.class, features.add(found.feature));
  }
  const selection = new Map<RadiomicsClass, readonly string[]>();
  for (const name of new Set([...whole, ...named.keys()])) {
    const only = named.get(name);
    selection.set(name, only ? radiomicsClasses[name].filter((f) => only.has(f)) : defaultFeatures(name));
  }
  if (selection.size) return selection;
  throw new SightlineError('E_ARGUMENT', {
    where: 'features',
    what: 'no feature is chosen',
    remedy: `Name classes (${classNames.join(', ')}) or features.`,
  });
}

/** Column names `<prefix>_<class>_<Feature>`, in the order in which values come. */
export function featureNames(selection: FeatureSelection, prefix = 'original'): string[] {
  return [...selection].flatMap(([name, features]) => features.map((feature) => `${prefix}_${name}_${feature}`));
}
