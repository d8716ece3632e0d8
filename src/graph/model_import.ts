import { readLayersModel } from './layers_model/import.js';
import { readOnnx, type ImportedModel } from './onnx_import.js';

/** Whether a path names a TensorFlow.js model (model.json) rather than an ONNX file. */
export function isLayersModelPath(path: string): boolean {
  return /\.json$/i.test(path);
}

/**
 * Reads a model: an ONNX file (path or bytes), or the path of a TensorFlow.js LayersModel's model.json.
 * @throws SightlineError as `readOnnx` and `readLayersModel`
 */
export function importModel(model: string | Uint8Array): ImportedModel {
  return typeof model === 'string' && isLayersModelPath(model) ? readLayersModel(model) : readOnnx(model);
}
