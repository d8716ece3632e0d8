import { Rng } from '../core/rng.js';
import type { Sample } from '../data/types.js';
import { labelsOf } from '../training/feed/labels.js';
import type { InitialConfig } from './config/types.js';
import { initialPatients, type InitialSet } from './initial_patients.js';

/**
 * The initial labelled set, a function of seed and pool alone: every strategy of a seed begins with the same, in whatever
 * order the pool comes. Stratified by label where labels are known: quotas by largest remainder, at least one of each class
 * where the count allows. By sample the count is met exactly; by patient about, since nobody's samples are torn apart.
 * @param samples the pool; fewer than asked for: all of it
 */
export function chooseInitial(samples: readonly Sample[], settings: InitialConfig, seed: number): InitialSet {
  const { count, fraction = 0.1, stratified, by } = settings;
  const asked = Math.min(samples.length, count ?? Math.max(1, Math.round(fraction * samples.length)));
  if (by === 'patient') return initialPatients(samples, asked, stratified, seed);
  const strata = [...byStratum(shuffled(samples, seed), stratified).values()];
  const quotas = shareOut(strata, asked);
  const initial = strata.map((stratum, s) => stratum.slice(0, quotas[s]));
  const rest = strata.map((stratum, s) => stratum.slice(quotas[s]));
  return { order: [...woven(initial), ...woven(rest)].map(({ id }) => id), count: asked };
}

/** In an order drawn by seed and id. */
export function shuffled<T extends { readonly id: string }>(items: readonly T[], seed: number): T[] {
  return items
    .map((item) => ({ item, key: new Rng(seed, 'initial', item.id).uniform() }))
    .sort((a, b) => a.key - b.key || (a.item.id < b.item.id ? -1 : 1))
    .map(({ item }) => item);
}

/** Samples by their labels, in the order given; those without a label are a stratum of their own, under ''. */
function byStratum(samples: readonly Sample[], stratified: boolean): Map<string, Sample[]> {
  const strata = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = stratified ? labelsOf(sample).sort().join('|') : '';
    const stratum = strata.get(key);
    if (stratum) stratum.push(sample);
    else strata.set(key, [sample]);
  }
  // By name, so that nothing hangs on which came first; the unlabelled last, because they are no class.
  return new Map([...strata].sort(([a], [b]) => Number(a === '') - Number(b === '') || (a < b ? -1 : 1)));
}

/** Largest remainder; then each class without a place gets one from the class with the most, while that has two. */
function shareOut(strata: readonly (readonly Sample[])[], count: number): number[] {
  const total = strata.reduce((n, { length }) => n + length, 0);
  const due = strata.map(({ length }) => (count * length) / Math.max(1, total));
  const quotas = due.map(Math.floor);
  const byRemainder = [...due.keys()].sort((a, b) => due[b] - quotas[b] - (due[a] - quotas[a]) || due[b] - due[a]);
  const open = count - quotas.reduce((a, b) => a + b, 0);
  for (const s of byRemainder.slice(0, open)) quotas[s]++;
  const classes = [...strata.keys()].filter((s) => labelsOf(strata[s][0]).length > 0);
  for (const s of classes.filter((one) => quotas[one] === 0).sort((a, b) => due[b] - due[a])) {
    const richest = quotas.indexOf(Math.max(...quotas));
    if (quotas[richest] < 2) break;
    quotas[richest]--;
    quotas[s]++;
  }
  return quotas;
}

/** Strata mixed evenly: every beginning has about the shares of the whole. */
function woven(strata: readonly (readonly Sample[])[]): Sample[] {
  return strata
    .flatMap((stratum) => stratum.map((sample, i) => ({ sample, at: (i + 0.5) / stratum.length })))
    .sort((a, b) => a.at - b.at)
    .map(({ sample }) => sample);
}
