import type { Node } from '../ir.js';
import { arithmetic } from './arithmetic.js';
import { convolution } from './convolution.js';
import { einsum } from './einsum.js';
import { gathering } from './gathering.js';
import { joining } from './joining.js';
import { linear } from './linear.js';
import { normalisation } from './normalisation.js';
import { pointwise } from './pointwise.js';
import { pooling } from './pooling.js';
import { reduction } from './reduction.js';
import { reshaping } from './reshaping.js';
import { resizing } from './resizing.js';
import type { GradientRule, OpRules } from './rules.js';
import { shaping } from './shaping.js';
import { slicing } from './slicing.js';
import { softmax } from './softmax.js';
import { ownDomain } from './own_domain.js';
import { training } from './training.js';
import { transposedConvolution } from './transposed_convolution.js';

/** Every op the engine knows: one entry per op name, from one file per family. */
const table = new Map<string, OpRules>(
  [
    arithmetic,
    convolution,
    einsum,
    gathering,
    joining,
    linear,
    normalisation,
    pointwise,
    pooling,
    reduction,
    reshaping,
    resizing,
    shaping,
    slicing,
    softmax,
    transposedConvolution,
  ].flatMap((family) => Object.entries(family)),
);

/** The rules of a node's op; undefined for an unknown op or a domain that is neither ONNX's nor ours. */
export function rulesOf(node: Node): OpRules | undefined {
  if (node.domain === ownDomain) return training[node.op];
  return node.domain === '' ? table.get(node.op) : undefined;
}

/** Gradient rule of a standard op. */
export function gradientRule(op: string): GradientRule | undefined {
  return table.get(op)?.gradient;
}

/** Names of the ops that have a gradient rule, sorted. */
export function differentiableOps(): string[] {
  return [...table].flatMap(([op, rules]) => (rules.gradient ? [op] : [])).sort();
}
