import type { Classifier } from '../classifier.js';
import type { Emitter } from '../emitter.js';
import type { Graph } from '../ir.js';

/** What a pass sees of the graph that is being compiled. */
export interface PassContext {
  readonly classifier: Classifier;
  /** Appended to, through `emit`. */
  readonly graph: Graph;
  readonly emit: Emitter;
  /** The compiled graph's image input: f32[B,C,H,W]. */
  readonly image: string;
  /** The model's raw scores, in the model's own shape and element type. */
  readonly logits: string;
  /** Name in the compiled graph of a value of the classifier's graph. */
  named(value: string): string;
  /** One-hot rows of the class to explain, in shape and type of `logits`; adds the input `class_index`. */
  classSeed(): string;
  /** Adds an output, as f32. */
  output(name: string, value: string): void;
}

/** Facts about a compiled graph that a pass adds. */
export interface PassFacts {
  /** The layer that is explained. */
  targetLayer?: string;
}

/** One thing to append to a model: nodes behind it and outputs that show them. Adding one is one file. */
export interface GraphPass {
  readonly name: string;
  /** Outputs that `append` adds. */
  readonly outputs: readonly string[];
  /** Values of the classifier's graph that must not be optimised away. */
  keeps?(classifier: Classifier): readonly string[];
  /** Whether batch normalisation may be folded into its neighbours; default true. */
  readonly foldsBatchNorm?: boolean;
  append(context: PassContext): PassFacts;
}
