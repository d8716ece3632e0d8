import { constants } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { SightlineError } from '../core/errors.js';
import { tensor, type Tensor } from '../core/tensor.js';

/** Bytes of one read at most: one call of the system takes no more than 2 GiB. */
const largestRead = 2 ** 28;

/**
 * Vectors of one length in a flat file of little-endian float32: row i begins at byte 4 · width · i. Rows are written once
 * and may come in any order; those never written hold whatever was there, or zeros.
 */
export class VectorFile {
  /** @param width numbers per row */
  constructor(
    readonly path: string,
    readonly width: number,
  ) {}

  /** Writes rows from `first` on, durably: they are on the disk when the promise resolves. @throws SightlineError E_OUTPUT, E_DISK_FULL */
  async write(first: number, vectors: Float32Array): Promise<void> {
    await this.#with(constants.O_RDWR | constants.O_CREAT, async (file) => {
      const bytes = new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength);
      const start = 4 * this.width * first;
      for (let at = 0; at < bytes.length;) {
        at += (await file.write(bytes, at, bytes.length - at, start + at)).bytesWritten;
      }
      await file.datasync();
    });
  }

  /** Forgets all rows. @throws SightlineError E_OUTPUT */
  async clear(): Promise<void> {
    await this.#with(constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC, () => Promise.resolve());
  }

  /** @throws SightlineError E_STORE unless the file reaches to row `rows` − 1 */
  async require(rows: number): Promise<void> {
    const size = await stat(this.path).then(
      (found) => found.size,
      () => 0,
    );
    if (size >= 4 * this.width * rows) return;
    throw new SightlineError('E_STORE', {
      where: this.path,
      what: `it has ${Math.floor(size / (4 * this.width))} of ${rows} vectors of ${this.width} numbers`,
      remedy: 'Score again with --overwrite: the file was removed or cut since.',
    });
  }

  /**
   * Rows by number, in ascending order: f32[N,width].
   * @throws SightlineError E_STORE when the file is too short, E_OUTPUT
   */
  async read(rows: Int32Array): Promise<Tensor<'f32'>> {
    const { width } = this;
    const vectors = tensor('f32', [rows.length, width]);
    if (rows.length === 0) return vectors;
    await this.require(rows[rows.length - 1] + 1);
    const most = Math.max(1, Math.floor(largestRead / (4 * width)));
    await this.#with(constants.O_RDONLY, async (file) => {
      for (let from = 0; from < rows.length;) {
        let to = from + 1;
        while (to < rows.length && to - from < most && rows[to] === rows[to - 1] + 1) to++;
        const bytes = new Uint8Array(vectors.data.buffer, 4 * width * from, 4 * width * (to - from));
        for (let at = 0; at < bytes.length;) {
          const { bytesRead } = await file.read(bytes, at, bytes.length - at, 4 * width * rows[from] + at);
          if (bytesRead === 0) throw new Error('the file ended early');
          at += bytesRead;
        }
        from = to;
      }
    });
    return vectors;
  }

  async #with(flags: number, body: (file: FileHandle) => Promise<void>): Promise<void> {
    try {
      const file = await open(this.path, flags);
      try {
        await body(file);
      } finally {
        await file.close();
      }
    } catch (error) {
      throw SightlineError.from(error, 'E_OUTPUT', { where: this.path });
    }
  }
}
