import { Rng } from '../core/rng.js';
import type { Sample } from '../data/types.js';
import { labelsOf } from '../training/feed/labels.js';

/** The samples with which a run begins. */
export interface InitialSet {
  /** Ids of the whole pool: the initial set first, then what to go on with where it did not do (one class only came up). */
  order: readonly string[];
  /** How many of them are the initial set. */
  count: number;
}

/** Everything of one patient; a sample without one is a patient of its own. */
interface Patient {
  samples: Sample[];
  /** Samples, and samples of each label. */
  counts: Map<string, number>;
}

/** Cannot be a label, which has no blanks around. */
const allSamples = ' samples';

/**
 * An initial set of whole patients. In an order drawn by seed, a patient is taken when the set comes closer by it to `asked`
 * samples with the pool's share of every label: when Σ (had − due)² / total over samples and labels falls; then single patients come
 * and go while that sum still falls; last, a patient for each class that has come away empty, where the count allows a sample of each.
 */
export function initialPatients(
  samples: readonly Sample[],
  asked: number,
  stratified: boolean,
  seed: number,
): InitialSet {
  const patients = patientsOf(samples, stratified, seed);
  const totals = new Map<string, number>();
  for (const { counts } of patients) for (const [key, n] of counts) totals.set(key, (totals.get(key) ?? 0) + n);
  const had = new Map<string, number>();
  const taken = new Set<Patient>();
  const move = (patient: Patient, sign: 1 | -1) => {
    if (sign > 0) taken.add(patient);
    else taken.delete(patient);
    for (const [key, n] of patient.counts) had.set(key, (had.get(key) ?? 0) + sign * n);
  };
  /** How the sum changes when the patient comes (sign 1) or goes (−1). */
  const change = ({ counts }: Patient, sign: 1 | -1 = 1): number => {
    let sum = 0;
    for (const [key, n] of counts) {
      const total = totals.get(key)!;
      const excess = (had.get(key) ?? 0) - (asked / samples.length) * total;
      sum += (n * (2 * sign * excess + n)) / total;
    }
    return sum;
  };
  const leastOf = (of: readonly Patient[]) => of.reduce((a, b) => (change(b) < change(a) ? b : a));

  for (const patient of patients) if (change(patient) <= rounding) move(patient, 1);
  for (let moved = true, round = 0; moved && round < mostRounds; round++) {
    moved = false;
    for (const patient of patients) {
      const sign = taken.has(patient) ? -1 : 1;
      if (change(patient, sign) >= -rounding) continue;
      move(patient, sign);
      moved = true;
    }
  }
  if (taken.size === 0 && patients.length > 0) move(leastOf(patients), 1);
  const classes = [...totals.keys()].filter((key) => key !== allSamples).sort();
  if (asked >= classes.length) {
    for (const name of classes) {
      if (!had.get(name)) move(leastOf(patients.filter(({ counts }) => counts.has(name))), 1);
    }
  }
  const first = patients.filter((patient) => taken.has(patient)).flatMap((patient) => patient.samples);
  const rest = patients.filter((patient) => !taken.has(patient)).flatMap((patient) => patient.samples);
  return { order: [...first, ...rest].map(({ id }) => id), count: first.length };
}

/** Differences below this are rounding. */
const rounding = 1e-9;
const mostRounds = 20;

/** In an order drawn by seed and patient; a patient's samples in that of the pool. */
function patientsOf(samples: readonly Sample[], stratified: boolean, seed: number): Patient[] {
  const patients = new Map<string, Patient>();
  for (const sample of samples) {
    // JSON keeps a patient called as a sample's id apart from that sample.
    const key = JSON.stringify(sample.patient === undefined ? { sample: sample.id } : { patient: sample.patient });
    const patient = patients.get(key) ?? { samples: [], counts: new Map<string, number>() };
    patients.set(key, patient);
    patient.samples.push(sample);
    for (const name of [allSamples, ...(stratified ? labelsOf(sample) : [])]) {
      patient.counts.set(name, (patient.counts.get(name) ?? 0) + 1);
    }
  }
  return [...patients]
    .map(([key, patient]) => ({ key, patient, draw: new Rng(seed, 'initial patient', key).uniform() }))
    .sort((a, b) => a.draw - b.draw || (a.key < b.key ? -1 : 1))
    .map(({ patient }) => patient);
}
