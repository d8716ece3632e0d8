/**
 * Sightline's public API. Everything exported here is covered by semantic versioning; nothing else is.
 */
export { SightlineError, type ErrorCode, type ErrorData } from './core/errors.js';
export { tensor, type DType, type Tensor } from './core/tensor.js';
export type { ProgressEvent, ProgressListener } from './core/progress.js';
export { version } from './core/version.js';

export { score, type ScoreSummary } from './engine/score.js';
export { trainModel as train, trainSamples, type TrainSummary } from './engine/train.js';
export { learnLatents, type LatentOptions, type Latents } from './engine/latents.js';
export { openEncoder, type Encoder } from './engine/encoder.js';
export { measureGains, type GainOptions, type GainResult, type Gains, type GainSamples } from './engine/gains.js';
export { evaluateModel as evaluate, type EvaluateOptions, type EvaluateSummary } from './engine/evaluate.js';
export type { TrainOptions, TrainSamplesOptions, TrainingChoices } from './engine/train_options.js';
export { openDecoded } from './engine/training_plan.js';
export { DecodedSet, type DecodedSetOptions } from './training/feed/decoded_set.js';
export {
  scorePass,
  type QuarantinedRow,
  type ScoredPass,
  type ScorePassOptions,
  type VectorOptions,
} from './engine/score_pass.js';
export { explainSamples, type Explained } from './engine/explain.js';
export { openModel, type OpenModel, type OpenModelOptions } from './engine/model.js';
export type { ComputeOptions, ExplainOptions, ModelOptions, RegionOptions, ScoreOptions } from './engine/options.js';
export { radiomics, type QuarantinedCase, type RadiomicsOptions, type RadiomicsSummary } from './engine/radiomics.js';
export { drawSelection, type SelectionPictures } from './report/selection.js';
export { renderOverlay } from './report/overlay.js';
export { renderContactSheet } from './report/contact_sheet.js';
export { writeReport, type ReportOptions, type ReportSummary } from './report/run_report.js';
export type { Figure } from './report/figures/figure.js';
export { learningCurves, type LearningCurvesInput } from './report/figures/learning_curves.js';
export { writeFigure } from './report/figures/write_figure.js';

export {
  extractRadiomics,
  planRadiomics,
  type RadiomicsFeatures,
  type RadiomicsInput,
  type RadiomicsPlan,
  type RadiomicsScale,
} from './features/radiomics/extract.js';
export { radiomicsClasses, type FeatureSelection, type RadiomicsClass } from './features/radiomics/features.js';
export { readParamsFile, type RadiomicsParams } from './features/radiomics/params_file.js';
export type { RadiomicsSettings } from './features/radiomics/settings.js';

export { RandomForest } from './forest/random_forest.js';
export { OnlineForest } from './forest/online_forest.js';
export { selectFeatures } from './forest/feature_selection.js';
export { TrainingFeed, type FeedBatch, type FeedOptions } from './training/feed/feed.js';
export type { QuarantinedSample } from './training/feed/quarantine.js';
export { splitSamples, type Split, type SplitPart, type SplitSettings } from './training/feed/split.js';
export { Targets, type TargetSettings } from './training/feed/targets.js';
export { Optimiser, type OptimiserOptions, type StepReport } from './training/optimiser.js';
export { learningRateAt, type Schedule } from './training/schedules.js';
export { openTrainingStep } from './training/open_training_step.js';
export type {
  AlignmentSettings,
  BatchReport,
  LossSettings,
  TrainingBatch,
  TrainingStep,
  TrainingStepSettings,
} from './training/training_step.js';
export { prepareFineTuning, type FineTuningOptions } from './graph/training/fine_tuning.js';
export { readClassifier, type Classifier, type ClassifierOptions } from './graph/classifier.js';
export { exportOnnx } from './graph/onnx_export.js';
export type { Graph } from './graph/ir.js';
export { selectTableFeatures } from './engine/select_features.js';

