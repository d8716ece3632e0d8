import { SightlineError } from '../../core/errors.js';
import type { ElementType } from '../../graph/constant.js';
import { describeNode, type Node, type ValueShape } from '../../graph/ir.js';
import type { Result, Tf, TfTensor, Value } from './value.js';

/** Runs one ONNX op on TensorFlow.js: its outputs, in order. Whatever else it makes is freed afterwards. */
export type Op = (run: NodeRun) => Result | Result[];

/** What an op sees of the node that is run. */
export class NodeRun {
  constructor(
    readonly tf: Tf,
    readonly node: Node,
    readonly opset: number,
    private readonly valueOf: (name: string) => Value,
    private readonly shapeOf: (name: string) => ValueShape | undefined,
  ) {}

  has(index: number): boolean {
    return Boolean(this.node.inputs[index]);
  }

  value(index: number): Value {
    const name = this.node.inputs[index];
    if (!name) throw this.unsupported(`input ${index} is missing`);
    return this.valueOf(name);
  }

  /** The inputs that are given. */
  values(): Value[] {
    return this.node.inputs.flatMap((name) => (name ? [this.valueOf(name)] : []));
  }

  /** Input `index` in ONNX's axis order. */
  x(index = 0): TfTensor {
    return this.value(index).plain();
  }

  /** Input `index` as numbers; undefined where it is not given. @throws E_OP_UNSUPPORTED when only known on the device */
  numbers(index: number): number[] | undefined {
    if (!this.has(index)) return undefined;
    const numbers = this.value(index).numbers();
    if (!numbers) throw this.unsupported(`its input ${index} is computed while the model runs`);
    return Array.from(numbers);
  }

  /** Dims of output `index`. @throws E_OP_UNSUPPORTED where shape inference does not know them */
  dims(index = 0): number[] {
    const shape = this.shapeOf(this.node.outputs[index] ?? '');
    if (!shape) throw this.unsupported('the shape of its output is only known while the model runs');
    return [...shape.dims];
  }

  /** Element type of the first output. */
  outputType(): ElementType {
    return this.shapeOf(this.node.outputs[0])?.type ?? 'f32';
  }

  unsupported(what: string): SightlineError {
    return unsupportedByTfjs(this.node, what);
  }
}

export function unsupportedByTfjs(node: Node, what: string): SightlineError {
  return new SightlineError('E_OP_UNSUPPORTED', {
    where: describeNode(node),
    what: `TensorFlow.js cannot run ${node.op} here: ${what}`,
    remedy: 'Use --runtime onnxruntime, which runs it.',
  });
}
