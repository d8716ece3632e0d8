import type { Emitter } from '../emitter.js';
import type { Node } from '../ir.js';
import type { BackwardView } from '../ops/rules.js';
import type { RelevancePreset } from './presets.js';

/** What a relevance rule sees: its node, how the preset wants layers treated, and what is known of values. */
export interface RelevanceView extends BackwardView {
  readonly preset: RelevancePreset;
  /** What is known of the graph's values. */
  readonly values: ValueFacts;
  /** What the node's own gradient rule makes of `arriving`, with respect to its first input. */
  gradient(node: Node, arriving: string): string;
}

/** Facts about values that rules choose by. Names are those of the graph. */
export interface ValueFacts {
  /** Whether no element can be negative. */
  nonNegative(value: string): boolean;
  /** Whether `value` is computed from `from`. */
  dependsOn(value: string, from: string): boolean;
  /**
   * What counts as zero of a value, broadcastable to it: the shift of a batch normalisation before it that could not be
   * folded. Undefined = zero.
   */
  root(value: string, emit: Emitter): string | undefined;
  /** Lowest and highest values that this value can have, where only affine ops lie between it and the image. */
  bounds(value: string, emit: Emitter): readonly [low: string, high: string] | undefined;
  /** The constant that an Add adds to this value, where nothing else reads it: a layer's bias. */
  addedConstant(value: string): string | undefined;
}
