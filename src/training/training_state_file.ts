import { readRecordFile, writeRecordFile, type RecordBody, type RecordFormat } from '../core/record_file.js';
import type { Tensor } from '../core/tensor.js';

/** Behind the header: the optimiser's own file, then the running statistics, f32. */
const format: RecordFormat = { magic: 'SLTRAINS', version: 1, what: 'training state', inner: true };

interface Header {
  optimiserBytes: number;
  statistics: { name: string; length: number }[];
}

export function writeTrainingState(optimiser: Uint8Array, statistics: ReadonlyMap<string, Tensor<'f32'>>): Uint8Array {
  const header: Header = {
    optimiserBytes: optimiser.length,
    statistics: [...statistics].map(([name, { data }]) => ({ name, length: data.length })),
  };
  return writeRecordFile(format, header, [optimiser, ...[...statistics.values()].map(({ data }) => data)]);
}

/** @throws SightlineError E_MODEL_FORMAT */
export function readTrainingState(bytes: Uint8Array): { optimiser: Uint8Array; statistics: Map<string, Float32Array> } {
  return readRecordFile(format, bytes, ({ optimiserBytes, statistics }: Header, body: RecordBody) => ({
    optimiser: body.fill(new Uint8Array(optimiserBytes)),
    statistics: new Map(statistics.map(({ name, length }) => [name, body.fill(new Float32Array(length))])),
  }));
}
