import { SightlineError } from '../core/errors.js';
import type { Box } from '../data/types.js';
import { labelsOf, some } from '../training/feed/labels.js';

/** A sample that somebody is asked to label. */
export interface Query {
  id: string;
  /** Absolute path of the image. */
  path: string;
  slice?: number;
  /** Place in the round's ranking, from 1. */
  rank: number;
  /** The strategy's; null where it has none (the initial set, a batch chosen as a whole). */
  score: number | null;
  /** Class that the model predicts, and its probability; null before there is a model. */
  predicted: string | null;
  confidence: number | null;
  /** Why it was chosen, for people. */
  reason: string;
}

export interface Answer {
  id: string;
  /** The class; of several labels: joined by `|`, in the order of the classes. */
  label?: string;
  labels?: string[];
  /** Region of interest: absolute path of a mask, or boxes. */
  mask?: string;
  boxes?: Box[];
  /** What the answer has cost. */
  cost: number;
  /** No label can be had for this sample: it leaves the pool without one. */
  skipped?: boolean;
}

export interface OracleContext {
  /** 0: the initial set. */
  round: number;
  /** The run's folder. */
  folder: string;
  /** Ends the asking with E_PAUSED. */
  signal?: AbortSignal;
}

/** Stores answers, all or none. */
export type AnswerListener = (answers: readonly Answer[]) => Promise<void>;

/** Who knows the labels. */
export interface Oracle {
  /**
   * Asks for labels until each query has an answer. Answers are handed on as soon as they are known, those known at once
   * together, and the next wait until they are stored: what was answered is never lost. An id may come again: then the later
   * answer takes the place of the earlier.
   * @param queries those that have no answer yet
   * @throws SightlineError E_PAUSED where somebody leaves or answers are not waited for: the run can be resumed
   */
  ask(queries: readonly Query[], context: OracleContext, onAnswers: AnswerListener): Promise<void>;
  /** Lets go of what it holds: the terminal. */
  close?(): void;
}

/** @param missing ids of the queries without an answer */
export function paused(where: string, missing: readonly string[], asked: number): SightlineError {
  return new SightlineError('E_PAUSED', {
    where,
    what: `${missing.length} of ${asked} answers are missing: ${some(missing)}`,
    remedy: 'Answers so far are kept; run again with --resume.',
  });
}

/**
 * What a person has written as a label, as the class's own spelling: whatever the case; of several, joined by `|` and in the
 * order of the classes. A phrase says what is wrong.
 */
export function readLabel(
  text: string,
  classes: readonly string[],
  several: boolean,
): { labels: string[] } | { problem: string } {
  const given = several ? labelsOf({ label: text }) : [text.trim()];
  const known = given.map((one) => classOf(one, classes));
  const at = known.indexOf(undefined);
  if (at >= 0) return { problem: `unknown class "${given[at]}" (classes: ${classes.join(', ')})` };
  return { labels: classes.filter((name) => known.includes(name)) };
}

function classOf(text: string, classes: readonly string[]): string | undefined {
  if (classes.includes(text)) return text;
  const alike = classes.filter((name) => name.toLowerCase() === text.toLowerCase());
  return alike.length === 1 ? alike[0] : undefined;
}
