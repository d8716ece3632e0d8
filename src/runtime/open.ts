import { openOnnxSession } from './onnxruntime.js';
import type { Session, SessionOptions } from './session.js';

/**
 * Loads a model on the runtime asked for. TensorFlow.js is imported only then.
 * @param onnx the file's bytes; may be a view of shared memory
 * @throws SightlineError E_MODEL_FORMAT (the graph is refused), E_PROVIDER (a provider that cannot run here, a runtime
 *   that is not installed), E_OP_UNSUPPORTED (an op that the runtime lacks)
 */
export async function openSession(onnx: Uint8Array, options: SessionOptions = {}): Promise<Session> {
  if (options.runtime !== 'tfjs') return openOnnxSession(onnx, options);
  const { openTfjsSession } = await import('./tfjs/session.js');
  return openTfjsSession(onnx, options);
}
