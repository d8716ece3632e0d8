import type { Criterion } from '../core/criteria.js';
import type { ScoredPass } from '../engine/score_pass.js';
import type { Strategy } from '../strategies/index.js';

/** How a number is said. */
const phrases: Partial<Record<Criterion, (value: number) => string>> = {
  entropy: (v) => `entropy ${v.toFixed(2)}`,
  least_confidence: (v) => `confidence ${(1 - v).toFixed(2)}`,
  margin: (v) => `margin ${v.toFixed(2)}`,
  kurtosis: (v) => `kurtosis of the map ${v.toFixed(1)}`,
  dice: (v) => `attention overlaps the region by ${v.toFixed(2)}`,
  roi_area: (v) => `region ${(100 * v).toFixed(1)} % of the image`,
  mc_epistemic: (v) => `variance between passes ${v.toPrecision(2)}`,
  mc_aleatoric: (v) => `variance within passes ${v.toPrecision(2)}`,
  bald: (v) => `information gain ${v.toPrecision(2)}`,
};

const said = (name: string, value: number): string =>
  `${name.replace(/^(saliency|original)_/, '').replaceAll('_', ' ')} ${value.toPrecision(3)}`;

/**
 * Why a sample was chosen, in words: "rank 3 of 1,240 by xal: entropy 0.98, attention overlaps the region by 0.07; taken for
 * glioma (0.41)".
 * @param row of the pass; null where no model has looked at the pool @param columns that the loop has computed, by name
 */
export function reasonOf(
  strategy: Pick<Strategy, 'name' | 'needs' | 'uses'>,
  rank: number,
  of: number,
  seen: { pass: ScoredPass; row: number; features: ReadonlyMap<string, Float64Array>; names: readonly string[] } | null,
): string {
  const place = `rank ${rank} of ${of.toLocaleString('en')} by ${strategy.name}`;
  if (!seen) return place;
  const { pass, row, features, names } = seen;
  const criteria = [...new Set([...strategy.needs, ...(strategy.uses ?? [])])];
  const facts = [
    ...criteria.flatMap((name) => {
      const value = pass.columns[name][row];
      return phrases[name] && !Number.isNaN(value) ? [phrases[name](value)] : [];
    }),
    ...names.slice(0, 3).flatMap((name) => {
      const value = features.get(name)?.[row] ?? NaN;
      return Number.isNaN(value) ? [] : [said(name, value)];
    }),
  ];
  const { predicted, confidence } = predictionOf(pass, row);
  return `${place}${facts.length ? `: ${facts.join(', ')}` : ''}; taken for ${predicted} (${confidence.toFixed(2)})`;
}

/** Class that the model expects of a row, and its probability. */
export function predictionOf(
  { predicted, probabilities, labels }: ScoredPass,
  row: number,
): { predicted: string; confidence: number } {
  const classes = probabilities.dims[1];
  const own = probabilities.data.subarray(row * classes, (row + 1) * classes);
  const confidence = classes === 1 ? Math.max(own[0], 1 - own[0]) : own[predicted[row]];
  return { predicted: labels[predicted[row]] ?? String(predicted[row]), confidence };
}
