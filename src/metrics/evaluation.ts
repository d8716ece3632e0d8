import type { BootstrapInterval, BootstrapOptions } from './bootstrap.js';
import type { CalibrationOptions, Reliability } from './calibration.js';
import type { AucEstimate } from './delong.js';

/** What `evaluateClassifier` must know besides probabilities and labels. */
export interface EvaluationOptions {
  /** Width K of `probabilities`; 1 with 'single-label': a single sigmoid output, the probability of class 1 of two. */
  classes: number;
  /** 'single-label' (default): labels [N]. 'multi-label': labels [N,K], 0 or 1. */
  task?: 'single-label' | 'multi-label';
  /**
   * Positive from this probability up (`>=`), for several labels, one sigmoid output (both default 0.5), and two classes
   * (class 1; default: the likelier class, class 0 in a tie). More classes: the likeliest; a threshold throws E_ARGUMENT.
   */
  threshold?: number;
  calibration?: CalibrationOptions;
  /** Ask for intervals; `{}` takes the defaults. Each resample costs one evaluation. */
  bootstrap?: BootstrapOptions;
}

/** Metrics of one class against the rest, or of one label. Formulas and undefined cases: see the function of that name. */
export interface ClassEvaluation {
  /** Samples of the class. */
  support: number;
  precision: number;
  recall: number;
  specificity: number;
  f1: number;
  auc: number;
  averagePrecision: number;
}

/**
 * The numbers that sum a classifier up. Two classes: precision, recall, specificity, f1, auc and averagePrecision are
 * those of class 1; more: means over the classes for which they are defined; several labels: means over labels, of
 * balancedAccuracy and kappa as well.
 */
export interface EvaluationSummary extends Omit<ClassEvaluation, 'support'> {
  /** Several labels: right decisions / (N·K). */
  accuracy: number;
  balancedAccuracy: number;
  /** Several labels: mean over all N·K decisions of the binary form. */
  logLoss: number;
  /** Several labels: mean over all N·K decisions. */
  brier: number;
  /** Expected calibration error of the highest probability; several labels: of all N·K probabilities. */
  calibrationError: number;
  kappa: number;
}

/** A line of a training log, as plain data. JSON turns its NaNs (undefined metrics) into null. */
export interface ClassifierEvaluation extends EvaluationSummary {
  task: 'single-label' | 'multi-label';
  samples: number;
  /** Classes or labels; 2 for a single sigmoid output. */
  classes: number;
  /** Samples with every label right / N; the accuracy if there is one label per sample. */
  exactMatch: number;
  /** Hand and Till's AUC over pairs of classes; NaN for several labels. */
  aucOneVsOne: number;
  perClass: ClassEvaluation[];
  /** counts[true class][predicted class]; null for several labels. */
  confusion: number[][] | null;
  reliability: Reliability;
  /** DeLong's interval at 95 %, for two classes; else null. It takes samples as independent of each other. */
  delong: AucEstimate | null;
  /** Intervals by bootstrap over patients; null unless asked for. */
  intervals: Record<keyof EvaluationSummary, BootstrapInterval> | null;
}
