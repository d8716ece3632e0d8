import type { ComputeOptions, DropoutSettings, ExplainOptions, ScoreRadiomics } from '../../engine/options.js';
import type {
  DurationOptions,
  LossOptions,
  SplitOptions,
  TrainOptions,
  UpdateOptions,
} from '../../engine/train_options.js';
import type { BordaTerm, StrategyContext } from '../../strategies/index.js';
import type { LabelNoise } from '../simulated_annotator.js';

/** Which samples are pool (training), validation and test; `seed`: of a split by patient. */
export type SplitConfig = SplitOptions & { seed?: number };

/** The network: an architecture built from scratch, or a file to fine-tune; and how images are brought to its input. */
export type NetworkConfig = Pick<TrainOptions, 'arch' | 'size' | 'channels' | 'width' | 'dropout'> &
  Pick<TrainOptions, 'mean' | 'std' | 'resize' | 'window' | 'axis'> & {
    /** Absolute path of an ONNX classifier, in place of `arch`. */
    file?: string;
  };

type Trained = UpdateOptions &
  LossOptions &
  DurationOptions &
  Pick<TrainOptions, 'batch' | 'accumulate' | 'balanced' | 'augmentation' | 'batchNorm'> &
  Pick<TrainOptions, 'runtime' | 'provider' | 'threads' | 'checkpointSeconds' | 'checkpointEvery' | 'logEvery'>;

/** How the classifier is trained in each round; names and defaults as `TrainOptions`. */
export type TrainingConfig = Trained & {
  /** Every round from the initial weights, or on from the last round's. Default scratch. */
  start: 'scratch' | 'warm';
};

/** The U-Net of task segmentation, and of predicted regions of interest. Its input is the classifier's. */
export type SegmentationConfig = Trained & Pick<TrainOptions, 'width' | 'dropout'> & { arch: 'unet' };

/** How the pool is scored; names and defaults as of `score`. */
export type ScoringConfig = ExplainOptions &
  Omit<ScoreRadiomics, 'radiomicsOf'> &
  DropoutSettings &
  Pick<ComputeOptions, 'batch' | 'runtime' | 'provider'>;

/** Query by committee: models trained on the labelled set, different in their seed alone. */
export interface CommitteeConfig {
  /** Default 3. */
  members: number;
  /** Default vote-entropy. */
  measure: 'vote-entropy' | 'consensus-entropy' | 'divergence';
  /** Of each member's training. Default: the classifier's. */
  epochs?: number;
}

/** IDEAL's Algorithm 2. */
export interface DeepFeaturesConfig {
  /** K of k-means. Default 10. */
  clusters: number;
  /** Fine-tunes per representative, different in their seed: one ΔAUC is mostly noise. Default 3. */
  trials: number;
  /** Batches of a fine-tune. */
  iterations?: number;
  /** Of a fine-tune. */
  learningRate?: number;
  /** Rounds between learning codes, clusters and ranks anew; 0: once. Default 0. */
  every: number;
  autoencoderEpochs?: number;
  /** Of the on-line random forest. Default 100. */
  trees: number;
  /** Where a fine-tune has the representative: in every batch (default), or in one batch an epoch. */
  weight?: 'every-batch' | 'once';
}

/** The name of a run that labels the whole pool in round 0: the level that strategies are measured against. */
export const fullySupervised = 'fully-supervised';

/** One strategy of a grid, with settings of its own. What is left out takes the strategy's or the engine's default. */
export interface StrategyConfig extends Partial<
  Pick<StrategyContext, 'alpha' | 'combine' | 'uncertainty' | 'radiomicsOf'>
> {
  /** A name of the registry, or `fully-supervised`. */
  strategy: string;
  /** Unique in the grid, and a folder's name. Default: the strategy's. */
  name: string;
  borda?: readonly BordaTerm[];
  /** density-entropy: exponent of the density. */
  beta?: number;
  /** xal-roi-control: of how many samples with the most similar region one is drawn. */
  roiNeighbours?: number;
  committee?: CommitteeConfig;
  /** A diverse batch from the top of the ranking. */
  diversity?: { method: 'k-center' | 'k-means'; factor: number };
  deepFeatures?: DeepFeaturesConfig;
  /** Label the least informative first. Default false. */
  reverse: boolean;
  /** Where regions of interest come from. Default manifest. */
  roi: 'manifest' | 'predicted' | 'none';
  /** Explanation in place of that of `scoring`. */
  explain?: string;
}