export {
  accuracy,
  balancedAccuracy,
  cohenKappa,
  confusionMatrix,
  f1Score,
  macroMean,
  multiLabelAccuracy,
  precision,
  predictedClasses,
  recall,
  specificity,
  thresholdedClasses,
  type ConfusionMatrix,
  type KappaWeights,
} from './metrics/confusion.js';
export {
  averagePrecision,
  precisionRecallCurve,
  rocCurve,
  type PrecisionRecallCurve,
  type RocCurve,
} from './metrics/curves.js';
export { multiLabelAuc, oneVsOneAuc, oneVsRestAuc, rocAuc } from './metrics/roc_auc.js';
export { binaryBrierScore, binaryLogLoss, brierScore, logLoss } from './metrics/probability_scores.js';
export {
  reliability,
  topLabelReliability,
  type CalibrationOptions,
  type Reliability,
  type ReliabilityBin,
} from './metrics/calibration.js';
export { labelMapOverlap, maskOverlap, type EmptyMaskRule, type MaskOverlap } from './metrics/mask_overlap.js';
export { bootstrapIntervals, type BootstrapInterval, type BootstrapOptions } from './metrics/bootstrap.js';
export { compareAucs, delongAuc, type AucComparison, type AucEstimate } from './metrics/delong.js';
export { meanDefined } from './metrics/inputs.js';
export { evaluateClassifier } from './metrics/evaluate_classifier.js';
export type {
  ClassEvaluation,
  ClassifierEvaluation,
  EvaluationOptions,
  EvaluationSummary,
} from './metrics/evaluation.js';
export {
  attentionAgreement,
  summariseAttention,
  type AttentionAgreement,
  type AttentionOptions,
  type AttentionSummary,
} from './metrics/attention.js';
export {
  areaUnderBudget,
  labelsToReach,
  sharedRange,
  valueAt,
  valuesAt,
  valuesAtShares,
  type LearningCurve,
} from './statistics/learning_curve.js';
export { curveBand, meanCurve, type CurveBand, type CurveBandOptions } from './statistics/curve_band.js';
export { labelSpeedUp, type SpeedUp } from './statistics/speed_up.js';
export { pairedTTest, type PairedTTest } from './statistics/paired_t_test.js';
export { wilcoxonSignedRank, type WilcoxonTest } from './statistics/wilcoxon.js';
export { holmCorrection } from './statistics/holm.js';
export { penaltyMatrix, type Experiment, type PenaltyMatrix } from './statistics/penalty_matrix.js';
export {
  compareStrategies,
  type ComparisonOptions,
  type ComparisonSummary,
  type SeedSummary,
  type StrategyComparison,
} from './statistics/compare_strategies.js';
export type { StrategyRun } from './statistics/strategy_run.js';
export { ndcg, type Ndcg, type NdcgOptions } from './statistics/ndcg.js';
export {
  meanOverlapByRound,
  overlapByRound,
  setOverlap,
  type MeanRoundOverlap,
  type RoundOverlap,
  type SetOverlap,
} from './statistics/selection_overlap.js';
export { runGrid, type GridOptions, type GridSummary } from './loop/grid.js';
export type { RoundReport, RunListeners } from './loop/run.js';
export { estimateGrid, type GridEstimate } from './loop/estimate.js';
export { compareRuns, type GridComparison, type GridComparisonOptions, type RunOutcome } from './loop/comparison.js';
export { readRecord, type RunRecord } from './loop/outcome.js';
export { findRuns, type RunStatus } from './loop/run_status.js';
export { verifyRun } from './loop/replay.js';
export { RunStore } from './store/run_store.js';
export { asFinding, findingClasses } from './loop/finding.js';
export { FileOracle, type FileOracleSettings } from './loop/file_oracle.js';
export { SimulatedOracle, type SimulatedOracleSettings } from './loop/simulated_oracle.js';
export { TerminalOracle, type TerminalOracleSettings } from './loop/terminal_oracle.js';
export { openOracle, type OracleSources } from './loop/open_oracle.js';
export type { Answer, AnswerListener, Oracle, OracleContext, Query } from './loop/oracle.js';
export { chooseInitial } from './loop/initial_set.js';
export type { InitialSet } from './loop/initial_patients.js';
export { checkPatients } from './loop/leak_check.js';
export { switchedSplit, type SwitchSettings } from './loop/pool_switch.js';
export { readGrid } from './loop/read_grid.js';
export { cellsOf, readRunConfig, type Cell, type RunConfig } from './loop/run_config.js';
export { batchSize } from './loop/schedule.js';
export {
  dearestQuery,
  nextCount,
  stopReason,
  type BudgetRules,
  type RoundOutcome,
  type StopReason,
} from './loop/stop_rule.js';
export { SimulatedAnnotator, type AnnotatorSettings, type LabelNoise } from './loop/simulated_annotator.js';
export { buildModel, modelNames, type BuildOptions, type ModelName } from './models/index.js';

