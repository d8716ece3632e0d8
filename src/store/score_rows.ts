import { FLOAT, LIST, type DuckDBAppender, type DuckDBValue } from '@duckdb/node-api';
import { criteria, forCriteria, type Criteria } from '../core/criteria.js';
import { SightlineError, type ErrorData } from '../core/errors.js';
import type { AttentionAgreement } from '../metrics/attention.js';
import { appendNumber as number } from './database.js';

/** A sample of the pool as the store keeps it. */
export interface StoredSample {
  index: number;
  id: string;
  path: string;
  slice?: number;
  label?: string;
  mask?: string;
  boxes?: { x0: number; y0: number; x1: number; y1: number }[];
  patient?: string;
  split?: string;
}

/** What the scoring pass finds for one sample. Numbers that do not exist are NaN (NULL in the store). */
export interface ScoreRow {
  index: number;
  predicted: number;
  confidence: number;
  logits: Float32Array;
  criteria: Criteria;
  /** Radiomics in the order of the run's feature names. */
  features: Float64Array;
  /** The saliency map was constant. */
  flat: boolean;
  /** Where the region that `dice` compares with comes from. */
  roi: 'mask' | 'boxes' | 'predicted' | 'none';
  /** Agreement with the expert's region, where it was asked for and there is one. */
  attention?: AttentionAgreement;
  /** Of the kinds that the run keeps. */
  vectors?: Partial<Record<VectorKind, Float32Array>>;
}

/** Vectors that a run may keep beside its store, in a file each: `embeddings.f32`, `maps.f32`. */
export type VectorKind = 'embeddings' | 'maps';

/** Numbers per vector, by kind. */
export type VectorWidths = Partial<Record<VectorKind, number>>;

/** A sample that could not be scored, and why. */
export interface QuarantineRow {
  index: number;
  stage: string;
  error: ErrorData;
}

/** A row of the ranking with the sample it belongs to. */
export interface RankedSample extends StoredSample {
  rank: number;
  score: number;
  predicted: number;
  predictedClass: string;
  confidence: number;
  criteria: Criteria;
  /** The run's radiomics by name. */
  features: ReadonlyMap<string, number>;
  roi: string;
}

/** Writes one row of the table of its name; the caller ends the row. */
export const writeRow = {
  samples(row: DuckDBAppender, s: StoredSample): void {
    row.appendInteger(s.index);
    row.appendVarchar(s.id);
    row.appendVarchar(s.path);
    text(row, s.slice === undefined ? undefined : String(s.slice));
    text(row, s.label);
    text(row, s.mask);
    text(row, s.boxes && JSON.stringify(s.boxes));
    text(row, s.patient);
    text(row, s.split);
  },
  scores(row: DuckDBAppender, s: ScoreRow): void {
    row.appendInteger(s.index);
    row.appendInteger(s.predicted);
    number(row, s.confidence);
    row.appendList([...s.logits], LIST(FLOAT));
    for (const name of criteria) number(row, s.criteria[name]);
    row.appendBoolean(s.flat);
    row.appendVarchar(s.roi);
  },
  attention(row: DuckDBAppender, [index, a]: readonly [number, AttentionAgreement]): void {
    row.appendInteger(index);
    for (const value of [a.dice, a.hit, a.energy, a.roiShare]) number(row, value);
    row.appendBoolean(a.flat);
  },
  quarantine(row: DuckDBAppender, q: QuarantineRow): void {
    row.appendInteger(q.index);
    row.appendVarchar(q.stage);
    row.appendVarchar(q.error.code);
    row.appendVarchar(SightlineError.fromData(q.error).message);
  },
};

/** Columns of the table `samples`, in the order in which `toSample` reads them. */
export const sampleColumns = 'idx, id, path, slice, label, mask, boxes, patient, split';

export function toSample(row: DuckDBValue[]): StoredSample {
  const [index, id, path, slice, label, mask, boxes, patient, split] = row.map((v) => v ?? undefined);
  return {
    index: index as number,
    id: id as string,
    path: path as string,
    slice: slice === undefined ? undefined : Number(slice),
    label: label as string | undefined,
    mask: mask as string | undefined,
    boxes: boxes === undefined ? undefined : (JSON.parse(boxes as string) as StoredSample['boxes']),
    patient: patient as string | undefined,
    split: split as string | undefined,
  };
}

/** A row of the sample's columns, then rank, score, predicted, confidence, roi, class name, criteria and features. */
export function toRanked(row: DuckDBValue[], features: readonly string[]): RankedSample {
  const sample = toSample(row);
  const own = row.slice(sampleColumns.split(', ').length).map((v) => v ?? NaN);
  const [rank, score, predicted, confidence, roi, predictedClass, ...values] = own;
  return {
    ...sample,
    rank: rank as number,
    score: score as number,
    predicted: predicted as number,
    confidence: confidence as number,
    criteria: forCriteria((name) => values[criteria.indexOf(name)] as number),
    features: new Map(features.map((name, i) => [name, values[criteria.length + i] as number])),
    roi: roi as string,
    predictedClass: predictedClass as string,
  };
}

function text(row: DuckDBAppender, value: string | undefined): void {
  if (value === undefined) row.appendNull();
  else row.appendVarchar(value);
}
