import '../core/privacy.js'; // first: ONNX Runtime reads it on loading
import * as ort from 'onnxruntime-node';
import { SightlineError } from '../core/errors.js';
import { tensor, type DType, type Tensor } from '../core/tensor.js';
import type { ProviderName, Session, SessionOptions } from './session.js';

/** ONNX Runtime's element types by ours. */
const elementTypes = {
  f32: 'float32',
  f64: 'float64',
  u8: 'uint8',
  u32: 'uint32',
  i32: 'int32',
  i64: 'int64',
} as const;
const dtypes = new Map(Object.entries(elementTypes).map(([dtype, type]) => [type as string, dtype as DType]));

ort.env.logLevel = 'error';

/**
 * Loads a model.
 * @param onnx the file's bytes; may be a view of shared memory
 * @throws SightlineError E_MODEL_FORMAT (ONNX Runtime refuses the graph), E_PROVIDER (a provider that cannot run here)
 */
export async function openOnnxSession(onnx: Uint8Array, options: SessionOptions = {}): Promise<Session> {
  const provider = options.provider && options.provider !== 'auto' ? options.provider : 'cpu';
  try {
    const session = await ort.InferenceSession.create(unshared(onnx), {
      executionProviders: [provider],
      intraOpNumThreads: options.threads ?? 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      // Decoding shares the cores: a thread that waits must not spin.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
    return new OrtSession(session, provider);
  } catch (error) {
    throw openError(error, provider);
  }
}

class OrtSession implements Session {
  readonly runtime = 'onnxruntime';
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];

  constructor(
    private readonly session: ort.InferenceSession,
    readonly provider: ProviderName,
  ) {
    this.inputNames = session.inputNames;
    this.outputNames = session.outputNames;
  }

  async run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const feeds: Record<string, ort.Tensor> = {};
    for (const [name, { dtype, dims, data }] of Object.entries(inputs)) {
      if (!this.inputNames.includes(name)) continue; // an input that the compiled graph turned out not to need
      feeds[name] = new ort.Tensor(elementTypes[dtype] as 'float32', unshared(data) as Float32Array, dims);
    }
    let results: ort.InferenceSession.OnnxValueMapType;
    try {
      results = await this.session.run(feeds);
    } catch (error) {
      throw new SightlineError(/dimension|shape|rank/i.test(String(error)) ? 'E_SHAPE' : 'E_PROVIDER', {
        where: `${this.provider} provider`,
        what: `running the model failed: ${firstLine(error)}`,
        remedy: this.provider === 'cpu' ? 'Lower --batch if memory ran out.' : 'Try --provider cpu.',
        cause: error,
      });
    }
    return Object.fromEntries(
      Object.entries(results).map(([name, value]) => {
        const dtype = dtypes.get(value.type);
        if (!dtype)
          throw new SightlineError('E_MODEL_UNSUPPORTED', {
            where: name,
            what: `output has element type ${value.type}`,
          });
        return [name, tensor(dtype, value.dims, value.data as Float32Array)];
      }),
    );
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}

/** ONNX Runtime refuses views of shared memory: the one copy on the way into the model. */
function unshared<A extends ArrayBufferView>(array: A): A {
  if (!(array.buffer instanceof SharedArrayBuffer)) return array;
  return (array as unknown as { slice(): A }).slice();
}

function openError(error: unknown, provider: ProviderName): SightlineError {
  const text = String(error);
  if (
    /protobuf|invalid model|invalid graph|INVALID_GRAPH|INVALID_PROTOBUF|not a registered function|opset|NOT_IMPLEMENTED/i.test(
      text,
    )
  ) {
    return new SightlineError('E_MODEL_FORMAT', {
      what: `ONNX Runtime refuses the model: ${firstLine(error)}`,
      remedy: 'Export it again with a current exporter.',
      cause: error,
    });
  }
  return new SightlineError('E_PROVIDER', {
    where: `provider ${provider}`,
    what: `it cannot run here: ${firstLine(error)}`,
    remedy:
      provider === 'cpu'
        ? 'Reinstall onnxruntime-node.'
        : 'Use --provider cpu; "sightline doctor" lists what is available.',
    cause: error,
  });
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  // Without the source position and the failed assertion before the reason.
  return text
    .split('\n', 1)[0]
    .replace(/^\S+\.cc:\d+ .* was false\. /, '')
    .replace(/\.+$/, '');
}
