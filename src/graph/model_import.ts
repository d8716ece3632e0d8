import type { Graph } from './ir.js';
import { importLayersModel } from './layers_model/import.js';
import { importOnnx } from './onnx_import.js';

/** Whether a path names a TensorFlow.js model (model.json) rather than an ONNX file. */
export function isLayersModelPath(path: string): boolean {
  return /\.json$/i.test(path);
}

/**
 * Reads a model: an ONNX file (path or bytes), or the path of a TensorFlow.js LayersModel's model.json.
 * @throws SightlineError as `importOnnx` and `importLayersModel`
 */
export function importModel(model: string | Uint8Array): Graph {
  return typeof model === 'string' && isLayersModelPath(model) ? importLayersModel(model) : importOnnx(model);
}
