import '../core/privacy.js'; // first: ONNX Runtime reads it on loading
import * as ort from 'onnxruntime-node';
import { SightlineError } from '../core/errors.js';
import { tensor } from '../core/tensor.js';
import { exportOnnx } from '../graph/onnx_export.js';
import { GraphBuilder } from '../models/builder.js';
import { openSession } from './onnxruntime.js';
import type { ProviderName } from './session.js';

/** A script: runs a tiny graph on the provider named by its argument and prints what became of it, as JSON. */
const provider = process.argv[2] as ProviderName;
process.stdout.write(JSON.stringify(await probe()));

async function probe(): Promise<{ available: boolean; note: string }> {
  if (!ort.listSupportedBackends().some(({ name }) => name === provider)) {
    return { available: false, note: 'not built in on this platform' };
  }
  try {
    const b = new GraphBuilder('probe');
    b.output(b.relu(b.input('x', [4])), 'y', [4]);
    const session = await openSession(exportOnnx(b.graph), { provider });
    const { y } = await session.run({ x: tensor('f32', [4], Float32Array.of(-1, 0, 1, 2)) });
    if (String(y.data) !== '0,0,1,2') return { available: false, note: `it gives wrong numbers (${String(y.data)})` };
    return { available: true, note: `onnxruntime ${ort.env.versions.node ?? ''}`.trim() };
  } catch (error) {
    return { available: false, note: error instanceof SightlineError ? error.what : String(error) };
  }
}
