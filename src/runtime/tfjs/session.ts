import { SightlineError } from '../../core/errors.js';
import { tensor, type Tensor } from '../../core/tensor.js';
import type { Graph, ValueShape } from '../../graph/ir.js';
import { importOnnx } from '../../graph/onnx_import.js';
import type { Session, SessionOptions, TfjsBackend } from '../session.js';
import { openLibrary, type Library } from './library.js';
import { Program } from './program.js';
import { clampedInt, type TfTensor } from './value.js';

/**
 * Loads a model on TensorFlow.js.
 * @param onnx the file's bytes; may be a view of shared memory
 * @throws SightlineError E_MODEL_FORMAT (not ONNX), E_PROVIDER (TensorFlow.js is not installed, or the backend cannot
 *   run here), E_OP_UNSUPPORTED naming a node that TensorFlow.js cannot run
 */
export async function openTfjsSession(onnx: Uint8Array, { provider }: SessionOptions = {}): Promise<Session> {
  const graph = importOnnx(onnx);
  const library = await openLibrary(provider);
  library.select();
  const program = await Program.load(library.tf, graph).catch((error: unknown) => {
    throw failed(error, library.backend);
  });
  return new TfjsSession(library, graph, program);
}

const other = 'Use --runtime onnxruntime.';

class TfjsSession implements Session {
  readonly runtime = 'tfjs';
  readonly provider: TfjsBackend;
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];

  constructor(
    private readonly library: Library,
    graph: Graph,
    private readonly program: Program,
  ) {
    this.provider = library.backend;
    this.inputNames = graph.inputs.map((input) => input.name);
    this.outputNames = graph.outputs.map((output) => output.name);
  }

  async run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    for (const name of this.inputNames) checkInput(name, inputs[name], this.program.shape(name));
    let results: TfTensor[] = [];
    try {
      this.library.select();
      const feeds = new Map(this.inputNames.map((name) => [name, this.#upload(inputs[name])]));
      results = this.program.run(feeds);
      const read = await Promise.all(
        results.map(async (result, i) => {
          const name = this.outputNames[i];
          return [name, hostTensor(this.program.shape(name), result, await result.data())] as const;
        }),
      );
      const problem = this.library.problem();
      if (problem) throw new SightlineError('E_PROVIDER', { where: this.provider, what: problem, remedy: other });
      return Object.fromEntries(read);
    } catch (error) {
      throw failed(error, this.provider);
    } finally {
      for (const result of results) result.dispose();
    }
  }

  close(): Promise<void> {
    this.library.select();
    this.program.dispose();
    return Promise.resolve();
  }

  /** A copy: TensorFlow.js may hold on to the array that it is given. */
  #upload({ dtype, dims, data }: Tensor): TfTensor {
    const { tf } = this.library;
    if (dtype === 'f32' || dtype === 'f64') return tf.tensor(new Float32Array(data as Float32Array), [...dims]);
    const numbers = Int32Array.from(data as ArrayLike<number>, (value) => clampedInt(Number(value)));
    return tf.tensor(numbers, [...dims], 'int32');
  }
}

function checkInput(name: string, given: Tensor | undefined, wanted: ValueShape | undefined): void {
  if (given && (!wanted || given.dims.join() === wanted.dims.join())) return;
  throw new SightlineError('E_SHAPE', {
    where: name,
    what: given
      ? `expected dims [${wanted?.dims.join(', ')}], received [${given.dims.join(', ')}]`
      : 'this input of the model was not given',
  });
}

/** A copy: the backend may use the memory again. */
function hostTensor(shape: ValueShape | undefined, { dtype, shape: dims }: TfTensor, data: ArrayLike<number>): Tensor {
  if (shape?.type === 'i64') return tensor('i64', dims, BigInt64Array.from(Array.from(data), BigInt));
  if (dtype === 'int32') return tensor('i32', dims, Int32Array.from(data));
  if (dtype === 'bool') return tensor('u8', dims, Uint8Array.from(data));
  return tensor('f32', dims, new Float32Array(data));
}

function failed(error: unknown, backend: TfjsBackend): SightlineError {
  return SightlineError.from(error, 'E_PROVIDER', {
    where: `TensorFlow.js, ${backend} backend`,
    remedy: other,
  });
}
