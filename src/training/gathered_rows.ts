import { sizeOf, tensor, type Tensor } from '../core/tensor.js';
import type { BatchSource } from './batch_source.js';
import { rowsOf } from './validation.js';

/** Samples in memory, decoded, from which any batch can be put together. */
export class GatheredRows {
  readonly #rows: ReadonlyMap<string, number>;

  private constructor(
    ids: readonly string[],
    private readonly images: Tensor<'f32'>,
    private readonly targets: Tensor<'f32'>,
  ) {
    this.#rows = new Map(ids.map((id, row) => [id, row]));
  }

  /** All samples of a source, as they are without augmentation; those that cannot be read are absent. Ids must differ. */
  static async read(source: BatchSource): Promise<GatheredRows> {
    const ids: string[] = [];
    const parts: { images: Float32Array; targets: Float32Array }[] = [];
    let dims: { image: readonly number[]; target: readonly number[] } = { image: [0], target: [0] };
    for await (const batch of source.inOrder()) {
      ids.push(...batch.ids);
      parts.push({ images: batch.images.data.slice(), targets: batch.targets.data.slice() });
      dims = { image: batch.images.dims.slice(1), target: batch.targets.dims.slice(1) };
      batch.release();
    }
    const joined = (name: 'images' | 'targets', row: readonly number[]) => {
      const whole = tensor('f32', [ids.length, ...row]);
      let at = 0;
      for (const part of parts) {
        whole.data.set(part[name], at);
        at += part[name].length;
      }
      return whole;
    };
    return new GatheredRows(ids, joined('images', dims.image), joined('targets', dims.target));
  }

  has(id: string): boolean {
    return this.#rows.has(id);
  }

  /** A batch of these samples, in this order; copies. */
  batch(ids: readonly string[]): { images: Tensor<'f32'>; targets: Tensor<'f32'> } {
    const rows = ids.map((id) => this.#rows.get(id)!);
    const gathered = (all: Tensor<'f32'>) => {
      const size = sizeOf(all.dims.slice(1));
      const out = tensor('f32', [rows.length, ...all.dims.slice(1)]);
      rows.forEach((row, b) => out.data.set(rowsOf(all, row, row + 1).data, b * size));
      return out;
    };
    return { images: gathered(this.images), targets: gathered(this.targets) };
  }
}
