import { z } from 'zod';
import { SightlineError } from '../../core/errors.js';

const config = z.record(z.string(), z.unknown());

/** One layer of a topology. Sequential models write no `inbound_nodes`, and the name only inside `config`. */
export const layerSchema = z.object({
  class_name: z.string().min(1),
  name: z.string().nullish(),
  config: config.default({}),
  inbound_nodes: z.array(z.unknown()).nullish(),
});
export type LayerJson = z.infer<typeof layerSchema>;

/** A model: the whole topology, or a layer that is a model itself. */
export const modelSchema = z.object({
  class_name: z.string().min(1),
  // The earliest Keras wrote a Sequential model's config as the bare list of its layers.
  config: z.union([config, z.array(z.unknown())]),
});
export type ModelJson = z.infer<typeof modelSchema>;

const quantizationSchema = z.object({
  dtype: z.enum(['uint8', 'uint16', 'float16']),
  scale: z.number().optional(),
  min: z.number().optional(),
});

export const weightSchema = z.object({
  name: z.string(),
  shape: z.array(z.int().nonnegative()),
  dtype: z.enum(['float32', 'float16', 'int32', 'bool', 'uint8']),
  quantization: quantizationSchema.optional(),
});
export type WeightJson = z.infer<typeof weightSchema>;

export const weightGroupSchema = z.object({ paths: z.array(z.string().min(1)), weights: z.array(z.unknown()) });
export type WeightGroupJson = z.infer<typeof weightGroupSchema>;

const fileSchema = z.object({
  format: z.string().nullish(),
  generatedBy: z.string().nullish(),
  // Some writers keep the topology, or the model_config in it, as JSON text.
  modelTopology: z.union([config, z.string()]),
  weightsManifest: z.array(weightGroupSchema),
  userDefinedMetadata: config.nullish(),
});

/** What a model.json says, unwrapped to one form. */
export interface LayersModelJson {
  model: ModelJson;
  /** "2.15.0", "3.4.1", "tfjs-layers 4.22.0"; '' where the file does not say. */
  kerasVersion: string;
  weights: WeightGroupJson[];
  metadata: Record<string, unknown>;
}

/**
 * Reads the text of a model.json.
 * @throws SightlineError E_MODEL_FORMAT (not JSON, or fields missing, each by its path), E_MODEL_UNSUPPORTED (a graph
 *   model, which has no layers)
 */
export function parseLayersModel(text: string, path: string): LayersModelJson {
  const json = jsonOf(text, path);
  if (typeof json === 'object' && json !== null && isGraphModel(json as Record<string, unknown>)) {
    throw new SightlineError('E_MODEL_UNSUPPORTED', {
      where: path,
      what: 'this is a TensorFlow.js graph model: a frozen TensorFlow graph, without the layers of a Keras model',
      remedy:
        'Convert it to ONNX (python -m tf2onnx.convert --tfjs model.json --output model.onnx) and give that file.',
    });
  }
  const file = checked(fileSchema, json, path, 'model.json');
  let topology: unknown =
    typeof file.modelTopology === 'string' ? jsonOf(file.modelTopology, path) : file.modelTopology;
  const outer = (topology ?? {}) as Record<string, unknown>;
  if (outer.model_config !== undefined) topology = outer.model_config;
  if (typeof topology === 'string') topology = jsonOf(topology, path);
  return {
    model: checked(modelSchema, topology, path, 'modelTopology'),
    kerasVersion: String(outer.keras_version ?? ''),
    weights: file.weightsManifest,
    metadata: file.userDefinedMetadata ?? {},
  };
}

function isGraphModel(json: Record<string, unknown>): boolean {
  const topology = json.modelTopology as Record<string, unknown> | null | undefined;
  return json.format === 'graph-model' || Array.isArray(topology?.node);
}

function jsonOf(text: string, path: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new SightlineError('E_MODEL_FORMAT', {
      where: path,
      what: `not JSON (${(cause as Error).message})`,
      remedy: 'The file is truncated or damaged: copy or export the model again.',
      cause,
    });
  }
}

/** `value` as `schema` describes it. @throws SightlineError E_MODEL_FORMAT naming every field that does not fit */
export function checked<T>(schema: z.ZodType<T>, value: unknown, path: string, inside: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    (issue) => `${[inside, ...issue.path.map(String)].join('.')}: ${issue.message}`,
  );
  throw new SightlineError('E_MODEL_FORMAT', {
    where: path,
    what: `not a TensorFlow.js layers model (${problems.slice(0, 5).join('; ')})`,
    remedy: 'Save it with tf.LayersModel.save, or convert it with tensorflowjs_converter to tfjs_layers_model.',
  });
}
