import { constantOf, f32, i64, type Constant } from '../constant.js';
import { emptyGraph, type Attribute, type Dim, type Graph, type Node } from '../ir.js';
import { channelsLast, inElementOrder, inOrder, sameOrder, storedDims, transposed, type Value } from './value.js';

/** A whole number is an int attribute; `{ float: 1 }` says float whatever the value. */
export type AttributeValue = number | string | readonly number[] | { readonly float: number };

/** Appends the nodes of one layer after another to a graph; nodes and values carry the layer's name. */
export class Writer {
  readonly graph: Graph;
  #layer = '';
  #first = 0;
  #used = new Set<string>();

  constructor(name: string) {
    this.graph = emptyGraph(name);
  }

  /** From here on, nodes belong to `layer`. */
  begin(layer: string): void {
    this.#layer = layer;
    this.#first = this.graph.nodes.length;
  }

  /** Gives the node that makes a layer's output, and that output, the name of the layer itself. */
  end(value: Value): Value {
    const at = this.graph.nodes.findLastIndex((node) => node.outputs[0] === value.name);
    if (at < this.#first) return value;
    const name = this.unused(this.#layer);
    this.graph.nodes[at] = { ...this.graph.nodes[at], name, outputs: [name] };
    return { ...value, name };
  }

  op(op: string, inputs: readonly string[], attributes: Record<string, AttributeValue> = {}): string {
    const name = this.unused(`${this.#layer}/${op}`);
    const encoded = Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)] as const);
    const node: Node = {
      name,
      op,
      domain: '',
      inputs: [...inputs],
      outputs: [name],
      attributes: Object.fromEntries(encoded),
    };
    this.graph.nodes.push(node);
    return name;
  }

  /** `name`, or `name_1` … where it is taken. */
  unused(name: string): string {
    let free = name;
    for (let n = 1; this.#used.has(free); n++) free = `${name}_${n}`;
    this.#used.add(free);
    return free;
  }

  /** An initializer of the given name, made on first use: calls of a shared layer read the same one. */
  parameter(name: string, make: () => Constant): string {
    if (!this.graph.initializers.has(name)) {
      this.#used.add(name);
      this.graph.initializers.set(name, make());
    }
    return name;
  }

  scalar(value: number): string {
    return this.parameter(`number ${value}`, () => f32([], [value]));
  }

  ints(values: readonly number[]): string {
    return this.parameter(`integers ${values.join(' ')}`, () => i64([values.length], values));
  }

  floats(values: readonly number[]): string {
    return this.parameter(`numbers ${values.join(' ')}`, () => constantOf('f32', [values.length], values));
  }

  /** The value with Keras's axes in the order that `axes` says. Free where only axes of length 1 move. */
  arranged(value: Value, axes: readonly number[]): Value {
    const plain = this.unflattened(value);
    if (sameOrder(plain.axes, axes)) return plain;
    const long = (order: readonly number[]) => order.filter((axis) => axis === 0 || plain.dims[axis] !== 1);
    const moved = { ...plain, axes };
    if (sameOrder(long(plain.axes), long(axes)) && !plain.dims.slice(1).includes(null)) {
      return { ...moved, name: this.#reshape(plain.name, storedDims(moved)) };
    }
    const perm = axes.map((axis) => plain.axes.indexOf(axis));
    return { ...moved, name: this.op('Transpose', [plain.name], { perm }) };
  }

  /** The value with axes in Keras's own order. */
  inKerasOrder(value: Value): Value {
    return this.arranged(value, inOrder(value.dims.length));
  }

  /** [N, features] in Keras's order of features. */
  unflattened(value: Value): Value {
    const { flattened, ...rest } = value;
    if (!flattened) return value;
    const perm = inOrder(flattened.dims.length).map((axis) => flattened.axes.indexOf(axis));
    const stacked = this.#reshape(value.name, storedDims(flattened));
    return { ...rest, name: this.#reshape(this.op('Transpose', [stacked], { perm }), value.dims) };
  }

  /** The value in other dims (batch first), as Keras orders elements. An image comes out channels first. */
  reshaped(value: Value, dims: readonly Dim[]): Value {
    // Where only axes of length 1 stand elsewhere, elements are in Keras's order already: one step, and no value
    // between that looks like a feature map.
    const plain = inElementOrder(value) ? value : this.inKerasOrder(value);
    const one = dims.slice(1).filter((dim) => dim !== 1).length < 2;
    const axes = dims.length === 4 && one ? channelsLast(4) : inOrder(dims.length);
    const result = { name: '', dims, axes };
    return { ...result, name: this.#reshape(plain.name, storedDims(result)) };
  }

  /** Reshape to the dims of an ONNX value: the batch as it is, at most one other dim open. */
  #reshape(name: string, dims: readonly Dim[]): string {
    return this.op('Reshape', [name, this.ints(dims.map((dim, axis) => (axis === 0 ? 0 : (dim ?? -1))))]);
  }

  /** A constant over some of Keras's axes (1 elsewhere), laid out to broadcast against `value`. */
  alongside(value: Value, name: string, dims: readonly number[], data: Float32Array): string {
    const full = [...new Array<number>(value.dims.length - dims.length).fill(1), ...dims];
    const moved = transposed(data, full, value.axes);
    return this.parameter(
      `${name}${sameOrder(value.axes, inOrder(value.dims.length)) ? '' : `/${value.axes.join('')}`}`,
      () => f32(moved.dims, moved.data),
    );
  }
}

function attributeOf(value: AttributeValue): Attribute {
  if (typeof value === 'string') return { kind: 'string', value };
  if (typeof value === 'number') return { kind: 'int', value };
  if ('float' in value) return { kind: 'float', value: value.float };
  return { kind: 'ints', value: [...value] };
}