export { openPool } from './data/pool.js';
export { mapBoxes } from './data/affine.js';
export { augmentationMap, augmentSample, drawAugmentation, type Augmentation } from './data/augment.js';
export {
  augmentationPresets,
  completeAugmentation,
  idealNoise,
  type AugmentationSettings,
  type GivenAugmentation,
} from './data/augment_settings.js';
export type { FixedNoise } from './data/fixed_noise.js';
export { writePhantoms } from './data/phantom.js';
export type { Box, Preprocessing, Sample } from './data/types.js';
export { importDataset, type ImportOptions, type ImportSummary } from './data/datasets/import_dataset.js';
export { datasets } from './data/datasets/index.js';
export { fuseBoxes, type ScoredBox } from './data/datasets/box_fusion.js';
export { experimentNames, readExperiment, type Experiment as PaperExperiment } from './experiments/library.js';
export { runExperiment, type ExperimentOptions, type FinishedExperiment } from './experiments/run_experiment.js';
export { writeResults } from './experiments/write_results.js';

export { ScoreStore, type RankedSample, type ScoreRow } from './store/score_store.js';
export { criteria, type Criterion } from './core/criteria.js';
export {
  defaultContext,
  findStrategy,
  loopColumns,
  rankPool,
  strategies,
  strategyContext,
  vectorsOf,
  type ChoosingStrategy,
  type LoopColumn,
  type PoolRanking,
  type PoolVectors,
  type RankingOptions,
  type ScoredPool,
  type ScoringStrategy,
  type Strategy,
  type StrategyContext,
  type StrategyOptions,
} from './strategies/index.js';
export { bordaCount, type BordaTerm } from './strategies/borda_count.js';
export { rankOrder } from './selection/ranking.js';
export { committeeDisagreement, type Disagreement } from './features/committee.js';
export { informationDensity, meanCosine } from './selection/density.js';
export { sampleByDistance, type DistanceSampling } from './selection/distance_sampling.js';
export { diverseBatch, type DiversityOptions } from './selection/diversity.js';
export { gradientSpace } from './selection/gradient_space.js';
export { kCenterGreedy, type Selection } from './selection/k_center.js';
export { kMeans, type Clustering, type KMeansOptions } from './selection/k_means.js';
export { embeddingSpace, type SelectionSpace } from './selection/space.js';
export { typiClust, type TypiClustOptions } from './selection/typiclust.js';
export {
  clusterGains,
  propagateRanks,
  rankClusters,
  type ClusterGains,
} from './selection/deep_features/cluster_ranks.js';
export {
  clusterLatents,
  type LatentClusterOptions,
  type LatentClusters,
} from './selection/deep_features/latent_clusters.js';
export { mapVectors } from './selection/deep_features/map_vectors.js';
export { learnRanks, rankScores, updateRanks } from './selection/deep_features/rank_forest.js';

export { backendStatus, openBackend, type Backend } from './backend/index.js';
export { dice } from './kernels/dice.js';
export { firstOrder } from './kernels/first_order.js';
export { glcm } from './kernels/glcm.js';
export { glcmOffsets, offsetWeights } from './kernels/glcm_offsets.js';
export { gradcam } from './kernels/gradcam.js';
export { histogram } from './kernels/histogram.js';
export { nearest } from './kernels/nearest.js';
export { pairwise } from './kernels/pairwise.js';
export { quantile } from './kernels/quantile.js';
export { shape2d } from './kernels/shape2d.js';
export { warp, warpBytes } from './kernels/warp.js';
