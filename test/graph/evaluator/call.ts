import { floatAttribute, intAttribute, intsAttribute, stringAttribute, type Node } from '../../../src/graph/ir.js';
import type { Value } from './value.js';

/** One node about to be evaluated. */
export class Call {
  /** @param inputs undefined where an optional one is left out */
  constructor(
    readonly node: Node,
    readonly opset: number,
    readonly inputs: readonly (Value | undefined)[],
  ) {}

  /** Input `index`, which must be given. */
  x(index = 0): Value {
    const value = this.inputs[index];
    if (!value) throw new Error(`${this.node.op}: input ${index} is missing`);
    return value;
  }

  /** The inputs that are given. */
  all(): Value[] {
    return this.inputs.filter((value) => value !== undefined);
  }

  has(index: number): boolean {
    return this.inputs[index] !== undefined;
  }

  /** Attribute `name`, or input `index` where newer operator sets moved it. */
  list(name: string, index?: number): number[] | undefined {
    const given = index === undefined ? undefined : this.inputs[index];
    return intsAttribute(this.node, name) ?? (given && Array.from(given.data));
  }

  int(name: string, fallback: number): number {
    return intAttribute(this.node, name, fallback);
  }

  float(name: string, fallback: number): number {
    return floatAttribute(this.node, name, fallback);
  }

  text(name: string, fallback: string): string {
    return stringAttribute(this.node, name, fallback);
  }
}

/** What an op computes: its outputs, in order. */
export type Definition = (call: Call) => Value[];
