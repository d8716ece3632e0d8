export { nativeObstacle, openNativeSession } from './session.js';
export type { NativeSession, NativeSessionOptions, PlanProfile } from './session.js';
