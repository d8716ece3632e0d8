import { Inference } from '../../graph/infer.js';
import { opsetOf, readsOf, type Graph, type Node, type ValueShape } from '../../graph/ir.js';
import { NodeRun, unsupportedByTfjs } from './node_run.js';
import { ops } from './ops/index.js';
import { ConstantValue, Value, type ChannelsLast, type Result, type Tf, type TfTensor } from './value.js';

/** Constants up to this many elements that are computed on loading are also known as numbers. */
const largestKnown = 1 << 12;

/** A node with the values that nobody reads after it. */
interface Step {
  node: Node;
  last: string[];
}

/**
 * A graph as a list of TensorFlow.js calls. What depends on no input is computed once, on loading; every other value
 * is freed after its last reader.
 */
export class Program {
  readonly #constants = new Map<string, Value>();
  readonly #steps: Step[] = [];
  readonly #inference: Inference;
  readonly #opset: number;

  private constructor(
    private readonly tf: Tf,
    private readonly graph: Graph,
  ) {
    this.#opset = opsetOf(graph);
    const declared = (name: string) => staticShape(graph, name);
    this.#inference = new Inference(graph, declared);
    for (const { name } of graph.inputs) {
      const shape = declared(name);
      if (shape) this.#inference.setShape(name, shape);
    }
    for (const node of graph.nodes) this.#inference.visit(node);
  }

  /**
   * Prepares a graph for the backend that is set.
   * @throws SightlineError E_OP_UNSUPPORTED naming a node that TensorFlow.js cannot run
   */
  static async load(tf: Tf, graph: Graph): Promise<Program> {
    const program = new Program(tf, graph);
    try {
      await program.#prepare();
    } catch (error) {
      program.dispose();
      throw error;
    }
    return program;
  }

  /** What shape inference knows of a value. */
  shape(name: string): ValueShape | undefined {
    return this.#inference.shape(name);
  }

  /**
   * Runs the graph on `inputs` (which become the program's) and returns its outputs, in order (which are the caller's).
   * Synchronous, so that nothing else runs in between.
   */
  run(inputs: ReadonlyMap<string, TfTensor>): TfTensor[] {
    const values = new Map<string, Value>();
    for (const [name, tensor] of inputs) values.set(name, new Value(this.tf, tensor));
    try {
      for (const { node, last } of this.#steps) {
        this.#execute(node, values);
        for (const name of last) {
          values.get(name)?.dispose();
          values.delete(name);
        }
      }
      return this.tf.tidy(() =>
        this.graph.outputs.map(({ name }) => this.tf.clone((values.get(name) ?? this.#constant(name)).plain())),
      );
    } finally {
      for (const value of values.values()) value.dispose();
    }
  }

  dispose(): void {
    for (const value of this.#constants.values()) value.dispose();
    this.#constants.clear();
  }

  async #prepare(): Promise<void> {
    const { graph } = this;
    for (const [name, constant] of graph.initializers) this.#constants.set(name, new ConstantValue(this.tf, constant));
    for (const [name, constant] of this.#inference.folded)
      this.#constants.set(name, new ConstantValue(this.tf, constant));
    const kept = new Set(graph.outputs.map((output) => output.name));
    const dynamic: Node[] = [];
    for (const node of graph.nodes) {
      const outputs = node.outputs.filter((name) => name !== '');
      if (outputs.every((name) => this.#constants.has(name))) continue;
      if (node.domain !== '' || !ops.has(node.op)) throw unsupportedByTfjs(node, 'it has no rule for this op');
      if (readsOf(node).every((name) => this.#constants.has(name))) await this.#fold(node);
      else dynamic.push(node);
    }
    const lastReader = new Map<string, Node>();
    for (const node of dynamic) for (const name of [...node.outputs, ...readsOf(node)]) lastReader.set(name, node);
    for (const node of dynamic) {
      const names = new Set([...node.outputs, ...readsOf(node)]);
      const last = [...names].filter(
        (name) => lastReader.get(name) === node && !kept.has(name) && !this.#constants.has(name),
      );
      this.#steps.push({ node, last });
    }
  }

  /** Computes a node that depends on no input, once. */
  async #fold(node: Node): Promise<void> {
    const results = new Map<string, Value>();
    this.#execute(node, results);
    for (const [name, value] of results) {
      const small = value.dims.reduce((count, dim) => count * dim, 1) <= largestKnown;
      const tensor = this.tf.tidy(() => this.tf.clone(value.plain()));
      value.dispose();
      const numbers = small ? Array.from(await tensor.data()) : undefined;
      this.#constants.set(name, new ComputedConstant(this.tf, tensor, numbers));
    }
  }

  #constant(name: string): Value {
    const value = this.#constants.get(name);
    if (!value) throw new Error(`no value '${name}'`);
    return value;
  }

  #execute(node: Node, values: Map<string, Value>): void {
    const view = new NodeRun(
      this.tf,
      node,
      this.#opset,
      (name) => values.get(name) ?? this.#constant(name),
      (name) => this.#inference.shape(name),
    );
    const op = ops.get(node.op);
    if (!op) throw unsupportedByTfjs(node, 'it has no rule for this op');
    // Only what the op returns outlives it: layouts that values were brought into are kept by the values.
    const results = this.tf.tidy(() => [op(view)].flat().map(asEntry));
    results.forEach(({ tensor, last }, index) => {
      const name = node.outputs[index];
      if (name) values.set(name, new Value(this.tf, last ? { last: tensor } : tensor));
      else tensor.dispose();
    });
  }
}

/** A constant that was computed on loading. */
class ComputedConstant extends Value {
  constructor(
    tf: Tf,
    tensor: TfTensor,
    private readonly known: ArrayLike<number> | undefined,
  ) {
    super(tf, tensor);
  }

  override numbers(): ArrayLike<number> | undefined {
    return this.known;
  }
}

type Entry = { tensor: TfTensor; last: boolean };

function asEntry(result: Result): Entry {
  return isLast(result) ? { tensor: result.last, last: true } : { tensor: result, last: false };
}

function isLast(result: Result): result is ChannelsLast {
  return 'last' in result;
}

/** Shape of an input, or of an inner value whose op has no shape rule, as the file declares it. */
function staticShape(graph: Graph, name: string): ValueShape | undefined {
  const info =
    graph.inputs.find((input) => input.name === name) ??
    graph.declared.get(name) ??
    graph.outputs.find((output) => output.name === name);
  if (!info?.type || !info.dims || info.dims.includes(null)) return undefined;
  return { type: info.type, dims: info.dims as number[] };
}
