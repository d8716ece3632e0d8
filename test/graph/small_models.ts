import { Rng } from '../../src/core/rng.js';
import { sizeOf } from '../../src/core/tensor.js';
import { constantOf, type ElementType } from '../../src/graph/constant.js';
import type { Dim, Graph } from '../../src/graph/ir.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { GraphBuilder } from '../../src/models/builder.js';

export interface SmallModel {
  /** Dims of the input as declared. */
  dims?: readonly Dim[];
  layout?: 'NCHW' | 'NHWC';
  dtype?: 'f32' | 'f16' | 'u8';
  /** Ops after the logits. */
  tail?: readonly string[];
  /** Target of the Reshape before the dense layer; null uses Flatten. */
  reshape?: readonly number[] | null;
  classes?: number;
  inputName?: string;
  opset?: number;
}

function weights(name: string, dims: readonly number[]): Float32Array {
  const rng = new Rng(7, name);
  return Float32Array.from({ length: sizeOf(dims) }, () => 0.5 * rng.normal());
}

/** Conv → ReLU → Conv → ReLU → global pooling → dense, in the variety that exporters produce. */
export function smallModel(options: SmallModel = {}): Graph {
  const { layout = 'NCHW', dtype = 'f32', tail = [], reshape = null, classes = 3, inputName = 'input' } = options;
  const dims = options.dims ?? (layout === 'NCHW' ? [null, 3, 8, 8] : [null, 8, 8, 3]);
  const b = new GraphBuilder('small');
  if (options.opset) b.graph.opsets.set('', options.opset);
  b.input(inputName, dims);
  const inner: ElementType = dtype === 'f16' ? 'f16' : 'f32';
  b.graph.inputs[0].type = dtype;
  const parameter = (name: string, shape: readonly number[]) =>
    b.constant(constantOf(inner, shape, weights(name, shape)));
  let x = inputName;
  if (dtype === 'u8') {
    x = b.op('Cast', [x], { to: 1 });
    x = b.op('Div', [x, b.constant(constantOf('f32', [], [255]))]);
  }
  if (layout === 'NHWC') x = b.op('Transpose', [x], { perm: [0, 3, 1, 2] });
  const convolved = (value: string, name: string, shape: readonly number[]) =>
    b.op('Conv', [value, parameter(name, shape), parameter(`${name}.bias`, [shape[0]])], { pads: [1, 1, 1, 1] });
  x = b.relu(convolved(x, 'a', [4, 3, 3, 3]));
  x = b.op('Relu', [convolved(x, 'b', [6, 4, 3, 3])], {}, 'features');
  x = b.op('GlobalAveragePool', [x]);
  x = reshape ? b.reshape(x, reshape) : b.op('Flatten', [x], { axis: 1 });
  x = b.op('Gemm', [x, parameter('head', [6, classes]), parameter('head.bias', [classes])], {}, 'scores');
  for (const op of tail) x = b.op(op, [x], op === 'Softmax' || op === 'LogSoftmax' ? { axis: 1 } : {});
  b.graph.outputs.push({ name: x, type: inner, dims: [dims[0], classes] });
  return b.graph;
}

export function smallModelBytes(options: SmallModel = {}): Uint8Array {
  return exportOnnx(smallModel(options));
}
