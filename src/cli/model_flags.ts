import { Option, type Command } from 'commander';
import type { ComputeOptions, ExplainOptions, ModelOptions } from '../engine/options.js';
import { providers, runtimes, tfjsBackends } from '../runtime/index.js';
import { imageSize, integer, intensityWindow, memorySize, numberList, softBinarisation } from './numbers.js';

/** Flags that every command with a model takes. Their names are those of `ModelOptions` and its fellows. */
export type ModelFlags = ModelOptions & ExplainOptions & ComputeOptions;

export function addModelFlags(command: Command): Command {
  return command
    .requiredOption('--model <file>', 'image classifier: an ONNX file, or a TensorFlow.js model.json')
    .option(
      '--sidecar <json>',
      'labels and preprocessing; default: <model>.json beside the model (model.sidecar.json for a model.json), if it is there',
    )
    .option('--labels <names>', 'class names in the order of the outputs, separated by commas', (text) =>
      text.split(',').map((s) => s.trim()),
    )
    .addOption(
      new Option('--activation <name>', 'how outputs become probabilities; default: as the graph ends').choices([
        'softmax',
        'sigmoid',
      ]),
    )
    .option('--size <n|HxW>', 'input size where the graph leaves it open (default 224)', imageSize)
    .option('--mean <numbers>', 'per channel, on pixel values in [0, 1]', numberList)
    .option('--std <numbers>', 'per channel, on pixel values in [0, 1]', numberList)
    .addOption(
      new Option('--resize <how>', 'how images are brought to the input shape').choices(['stretch', 'crop', 'pad']),
    )
    .option('--window <center,width>', 'intensity window for DICOM and NIfTI', intensityWindow)
    .option('--axis <n>', 'slice axis of NIfTI volumes (default 2)', integer(0, 2))
    .option('--explain <method>', 'explanation (default grad-cam)')
    .option('--layer <name>', 'target layer: ONNX value or node name; default: the last spatial activation')
    .option('--class <which>', 'class to explain: index, name, "predicted" (default) or "label"')
    .option(
      '--binarise <how>',
      'saliency map to mask for Dice: a threshold (default 0.5), otsu, max:<share>, top:<share> or soft',
      softBinarisation,
    )
    .addOption(
      new Option('--backend <name>', 'where kernels run (default auto)').choices([
        'auto',
        'webgpu',
        'native',
        'reference',
      ]),
    )
    .addOption(
      new Option('--runtime <name>', 'what executes the model; tfjs is installed separately')
        .choices(runtimes)
        .default('onnxruntime'),
    )
    .addOption(
      new Option(
        '--provider <name>',
        'where the model runs (default auto); tensorflow and wasm with --runtime tfjs',
      ).choices(['auto', ...new Set([...providers, ...tfjsBackends])]),
    )
    .option('--workers <n>', 'decoding threads (default: the number of cores)', integer(1, 512))
    .option('--batch <n>', 'images per model run (default 8)', integer(1, 1024))
    .option('--limit-memory <size>', 'ceiling for memory, such as 1500MB', memorySize);
}
