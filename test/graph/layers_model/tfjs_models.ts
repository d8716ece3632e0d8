import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { Rng } from '../../../src/core/rng.js';
import { sizeOf, tensor } from '../../../src/core/tensor.js';
import { exportOnnx } from '../../../src/graph/onnx_export.js';
import { readLayersModel } from '../../../src/graph/layers_model/import.js';
import { openSession } from '../../../src/runtime/index.js';

/** Values of a weight or input that no layer leaves at its default, the same for the same name. */
export function seededValues(name: string, count: number): Float32Array {
  const rng = new Rng(11, name);
  const positive = /variance|gamma/.test(name);
  return Float32Array.from({ length: count }, () => (positive ? 0.5 + rng.uniform() : 0.4 * rng.normal()));
}

/** Gives every weight of a model seeded values, biases and moving averages included. */
export function seedWeights(model: tfl.LayersModel): void {
  model.weights.forEach((weight, index) => {
    const shape = weight.shape as number[];
    // Names count up over all models of a process: the weight's own name and place do not.
    const own = `${index} ${weight.originalName.slice(weight.originalName.lastIndexOf('/') + 1)}`;
    weight.write(tf.tensor(seededValues(own, sizeOf(shape)), shape));
  });
}

export type Topology = Record<string, unknown>;

export interface SaveOptions {
  /** Bytes per weights file; default: all in one. */
  shardBytes?: number;
  /** How weights are stored; default as they are. */
  quantization?: 'uint8' | 'uint16' | 'float16';
  metadata?: Record<string, unknown>;
  /** Changes the topology before it is written. */
  edit?: (topology: Topology) => void;
}

/** Writes a model as TensorFlow.js does: model.json, and its weights in one or several files. Returns model.json. */
export async function saveModel(model: tfl.LayersModel, folder: string, options: SaveOptions = {}): Promise<string> {
  const { shardBytes = Infinity, quantization, metadata, edit } = options;
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'model.json');
  const save = async (artifacts: tf.io.ModelArtifacts): Promise<tf.io.SaveResult> => {
    const specs = artifacts.weightSpecs ?? [];
    let bytes = new Uint8Array(tf.io.CompositeArrayBuffer.join(artifacts.weightData));
    let written: object[] = specs;
    if (quantization) {
      const parts = quantised(specs, bytes, quantization);
      bytes = parts.bytes;
      written = parts.specs;
    }
    const paths: string[] = [];
    for (let at = 0; at === 0 || at < bytes.byteLength; at += shardBytes) {
      paths.push(`group1-shard${paths.length + 1}.bin`);
      await writeFile(join(folder, paths[paths.length - 1]), bytes.subarray(at, at + shardBytes));
    }
    const modelTopology = structuredClone(artifacts.modelTopology) as Topology;
    edit?.(modelTopology);
    const json = {
      format: artifacts.format,
      generatedBy: artifacts.generatedBy,
      convertedBy: null,
      modelTopology,
      weightsManifest: [{ paths, weights: written }],
      ...(metadata && { userDefinedMetadata: metadata }),
    };
    await writeFile(path, JSON.stringify(json));
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
  };
  await model.save({ save });
  return path;
}

/** Weights as the converter quantises them: whole numbers over each weight's range, or half floats. */
function quantised(
  specs: readonly tf.io.WeightsManifestEntry[],
  bytes: Uint8Array,
  dtype: 'uint8' | 'uint16' | 'float16',
) {
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const parts: Uint8Array[] = [];
  let at = 0;
  const described = specs.map((spec) => {
    const part = values.subarray(at, (at += sizeOf(spec.shape)));
    if (dtype === 'float16') {
      parts.push(new Uint8Array(Uint16Array.from(part, halfBits).buffer));
      return { ...spec, quantization: { dtype } };
    }
    const levels = dtype === 'uint8' ? 255 : 65535;
    const min = Math.min(...part);
    const scale = (Math.max(...part) - min) / levels || 1;
    const whole = Array.from(part, (value) => Math.round((value - min) / scale));
    parts.push(dtype === 'uint8' ? Uint8Array.from(whole) : new Uint8Array(Uint16Array.from(whole).buffer));
    return { ...spec, quantization: { dtype, min, scale, original_dtype: 'float32' } };
  });
  return { bytes: new Uint8Array(Buffer.concat(parts)), specs: described };
}

/** Bits of the nearest half float, for values in its normal range. */
function halfBits(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0];
  const exponent = ((bits >>> 23) & 255) - 112;
  if (exponent < 1) return (bits >>> 16) & 0x8000;
  return ((bits >>> 16) & 0x8000) | ((exponent << 10) + (((bits & 0x7fffff) + 0x1000) >>> 13));
}

/** The input of a model as values in Keras's order, for a batch. */
export function inputOf(model: tfl.LayersModel, batch: number): { dims: number[]; values: Float32Array } {
  const dims = [batch, ...(model.inputs[0].shape.slice(1) as number[])];
  return { dims, values: seededValues('input', sizeOf(dims)).map((value) => 2 * value) };
}

/** What TensorFlow.js computes, one array per output. */
export function predicted(model: tfl.LayersModel, batch: number): Float32Array[] {
  const { dims, values } = inputOf(model, batch);
  return tf.tidy(() => {
    const outputs = model.predict(tf.tensor(values, dims));
    return [outputs].flat().map((output) => output.dataSync<'float32'>().slice());
  });
}

/** [N,H,W,C] values as [N,C,H,W]; other ranks as they are. */
export function channelsFirst(values: Float32Array, dims: readonly number[]): Float32Array {
  if (dims.length !== 4) return values;
  const [n, h, w, c] = dims;
  const out = new Float32Array(values.length);
  for (let i = 0; i < n; i++)
    for (let p = 0; p < h * w; p++)
      for (let k = 0; k < c; k++) out[(i * c + k) * h * w + p] = values[(i * h * w + p) * c + k];
  return out;
}

/** What ONNX Runtime computes from the imported model.json, one array per output. */
export async function imported(path: string, model: tfl.LayersModel, batch: number): Promise<Float32Array[]> {
  const { graph } = readLayersModel(path);
  const { dims, values } = inputOf(model, batch);
  const declared = graph.inputs[0].dims?.slice(1).join();
  const asIs = declared === dims.slice(1).join();
  const moved = asIs ? dims : [dims[0], dims[3], dims[1], dims[2]];
  const session = await openSession(exportOnnx(graph));
  const outputs = await session.run({
    [graph.inputs[0].name]: tensor('f32', moved, asIs ? values : channelsFirst(values, dims)),
  });
  await session.close();
  return graph.outputs.map(({ name }) => outputs[name].data as Float32Array);
}

/** Largest difference to TensorFlow.js, relative to the largest value. */
export async function difference(model: tfl.LayersModel, at: string, options?: SaveOptions): Promise<number> {
  const expected = predicted(model, 2);
  const received = await imported(await saveModel(model, at, options), model, 2);
  if (received.some((values, i) => values.length !== expected[i].length)) return Infinity;
  return Math.max(
    ...expected.map((values, i) => {
      const scale = Math.max(1, ...values.map(Math.abs));
      return Math.max(...values.map((value, at) => Math.abs(value - received[i][at]))) / scale;
    }),
  );
}
