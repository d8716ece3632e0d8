/**
 * The numbers that the engine can know of a sample, and what each is made from; a column of the results each. A number
 * that does not exist (no region of interest, not asked for) is NaN.
 */
export const criterionSources = {
  entropy: 'logits',
  least_confidence: 'logits',
  margin: 'logits',
  kurtosis: 'saliency',
  dice: 'saliency',
  roi_area: 'roi',
  mc_entropy: 'dropout',
  mc_epistemic: 'dropout',
  mc_aleatoric: 'dropout',
  bald: 'dropout',
} as const;

export type Criterion = keyof typeof criterionSources;

export const criteria = Object.keys(criterionSources) as Criterion[];

/** A value per criterion: a number for one sample, an array for many. */
export type Criteria<T = number> = Record<Criterion, T>;

/** One value for every criterion, made by name. */
export function forCriteria<T>(make: (criterion: Criterion) => T): Criteria<T> {
  return Object.fromEntries(criteria.map((criterion) => [criterion, make(criterion)])) as Criteria<T>;
}
