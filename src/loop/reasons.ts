import { forCriteria, type Criteria, type Criterion } from '../core/criteria.js';
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

/** What is known of a sample when it takes its place in a ranking. */
export interface SeenSample {
  criteria: Readonly<Criteria>;
  /** Radiomics and loop columns that the strategy ranks by, by name; NaN where one does not exist. */
  features: ReadonlyMap<string, number>;
  /** Class that the model expects, and its probability. */
  predicted: string;
  confidence: number;
}

/** A row of a pass as its reason needs it. @param named columns that the strategy ranks by, by row of the pass */
export function seenInPass(pass: ScoredPass, row: number, named: ReadonlyMap<string, Float64Array>): SeenSample {
  return {
    criteria: forCriteria((name) => pass.columns[name][row]),
    features: new Map([...named].map(([name, values]) => [name, values[row]])),
    ...predictionOf(pass, row),
  };
}

/**
 * Why a sample has its place in a ranking, in words: "rank 3 of 1,240 by xal: entropy 0.98, attention overlaps the region by
 * 0.07; taken for glioma (0.41)".
 * @param seen null where no model has looked at the pool
 */
export function reasonOf(
  strategy: Pick<Strategy, 'name' | 'needs' | 'uses'>,
  rank: number,
  of: number,
  seen: SeenSample | null,
): string {
  const place = `rank ${rank} of ${of.toLocaleString('en')} by ${strategy.name}`;
  if (!seen) return place;
  const facts = factsOf(strategy, seen);
  return `${place}${facts.length ? `: ${facts.join(', ')}` : ''}; taken for ${seen.predicted} (${seen.confidence.toFixed(2)})`;
}

/** What a strategy went by, a phrase each: at most three of its features, which are the first to decide. */
function factsOf({ needs, uses = [] }: Pick<Strategy, 'needs' | 'uses'>, { criteria, features }: SeenSample): string[] {
  return [
    ...[...new Set([...needs, ...uses])].flatMap((name) => {
      const phrase = phrases[name];
      return phrase && !Number.isNaN(criteria[name]) ? [phrase(criteria[name])] : [];
    }),
    ...[...features].slice(0, 3).flatMap(([name, value]) => (Number.isNaN(value) ? [] : [said(name, value)])),
  ];
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
