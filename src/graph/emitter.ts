import { constantOf, elementTypeCode, type Constant, type ElementType } from './constant.js';
import type { Inference } from './infer.js';
import { opsetOf, type Attribute, type Graph, type Node, type ValueShape } from './ir.js';
import { firstComplete, olderForm } from './older_opsets.js';
import type { Knowledge } from './ops/rules.js';
import { ownDomain } from './ops/own_domain.js';
import { SightlineError } from '../core/errors.js';

/** Attribute values as rules write them; integers and floats are told apart by `float()`. */
export type AttributeValue = number | string | readonly number[] | Attribute;

/** Marks a float attribute. */
export function float(value: number): Attribute {
  return { kind: 'float', value };
}

/**
 * Appends nodes to a graph, giving each the form that the graph's operator set version asks for, and keeps the shapes
 * of what it appends. New values are named `sightline/<n>`.
 */
export class Emitter {
  readonly opset: number;
  #serial = 0;
  #constants = new Map<string, string>();

  /**
   * @param graph appended to in place
   * @param infer adds the shapes (and constants) of one node's outputs to what is known
   */
  constructor(
    readonly graph: Graph,
    private readonly known: Knowledge & Pick<Inference, 'setShape'>,
    private readonly infer: (node: Node) => void,
    private readonly prefix = 'sightline',
  ) {
    this.opset = opsetOf(graph);
  }

  /** Appends one node and returns its first output. */
  op(op: string, inputs: readonly string[], attributes: Record<string, AttributeValue> = {}, output?: string): string {
    const older = this.opset < firstComplete ? olderForm(this, op, inputs) : undefined;
    if (older) return output ? this.op('Identity', [older], {}, output) : older;
    return this.ops(op, inputs, attributes, [output ?? this.fresh(op)])[0];
  }