export interface InitialConfig {
  /** Samples … */
  count?: number;
  /** … or a share of the pool, in (0, 1]. Default 0.1. */
  fraction?: number;
  /** By label, where labels are known. Default true. */
  stratified: boolean;
  /** Single samples, or whole patients. Default sample. */
  by: 'sample' | 'patient';
}

/** Labels asked for in each round: always as many, growing (IDEAL §V-C), or one by one with the last repeated. */
export type BatchConfig = number | readonly number[] | GrowingBatch;

export interface GrowingBatch {
  first: number;
  /** Times this … */
  factor: number;
  /** … every so many rounds. Default 1. */
  every: number;
  /** Never more. */
  most?: number;
}

/** Whichever comes first; and always: nothing left in the pool. */
export interface StopConfig {
  labels?: number;
  /** After the initial one. */
  rounds?: number;
  /** Reached in `part`. */
  auc?: number;
  /** Reached in `part`, of task segmentation. */
  dice?: number;
  /** What labelling may cost. */
  cost?: number;
  /** Default validation: a run that is stopped by its test AUC reports that AUC too high. */
  part: 'validation' | 'test';
}

export interface SimulatedOracleConfig {
  kind: 'simulated';
  noise?: LabelNoise;
  /** Of a query, or by class. Default 1. */
  cost: number | Readonly<Record<string, number>>;
  /** Of the errors. Default 0: all strategies and seeds get the same answers. */
  seed: number;
}

export type OracleConfig =
  | SimulatedOracleConfig
  /** A person at this terminal. */
  | { kind: 'terminal' }
  /** Queries as files, answers as files; `wait`: for them, else pause. Default true. */
  | { kind: 'files'; wait: boolean };

/** A data set that takes the place of the first from a round on (IDEAL §V-E). */
export interface SwitchConfig {
  round: number;
  /** Absolute path or glob. */
  data: string;
  split?: SplitConfig;
  /** Whether what was labelled before stays in the training set. Default keep. */
  labelled: 'keep' | 'drop';
  /** The second set's name of the finding. Default: the first's. */
  finding?: string;
  /** The second set's names of the classes, in the order of `labels`. */
  labels?: readonly string[];
}

/** Gaussian noise on pixel values in [0, 1], the same for an image every time (IDEAL §V-G). */
export interface NoiseConfig {
  sigma: number;
  /** Default pool, training and test. */
  on: readonly ('pool' | 'training' | 'test')[];
}

/** Never changes a result. */
export type ComputeConfig = Pick<ComputeOptions, 'workers' | 'backend' | 'limitMemory'> & Pick<TrainOptions, 'cacheMb'>;

/** A run, or a grid of runs: every strategy under every seed. Paths are absolute. */
export interface RunConfig {
  /** The YAML file. */
  file: string;
  name: string;
  out: string;
  /** Manifest, folder or glob. */
  data: string;
  split: SplitConfig;
  allowSharedPatients: boolean;
  /** segmentation: the classifier selects, a U-Net is trained on the selected masks. */
  task: 'classification' | 'segmentation';
  /** Class order. With `finding`: its two classes. Absent: the labels that occur. */
  labels?: readonly string[];
  /** A finding of several, against the rest. */
  finding?: string;
  model: NetworkConfig;
  training: TrainingConfig;
  segmentation: SegmentationConfig;
  scoring: ScoringConfig;
  strategies: readonly StrategyConfig[];
  seeds: readonly number[];
  initial: InitialConfig;
  batch: BatchConfig;
  stop: StopConfig;
  oracle: OracleConfig;
  switch?: SwitchConfig;
  noise?: NoiseConfig;
  compute: ComputeConfig;
}
