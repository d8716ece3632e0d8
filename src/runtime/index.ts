export { openSession } from './onnxruntime.js';
export { providerStatus } from './status.js';
export type { ProviderName, ProviderStatus, Session, SessionOptions } from './session.js';