  /** Appends one node with the given outputs. */
  ops(
    op: string,
    inputs: readonly string[],
    attributes: Record<string, AttributeValue>,
    outputs: string[],
    domain = '',
  ): string[] {
    const node: Node = {
      name: this.fresh(op),
      op,
      domain,
      inputs: [...inputs],
      outputs,
      attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, attributeOf(value)])),
    };
    this.graph.nodes.push(node);
    this.infer(node);
    return outputs;
  }

  /** Appends a node as it is. */
  append(node: Node): void {
    this.graph.nodes.push(node);
    this.infer(node);
  }

  /** Adds an f32 input to the graph. */
  input(name: string, dims: readonly number[]): string {
    this.graph.inputs.push({ name, type: 'f32', dims: [...dims] });
    this.known.setShape(name, { type: 'f32', dims });
    return name;
  }

  /** Appends one node of our own domain (`ops/training.ts`) with `count` outputs. */
  own(op: string, inputs: readonly string[], attributes: Record<string, AttributeValue> = {}, count = 1): string[] {
    const outputs = Array.from({ length: count }, () => this.fresh(op));
    return this.ops(op, inputs, attributes, outputs, ownDomain);
  }

  fresh(hint: string): string {
    return `${this.prefix}/${hint}_${this.#serial++}`;
  }

  /** A new initializer. Small equal constants are shared. */
  constant(value: Constant): string {
    const key = value.raw.byteLength <= 64 ? `${value.type}|${value.dims.join()}|${value.raw.join()}` : undefined;
    const shared = key && this.#constants.get(key);
    if (shared) return shared;
    const name = this.fresh('constant');
    this.graph.initializers.set(name, value);
    if (key) this.#constants.set(key, name);
    return name;
  }

  /** A constant of the same element type as value `like`. */
  like(like: string, dims: readonly number[], values: ArrayLike<number>): string {
    return this.constant(constantOf(this.type(like), dims, values));
  }

  scalar(like: string, value: number): string {
    return this.like(like, [], [value]);
  }

  ints(values: readonly number[]): string {
    return this.constant(constantOf('i64', [values.length], values));
  }

  /** int64 0 … length − 1. */
  constantRange(length: number): string {
    return this.ints(Array.from({ length }, (_, i) => i));
  }

  shape(name: string): ValueShape {
    const shape = this.known.shape(name);
    if (!shape) {
      throw new SightlineError('E_MODEL_UNSUPPORTED', {
        where: name,
        what: ['the shape of this value is not known before the model runs', this.known.reasons.get(name)]
          .filter(Boolean)
          .join(': '),
        remedy: 'Export the model with a fixed input size, or choose a later target layer.',
      });
    }
    return shape;
  }

  dims(name: string): readonly number[] {
    return this.shape(name).dims;
  }

  type(name: string): ElementType {
    return this.shape(name).type;
  }

  /** The constant behind a value, where it is one. */
  constantOf(name: string): Constant | undefined {
    return this.known.constant(name);
  }

  add(a: string, b: string): string {
    return this.op('Add', [a, b]);
  }

  sub(a: string, b: string): string {
    return this.op('Sub', [a, b]);
  }

  mul(a: string, b: string): string {
    return this.op('Mul', [a, b]);
  }

  div(a: string, b: string): string {
    return this.op('Div', [a, b]);
  }

  /** a · number. */
  scale(a: string, factor: number): string {
    return factor === 1 ? a : this.mul(a, this.scalar(a, factor));
  }

  /** 1 where `a op b` holds, else 0, in the element type of `a`. */
  mask(op: 'Greater' | 'Less' | 'Equal', a: string, b: string): string {
    if (op === 'Equal' && this.opset < 11 && /^b?f\d/.test(this.type(a))) {
      // Equal compared integers only.
      const apart = this.add(this.mask('Greater', a, b), this.mask('Less', a, b));
      return this.sub(this.scalar(a, 1), apart);
    }
    return this.cast(this.op(op, [a, b]), this.type(a));
  }

  cast(a: string, type: ElementType): string {
    return this.type(a) === type ? a : this.op('Cast', [a], { to: elementTypeCode(type) });
  }

  reshape(a: string, dims: readonly number[]): string {
    const now = this.dims(a);
    if (now.length === dims.length && now.every((dim, i) => dim === dims[i])) return a;
    return this.op('Reshape', [a, this.ints(dims)]);
  }

  transpose(a: string, perm: readonly number[]): string {
    return perm.every((axis, i) => axis === i) ? a : this.op('Transpose', [a], { perm });
  }

  /** Sum over `axes` (none = the value itself). */
  reduceSum(a: string, axes: readonly number[], keepdims: boolean): string {
    if (axes.length === 0) return a;
    const keep = keepdims ? 1 : 0;
    if (this.opset < 13) return this.op('ReduceSum', [a], { axes, keepdims: keep });
    return this.op('ReduceSum', [a, this.ints(axes)], { keepdims: keep });
  }

  /** Half-open ranges per axis; axes and `steps` positive. */
  slice(
    a: string,
    axes: readonly number[],
    starts: readonly number[],
    ends: readonly number[],
    steps?: readonly number[],
  ): string {
    if (this.opset < 10) {
      // Slice had no steps: every so-manieth position is gathered.
      const whole = this.op('Slice', [a], { axes, starts, ends });
      return axes.reduce((value, axis, i) => {
        const step = steps?.[i] ?? 1;
        if (step === 1) return value;
        const positions = Array.from({ length: Math.ceil(this.dims(whole)[axis] / step) }, (_, at) => at * step);
        return this.op('Gather', [value, this.ints(positions)], { axis });
      }, whole);
    }
    const inputs = [a, this.ints(starts), this.ints(ends), this.ints(axes)];
    return this.op('Slice', steps ? [...inputs, this.ints(steps)] : inputs);
  }

  /** Constant padding; `pads` = begins of all axes, then ends. */
  pad(a: string, pads: readonly number[], value = 0): string {
    if (pads.every((count) => count === 0)) return a;
    if (this.opset < 11) return this.op('Pad', [a], { mode: 'constant', pads, value: float(value) });
    return this.op('Pad', [a, this.ints(pads), this.scalar(a, value)], { mode: 'constant' });
  }

  concat(parts: readonly string[], axis: number): string {
    return parts.length === 1 ? parts[0] : this.op('Concat', parts, { axis });
  }

  /** Sums out the axes along which a value of dims `dims` was broadcast to `a`. */
  unbroadcast(a: string, dims: readonly number[]): string {
    const from = this.dims(a);
    const lead = from.length - dims.length;
    const axes = from.flatMap((dim, axis) => (axis < lead || (dims[axis - lead] === 1 && dim !== 1) ? [axis] : []));
    return this.reshape(this.reduceSum(a, axes, true), dims);
  }
}

/** `wanted`, or what makes it differ from the first part of every name in a model, which may itself come from here. */
export function freePrefix({ nodes, initializers, inputs }: Graph, wanted: string): string {
  const names = [
    ...nodes.flatMap((node) => [node.name, ...node.outputs]),
    ...initializers.keys(),
    ...inputs.map((input) => input.name),
  ];
  let prefix = wanted;
  for (let count = 2; names.some((name) => name.startsWith(`${prefix}/`)); count++) prefix = `${wanted}_${count}`;
  return prefix;
}

function attributeOf(value: AttributeValue): Attribute {
  if (typeof value === 'number') return { kind: 'int', value };
  if (typeof value === 'string') return { kind: 'string', value };
  if (Array.isArray(value)) return { kind: 'ints', value: [...(value as number[])] };
  return value as Attribute;
}
