import { SightlineError } from '../core/errors.js';
import { providers, type ProviderName, type RuntimeName } from './session.js';

/**
 * The provider that a run uses, checked before anything is loaded.
 * @throws SightlineError E_ARGUMENT (the runtime has no such provider), E_PROVIDER (TensorFlow.js is not installed)
 */
export async function resolveProvider(runtime: RuntimeName, provider: string = 'auto'): Promise<ProviderName | 'auto'> {
  if (runtime === 'tfjs') {
    const { chooseBackend } = await import('./tfjs/library.js');
    return chooseBackend(provider as ProviderName);
  }
  if (provider === 'auto' || providers.some((name) => name === provider)) return provider as ProviderName | 'auto';
  throw new SightlineError('E_ARGUMENT', {
    where: 'provider',
    what: `ONNX Runtime has no "${provider}" provider`,
    remedy: `Choose ${providers.join(', ')} or auto; --runtime tfjs has others.`,
  });
}

/** Whether one session feeds the whole device, or takes all cores, so that more of them only get in each other's way. */
export function runsAlone(provider: ProviderName | 'auto'): boolean {
  return !['auto', 'cpu', 'wasm'].includes(provider);
}
