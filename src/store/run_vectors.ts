import { join } from 'node:path';
import type { Tensor } from '../core/tensor.js';
import type { ScoreRow, VectorKind, VectorWidths } from './score_rows.js';
import { VectorFile } from './vector_file.js';

/** The vectors of a scored pool, a file a kind; row = position in the pool. */
export class RunVectors {
  readonly #files: ReadonlyMap<VectorKind, VectorFile>;

  constructor(folder: string, widths: VectorWidths) {
    const kinds = Object.entries(widths) as [VectorKind, number][];
    this.#files = new Map(kinds.map(([kind, width]) => [kind, new VectorFile(join(folder, `${kind}.f32`), width)]));
  }

  /** Forgets what another run has left. */
  async clear(): Promise<void> {
    for (const file of this.#files.values()) await file.clear();
  }

  /** Writes the vectors of a chunk's rows; positions between them that have none stay zeros. */
  async write(rows: readonly ScoreRow[]): Promise<void> {
    if (!rows.length) return;
    const positions = rows.map(({ index }) => index);
    const [first, last] = [Math.min(...positions), Math.max(...positions)];
    for (const [kind, file] of this.#files) {
      const vectors = new Float32Array((last - first + 1) * file.width);
      for (const { index, vectors: own } of rows) vectors.set(own?.[kind] ?? [], (index - first) * file.width);
      await file.write(first, vectors);
    }
  }

  /** @throws SightlineError E_STORE where a file no longer reaches to position `count` − 1 */
  async require(count: number): Promise<void> {
    for (const file of this.#files.values()) await file.require(count);
  }

  /** f32[N,width] of ascending positions; undefined for a kind that the run does not keep. */
  async read(kind: VectorKind, positions: Int32Array): Promise<Tensor<'f32'> | undefined> {
    return this.#files.get(kind)?.read(positions);
  }
}
