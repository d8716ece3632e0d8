import type { Criteria, Criterion } from '../core/criteria.js';
import { readForDisplay } from '../data/display.js';
import type { Preprocessing, Sample } from '../data/types.js';
import type { OpenModel } from '../engine/model.js';
import { findFeature } from '../features/radiomics/features.js';
import type { Subject } from './picture.js';

/** A sample's picture at its original size with its saliency map (at the model's input size) laid where it belongs. */
export async function subjectOf(sample: Sample, map: Float32Array, preprocessing: Preprocessing): Promise<Subject> {
  const { picture, roi, covers } = await readForDisplay(sample, preprocessing);
  return { picture, roi, saliency: { width: preprocessing.width, height: preprocessing.height, data: map, covers } };
}

/**
 * "entropy 0.61 · dice with ROI 0.12 · kurtosis 4.2": the numbers that exist, as people read them.
 * @param roi where the region comes from
 */
export function describeCriteria(values: Criteria, roi: string): string {
  const named: [Criterion, string][] = [
    ['entropy', 'entropy'],
    ['margin', 'margin'],
    ['bald', 'BALD'],
    ['dice', `dice with ${roi === 'predicted' ? 'predicted ' : ''}ROI`],
    ['kurtosis', 'kurtosis'],
  ];
  return named
    .filter(([key]) => Number.isFinite(values[key]))
    .map(([key, name]) => `${name} ${values[key].toFixed(2)}`)
    .join(' · ');
}

/** "Kurtosis 4.2 · Entropy 1.31": radiomics features as people read them. */
export function describeFeatures(values: ReadonlyMap<string, number>, names: readonly string[]): string {
  return names
    .filter((name) => Number.isFinite(values.get(name)))
    .map((name) => `${findFeature(name).feature} ${shortNumber(values.get(name)!)}`)
    .join(' · ');
}

/** Three digits: 0.00123, 34.3, 1.79e7. */
function shortNumber(value: number): string {
  return Math.abs(value) < 1e5 ? String(Number(value.toPrecision(3))) : value.toExponential(2).replace('+', '');
}

/** Name of the class that a sample's map explains. @param predicted its predicted class */
export function explainedClass(model: OpenModel, sample: Sample, predicted: number): string {
  const explained = model.classFor(sample);
  return model.labels[explained < 0 ? predicted : explained];
}

/** "grad-cam of lesion at features.norm5": what a sample's map shows. @param predicted its predicted class */
export function describeSaliency(model: OpenModel, sample: Sample, predicted: number): string {
  const where = model.targetLayer ? ` at ${model.targetLayer}` : '';
  return `${model.setup.explanation} of ${explainedClass(model, sample, predicted)}${where}`;
}
