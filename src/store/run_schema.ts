/** A sample that the oracle is asked about. */
export interface StoredQuery {
  /** Position in its round, from 0. */
  position: number;
  id: string;
  /** NaN where a strategy chooses without scores. */
  score: number;
  /** Class that the model expects; null where no model has seen it. */
  predicted: string | null;
  /** Probability of that class; NaN where there is none. */
  confidence: number;
  /** Why it was chosen, in words. */
  reason: string;
}

/** What the oracle said. */
export interface StoredAnswer {
  position: number;
  id: string;
  /** Several labels are joined by `|`. Null for a skipped sample. */
  label: string | null;
  mask: string | null;
  /** JSON. */
  boxes: string | null;
  cost: number;
  skipped: boolean;
}

/** A metric of a round's model. */
export interface StoredMetric {
  part: string;
  metric: string;
  value: number;
}

/** AUC after a fine-tuning with a representative; null: without one. */
export interface StoredGain {
  trial: number;
  representative: number | null;
  auc: number;
}

/** A sample that cannot be used, and why. */
export interface QuarantinedSample {
  id: string;
  /** In which it turned out. */
  round: number;
  stage: string;
  code: string;
  message: string;
}

/** What a stage leaves behind. */
export interface StageFindings {
  queries?: readonly StoredQuery[];
  /** The pool, best first. */
  ranking?: { ids: readonly string[]; scores: ArrayLike<number> };
  metrics?: { labelled: number; cost: number; values: readonly StoredMetric[] };
  clusters?: { ids: readonly string[]; clusters: ArrayLike<number>; ranks: ArrayLike<number> };
  columns?: readonly { name: string; ids: readonly string[]; values: ArrayLike<number> }[];
}

export const schemaVersion = 1;

/** Tables of a run. */
export const schema = `
CREATE TABLE IF NOT EXISTS meta (key VARCHAR PRIMARY KEY, value VARCHAR);
CREATE TABLE IF NOT EXISTS samples (idx INTEGER, id VARCHAR, path VARCHAR, slice INTEGER, label VARCHAR, part VARCHAR);
CREATE TABLE IF NOT EXISTS stages (round INTEGER, stage VARCHAR, PRIMARY KEY (round, stage));
CREATE TABLE IF NOT EXISTS times (round INTEGER, activity VARCHAR, seconds DOUBLE, PRIMARY KEY (round, activity));
CREATE TABLE IF NOT EXISTS queries (
  round INTEGER, position INTEGER, id VARCHAR, score DOUBLE, predicted VARCHAR, confidence DOUBLE, reason VARCHAR
);
CREATE TABLE IF NOT EXISTS answers (
  round INTEGER, position INTEGER, id VARCHAR, label VARCHAR, mask VARCHAR, boxes VARCHAR, cost DOUBLE, skipped BOOLEAN
);
CREATE TABLE IF NOT EXISTS rankings (round INTEGER, rank INTEGER, id VARCHAR, score DOUBLE);
CREATE TABLE IF NOT EXISTS metrics (round INTEGER, labelled INTEGER, cost DOUBLE, part VARCHAR, metric VARCHAR, value DOUBLE);
CREATE TABLE IF NOT EXISTS gains (round INTEGER, trial INTEGER, representative INTEGER, auc DOUBLE);
CREATE TABLE IF NOT EXISTS clusters (round INTEGER, id VARCHAR, cluster INTEGER, rank INTEGER);
CREATE TABLE IF NOT EXISTS loop_columns (round INTEGER, name VARCHAR, id VARCHAR, value DOUBLE);
CREATE TABLE IF NOT EXISTS quarantine (id VARCHAR PRIMARY KEY, round INTEGER, stage VARCHAR, code VARCHAR, message VARCHAR);
`;
