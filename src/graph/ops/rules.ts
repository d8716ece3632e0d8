import { SightlineError } from '../../core/errors.js';
import type { Constant } from '../constant.js';
import type { Emitter } from '../emitter.js';
import { describeNode, type Node, type ValueShape } from '../ir.js';

/** Shapes and constants known so far; what rules see of a graph. */
export interface Knowledge {
  shape(name: string): ValueShape | undefined;
  constant(name: string): Constant | undefined;
  /** Why a value's shape is unknown, by value name. */
  readonly reasons: ReadonlyMap<string, string>;
}

/** What a shape rule or a constant evaluator sees of its node. */
export interface NodeView {
  readonly node: Node;
  readonly opset: number;
  /** Whether optional input `index` is given. */
  has(index: number): boolean;
  /** Type and dims of input `index`. @throws UnknownShape */
  input(index: number): ValueShape;
  /** The inputs that are given, in order. @throws UnknownShape */
  inputs(): ValueShape[];
  /** Input `index` where it is a constant. */
  constant(index: number): Constant | undefined;
  /** Input `index` as constant integers. @throws UnknownShape where it is given but only known at run time. */
  ints(index: number): number[] | undefined;
}

/** Output shapes of a node, in order of its outputs. */
export type ShapeRule = (view: NodeView) => ValueShape[];

/** Outputs as constants when all needed inputs are; undefined to leave the node in the graph. */
export type Evaluator = (view: NodeView) => Constant[] | undefined;

/** What a backward rule sees: the node, what arrives at its outputs, and an emitter for new nodes. */
export interface BackwardView {
  readonly node: Node;
  readonly opset: number;
  readonly emit: Emitter;
  /** What arrives at output `index`, its gradient or relevance (zeros are never materialised: undefined means zero). */
  arriving(index: number): string | undefined;
  /** Whether input `index` lies on a way to a target. */
  wants(index: number): boolean;
}

export type GradientView = BackwardView;

/** Values holding the gradient with respect to each wanted input, in order of inputs. Undefined = zero. */
export type GradientRule = (view: GradientView) => (string | undefined)[];

/**
 * All that the engine knows of one ONNX op. A pass that meets an op without the rule it needs throws
 * E_OP_UNSUPPORTED. How relevance passes an op is said in `relevance/rules.ts`, one line each.
 */
export interface OpRules {
  shape?: ShapeRule;
  evaluate?: Evaluator;
  gradient?: GradientRule;
}

/** Thrown by shape rules where a shape depends on something only known at run time. Caught by inference. */
export class UnknownShape extends Error {}

/** Thrown by shape rules for shapes that do not fit together. Caught by inference, kept as a reason. */
export class ShapeMismatch extends Error {}

export function unsupportedOp(node: Node, what: string, remedy: string): SightlineError {
  return new SightlineError('E_OP_UNSUPPORTED', { where: describeNode(node), what, remedy });
}

export function sameAsInput(view: NodeView): ValueShape[] {
  return view.node.outputs.map(() => view.input(0));
}

/** Axis in [0, rank) from one that may count from the end. */
export function axisOf(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive >= Math.max(rank, 1))
    throw new ShapeMismatch(`axis ${axis} is outside a rank of ${rank}`);
  return positive;
}

/** Numpy broadcasting of shapes. */
export function broadcast(...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((dims) => dims.length));
  return Array.from({ length: rank }, (_, i) => {
    let size = 1;
    for (const dims of shapes) {
      const dim = dims[dims.length - rank + i] ?? 1;
      if (dim === 1 || dim === size) continue;
      if (size !== 1)
        throw new ShapeMismatch(`dims ${shapes.map((d) => `[${d.join(', ')}]`).join(' and ')} do not broadcast`);
      size = dim;
    }
    return size;
  });
}

export function product(dims: readonly number[]): number {
  return dims.reduce((total, dim) => total * dim, 1);
}

/** Row-major strides. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length);
  let step = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= dims[axis];
  }
  return strides;
}
