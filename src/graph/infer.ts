import { valuesOf, type Constant } from './constant.js';
import { describeNode, opsetOf, requireInput, type Graph, type Node, type ValueShape } from './ir.js';
import { rulesOf } from './ops/index.js';
import { ShapeMismatch, UnknownShape, product, type Knowledge, type NodeView } from './ops/rules.js';

/** Constants larger than this stay computed at run time, where ONNX Runtime folds them once itself. */
const largestFolded = 1 << 12;

/** Element types, static shapes and constant values of a graph's values, found by running the shape rules. */
export class Inference implements Knowledge {
  readonly #shapes = new Map<string, ValueShape>();
  readonly #constants: Map<string, Constant>;
  /** Why a value's shape is unknown, by value name. */
  readonly reasons = new Map<string, string>();
  /** Nodes whose input shapes do not fit together. */
  readonly mismatches: string[] = [];
  readonly #opset: number;

  /**
   * @param graph its initializers are known constants from the start
   * @param fallback shapes to take where a rule is lacking (declared in the file, or measured)
   * @param largest elements of a constant that is computed here
   */
  constructor(
    private readonly graph: Graph,
    private readonly fallback: (name: string) => ValueShape | undefined = () => undefined,
    private readonly largest = largestFolded,
  ) {
    this.#constants = new Map();
    this.#opset = opsetOf(graph);
  }

  setShape(name: string, shape: ValueShape): void {
    this.#shapes.set(name, shape);
  }

  setConstant(name: string, constant: Constant): void {
    this.#constants.set(name, constant);
  }

  shape(name: string): ValueShape | undefined {
    const shape = this.#shapes.get(name);
    if (shape) return shape;
    const constant = this.constant(name);
    return constant && { type: constant.type, dims: constant.dims };
  }

  constant(name: string): Constant | undefined {
    return this.#constants.get(name) ?? this.graph.initializers.get(name);
  }

  /** Values found to be constant that are not initializers. */
  get folded(): ReadonlyMap<string, Constant> {
    return this.#constants;
  }

  /** Infers one node; its inputs must have been visited. */
  visit(node: Node): void {
    const view = this.#view(node);
    const rules = rulesOf(node);
    let shapes: ValueShape[] | undefined;
    let reason = `no shape rule for ${describeNode(node)}`;
    if (rules?.shape) {
      try {
        shapes = rules.shape(view);
      } catch (error) {
        if (!(error instanceof UnknownShape || error instanceof ShapeMismatch)) throw error;
        reason = `${describeNode(node)}: ${error.message}`;
        if (error instanceof ShapeMismatch) this.mismatches.push(reason);
      }
    }
    node.outputs.forEach((name, index) => {
      const shape = shapes?.[index] ?? this.fallback(name);
      if (!name) return;
      if (shape) this.#shapes.set(name, shape);
      else this.reasons.set(name, reason);
    });
    if (rules?.evaluate && shapes && shapes.every((shape) => product(shape.dims) <= this.largest)) {
      const constants = rules.evaluate(view);
      constants?.forEach((constant, index) => {
        const name = node.outputs[index];
        if (name) this.#constants.set(name, constant);
      });
    }
  }

  #view(node: Node): NodeView {
    const input = (index: number): ValueShape => {
      const name = requireInput(node, index);
      const shape = this.shape(name);
      if (!shape) throw new UnknownShape(this.reasons.get(name) ?? `the shape of '${name}' is unknown`);
      return shape;
    };
    return {
      node,
      opset: this.#opset,
      has: (index) => Boolean(node.inputs[index]),
      input,
      inputs: () => node.inputs.flatMap((name, index) => (name ? [input(index)] : [])),
      constant: (index) => (node.inputs[index] ? this.constant(node.inputs[index]) : undefined),
      ints: (index) => {
        const name = node.inputs[index];
        if (!name) return undefined;
        const constant = this.constant(name);
        if (!constant) throw new UnknownShape(`'${name}' is only known at run time`);
        return Array.from(valuesOf(constant));
      },
    };
  }
}
