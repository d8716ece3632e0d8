export { openSession, providerStatus } from './onnxruntime.js';
export type { ProviderName, ProviderStatus, Session, SessionOptions } from './session.js';
