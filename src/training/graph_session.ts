import type { Tensor } from '../core/tensor.js';
import { coreCount } from '../core/worker_pool.js';
import type { Graph } from '../graph/ir.js';
import { exportOnnx } from '../graph/onnx_export.js';
import { lowerOwnOps } from '../graph/training/lowering.js';
import { nativeObstacle, openNativeSession, openSession } from '../runtime/index.js';
import type { TrainingStepSettings } from './training_step.js';

/** A loaded training graph. Unlike the engine's model sessions it takes all cores: one batch at a time is trained. */
export interface GraphSession {
  readonly description: string;
  /** @param into where results may be written instead of new tensors, by output; only a plan does */
  run(
    inputs: Readonly<Record<string, Tensor>>,
    into?: Readonly<Record<string, Tensor>>,
  ): Promise<Record<string, Tensor>>;
  close(): Promise<void>;
}

/** What runs a graph: the addon by itself where it has all its ops and no provider of ONNX Runtime was asked for. */
export function resolveRuntime(
  graph: Graph,
  { runtime = 'auto', provider = 'cpu' }: Pick<TrainingStepSettings, 'runtime' | 'provider'>,
): 'native' | 'onnxruntime' {
  if (runtime !== 'auto') return runtime;
  return provider === 'cpu' && !nativeObstacle(graph) ? 'native' : 'onnxruntime';
}

/**
 * Loads a graph that may hold ops of our own: into the addon where it has them all, else, in standard ops, into ONNX
 * Runtime.
 * @throws SightlineError E_PROVIDER, E_MEMORY, E_OP_UNSUPPORTED (runtime native, and an op that the addon lacks)
 */
export async function openGraphSession(
  graph: Graph,
  {
    runtime = 'auto',
    provider = 'cpu',
    threads = coreCount(),
  }: Pick<TrainingStepSettings, 'runtime' | 'provider' | 'threads'>,
): Promise<GraphSession> {
  if (resolveRuntime(graph, { runtime, provider }) === 'native') {
    const session = await openNativeSession(graph, { threads });
    return {
      description: `native (${threads} thread${threads === 1 ? '' : 's'})`,
      run: (inputs, into) => session.run(inputs, into),
      close: () => session.close(),
    };
  }
  const session = await openSession(exportOnnx(lowerOwnOps(graph)), { provider, threads });
  return {
    description: `onnxruntime (${provider}, ${threads} threads)`,
    run: (inputs) => session.run(inputs),
    close: () => session.close(),
  };
}
