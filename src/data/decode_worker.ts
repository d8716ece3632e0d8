import { workerTask } from '../core/worker_pool.js';
import { decodeSamples } from './decode.js';

/** Worker entry: DecodeTask → DecodeResult[]. */
export default workerTask(decodeSamples);
