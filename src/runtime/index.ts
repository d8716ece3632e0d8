export { openSession } from './open.js';
export { nativeObstacle, openNativeSession } from './native/index.js';
export type { NativeSession, NativeSessionOptions, PlanProfile } from './native/index.js';
export { providerStatus } from './status.js';
export { runsAlone, resolveProvider } from './choice.js';
export { providers, runtimes, tfjsBackends } from './session.js';
export type { ProviderName, ProviderStatus, RuntimeName, Session, SessionOptions } from './session.js';
