import { f32, i64, type Constant } from '../graph/constant.js';
import { emptyGraph, type Attribute, type Dim, type Graph } from '../graph/ir.js';

/** A whole number is an int attribute, a fraction a float; `{ float: 1 }` says float whatever the value. */
type AttributeValue = number | string | readonly number[] | { readonly float: number };

/** A filter bank: data [out, in / groups, height, width] row-major. */
export interface Filters {
  dims: readonly [out: number, inPerGroup: number, height: number, width: number];
  data: Float32Array;
}

/** Builds an ONNX graph layer by layer; every method appends a node and returns the name of its value. */
export class GraphBuilder {
  readonly graph: Graph;
  #serial = 0;

  constructor(name: string) {
    this.graph = emptyGraph(name);
  }

  /** Declares a float input; null is a size known only when the model runs. */
  input(name: string, dims: readonly Dim[]): string {
    this.graph.inputs.push({ name, type: 'f32', dims: [...dims] });
    return name;
  }

  output(value: string, name: string, dims: readonly Dim[]): void {
    this.op('Identity', [value], {}, name);
    this.graph.outputs.push({ name, type: 'f32', dims: [...dims] });
  }

  /** Appends any node. */
  op(op: string, inputs: readonly string[], attributes: Record<string, AttributeValue> = {}, output?: string): string {
    const name = `${op.toLowerCase()}_${this.#serial++}`;
    const result = output ?? `${name}_out`;
    const encoded = Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)]));
    this.graph.nodes.push({ name, op, domain: '', inputs: [...inputs], outputs: [result], attributes: encoded });
    return result;
  }

  constant(value: Constant): string {
    const name = `constant_${this.#serial++}`;
    this.graph.initializers.set(name, value);
    return name;
  }

  floats(dims: readonly number[], data: Float32Array | readonly number[]): string {
    return this.constant(f32(dims, data));
  }

  /** An int64 vector. */
  integers(values: readonly number[]): string {
    return this.constant(i64([values.length], values));
  }

  /** Convolution with symmetric zero padding. */
  conv(
    x: string,
    filters: Filters,
    options: { bias?: Float32Array; stride?: number; padding?: number; groups?: number } = {},
  ): string {
    const { bias, stride = 1, padding = 0, groups = 1 } = options;
    const inputs = [x, this.floats(filters.dims, filters.data)];
    if (bias) inputs.push(this.floats([bias.length], bias));
    return this.op('Conv', inputs, {
      kernel_shape: [filters.dims[2], filters.dims[3]],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
      group: groups,
    });
  }

  relu(x: string): string {
    return this.op('Relu', [x]);
  }

  averagePool(x: string, size: number): string {
    return this.op('AveragePool', [x], { kernel_shape: [size, size], strides: [size, size] });
  }

  /** [B,C,h,w] → [B,C] */
  globalPool(x: string, kind: 'average' | 'max'): string {
    const pooled = this.op(kind === 'average' ? 'GlobalAveragePool' : 'GlobalMaxPool', [x]);
    return this.op('Flatten', [pooled], { axis: 1 });
  }

  /** x [B,D] · weights [D,K] + bias [K] */
  dense(x: string, weights: Float32Array, bias: Float32Array): string {
    const classes = bias.length;
    return this.op('Gemm', [
      x,
      this.floats([weights.length / classes, classes], weights),
      this.floats([classes], bias),
    ]);
  }

  reshape(x: string, dims: readonly number[]): string {
    return this.op('Reshape', [x, this.integers(dims)]);
  }
}

function attributeOf(value: AttributeValue): Attribute {
  if (typeof value === 'string') return { kind: 'string', value };
  if (typeof value === 'number') return Number.isInteger(value) ? { kind: 'int', value } : { kind: 'float', value };
  if ('float' in value) return { kind: 'float', value: value.float };
  return { kind: 'ints', value: [...value] };
}
