export { Optimiser, type OptimiserOptions, type StepReport } from './optimiser.js';
export { openTrainingStep } from './open_training_step.js';
export type {
  AlignmentSettings,
  BatchReport,
  LossSettings,
  TrainingBatch,
  TrainingStep,
  TrainingStepSettings,
} from './training_step.js';
