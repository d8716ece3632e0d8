// For the scripts that the Python scripts run with --full, and for the tests.
import { readFileSync } from 'node:fs';

/** Reads a file written by write_golden in golden_file.py: its header, and its arrays by name. */
export function readArrays(path) {
  const bytes = readFileSync(path);
  if (bytes.toString('latin1', 0, 8) !== 'SLGOLD1\n') throw new Error(`${path}: not a golden file`);
  const length = bytes.readUInt32LE(8);
  const header = JSON.parse(bytes.toString('utf8', 12, 12 + length));
  const data = new Float32Array(new Uint8Array(bytes.subarray(12 + length)).buffer);
  const arrays = header.arrays.map(({ name, dims, offset }) => {
    return [name, { dims, data: data.slice(offset, offset + dims.reduce((a, b) => a * b, 1)) }];
  });
  return { header, arrays: new Map(arrays) };
}

/** How far two arrays agree: Pearson's correlation, and ‖a − b‖₂ / ‖b‖₂. */
export function agreement(a, b) {
  if (a.length !== b.length) return { correlation: NaN, relativeL2: Infinity };
  const n = b.length;
  let [meanA, meanB] = [0, 0];
  for (let i = 0; i < n; i++) {
    meanA += a[i] / n;
    meanB += b[i] / n;
  }
  let [ab, aa, bb, difference, size] = [0, 0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    ab += (a[i] - meanA) * (b[i] - meanB);
    aa += (a[i] - meanA) ** 2;
    bb += (b[i] - meanB) ** 2;
    difference += (a[i] - b[i]) ** 2;
    size += b[i] ** 2;
  }
  return { correlation: ab / Math.sqrt(aa * bb), relativeL2: Math.sqrt(difference / size) };
}
