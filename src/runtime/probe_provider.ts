import '../core/privacy.js'; // first: ONNX Runtime reads it on loading
import * as ort from 'onnxruntime-node';
import { SightlineError } from '../core/errors.js';
import { tensor } from '../core/tensor.js';
import { exportOnnx } from '../graph/onnx_export.js';
import { GraphBuilder } from '../models/builder.js';
import { openSession } from './open.js';
import type { ProviderName, RuntimeName } from './session.js';

/** A script: runs a tiny graph on the runtime and provider named by its arguments and prints what became of it, as JSON. */
const [runtime, provider] = process.argv.slice(2) as [RuntimeName, ProviderName];
process.stdout.write(JSON.stringify(await probe()));

async function probe(): Promise<{ available: boolean; note: string; remedy?: string }> {
  if (runtime === 'onnxruntime' && !ort.listSupportedBackends().some(({ name }) => name === provider)) {
    return { available: false, note: 'not built in on this platform' };
  }
  try {
    const b = new GraphBuilder('probe');
    b.output(b.relu(b.input('x', [4])), 'y', [4]);
    const session = await openSession(exportOnnx(b.graph), { runtime, provider });
    const { y } = await session.run({ x: tensor('f32', [4], Float32Array.of(-1, 0, 1, 2)) });
    if (String(y.data) !== '0,0,1,2') return { available: false, note: `it gives wrong numbers (${String(y.data)})` };
    const note = runtime === 'tfjs' ? await tfjsVersion() : `onnxruntime ${ort.env.versions.node ?? ''}`.trim();
    return { available: true, note };
  } catch (error) {
    if (!(error instanceof SightlineError)) return { available: false, note: String(error) };
    return { available: false, note: error.what, remedy: runtime === 'tfjs' ? error.remedy : undefined };
  }
}

async function tfjsVersion(): Promise<string> {
  const { openLibrary } = await import('./tfjs/library.js');
  return `TensorFlow.js ${(await openLibrary(provider)).tf.version_core}`;
}
