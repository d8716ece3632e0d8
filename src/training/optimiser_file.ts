import { readRecordFile, writeRecordFile, type RecordBody, type RecordFormat } from '../core/record_file.js';
import { sizeOf } from '../core/tensor.js';
import { completeOptions, stateSizes, type OptimiserOptions } from './optimiser_options.js';

/** What an optimiser is made of; the flat arrays hold the tensors one behind the other. */
export interface OptimiserState {
  options: OptimiserOptions;
  /** Steps applied. */
  step: number;
  /** Calls of accumulate since the last step. */
  accumulated: number;
  tensors: { name: string; dims: number[] }[];
  /** Updates of each tensor. */
  steps: Uint32Array;
  parameters: Float32Array;
  gradients: Float32Array;
  first: Float32Array;
  second: Float32Array;
}

/** Behind the header: steps u32, parameters, first, second, and gradients where some are accumulated, f32. */
const format: RecordFormat = { magic: 'SLOPTIMS', version: 1, what: 'optimiser' };

type Header = Pick<OptimiserState, 'options' | 'step' | 'accumulated' | 'tensors'>;

export function writeOptimiser(state: OptimiserState): Uint8Array {
  const { options, step, accumulated, tensors, steps, parameters, gradients, first, second } = state;
  const header: Header = { options, step, accumulated, tensors };
  const arrays = [steps, parameters, first, second, ...(accumulated > 0 ? [gradients] : [])];
  return writeRecordFile(format, header, arrays);
}

/** @throws SightlineError E_MODEL_FORMAT */
export function readOptimiser(given: Uint8Array): OptimiserState {
  return readRecordFile(format, given, parse);
}

function parse({ options: stored, step, accumulated, tensors }: Header, body: RecordBody): OptimiserState {
  const options = completeOptions(stored);
  const whole = (n: unknown) => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!whole(step) || !whole(accumulated) || !tensors.every(({ dims }) => dims.every(whole))) {
    throw new Error('its header makes no sense');
  }
  const count = tensors.reduce((sum, { dims }) => sum + sizeOf(dims), 0);
  const { F, V } = stateSizes(options, count);
  const stride = accumulated > 0 ? 2 * count : count;
  if (body.left !== 4 * (tensors.length + stride + F + V)) throw new Error('its length is wrong');
  return {
    ...{ options, step, accumulated, tensors },
    steps: body.fill(new Uint32Array(tensors.length)),
    parameters: body.fill(new Float32Array(count)),
    first: body.fill(new Float32Array(F)),
    second: body.fill(new Float32Array(V)),
    gradients: accumulated > 0 ? body.fill(new Float32Array(count)) : new Float32Array(count),
  };
}
