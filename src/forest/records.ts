import type { ArrayOf } from '../core/tensor.js';

type Kind = 'u32' | 'i32' | 'f32';
/** A column of a record: its type and how many elements a record has of it. */
export type Columns = Readonly<Record<string, readonly [kind: Kind, width: number]>>;
type ArraysOf<C extends Columns> = { [K in keyof C]: ArrayOf[C[K][0]] };

const constructors = { u32: Uint32Array, i32: Int32Array, f32: Float32Array } as const;

/** What `Records` is made of, to be stored: only the part of each array that is in use. */
export interface StoredRecords {
  count: number;
  free: number[];
  widths: Record<string, number>;
  arrays: Record<string, Uint8Array>;
}

/**
 * Records of fixed width in flat typed arrays that grow as needed; released ones are used again. `arrays` are replaced
 * when they grow: read them anew after every `take`.
 */
export class Records<C extends Columns> {
  arrays: ArraysOf<C>;
  readonly widths: { -readonly [K in keyof C]: number };
  #capacity = 4;
  #count = 0;
  #free: number[] = [];

  constructor(private readonly columns: C) {
    this.widths = mapColumns(columns, ([, width]) => width) as never;
    this.arrays = mapColumns(columns, ([kind, width]) => new constructors[kind](width * this.#capacity)) as never;
  }

  /** Records ever in use, the released ones included. */
  get count(): number {
    return this.#count;
  }

  /** Index of a record that is all zeros. */
  take(): number {
    const again = this.#free.pop();
    if (again !== undefined) {
      for (const name of this.#names()) {
        const width = this.widths[name];
        this.arrays[name].fill(0, again * width, (again + 1) * width);
      }
      return again;
    }
    if (this.#count === this.#capacity) this.#resize(this.#capacity * 2);
    return this.#count++;
  }

  release(index: number): void {
    this.#free.push(index);
  }

  /** Gives each record `width` elements of a column, the present ones first, zeros after them. */
  widen(name: keyof C & string, width: number): void {
    const narrow = this.widths[name];
    const wide = new constructors[this.columns[name][0]](width * this.#capacity);
    for (let i = 0; i < this.#count; i++) {
      wide.set(this.arrays[name].subarray(i * narrow, (i + 1) * narrow), i * width);
    }
    this.widths[name] = width;
    this.arrays[name] = wide as ArraysOf<C>[typeof name];
  }

  store(): StoredRecords {
    const used = (name: string) => this.arrays[name].subarray(0, this.#count * this.widths[name]);
    const arrays = mapColumns(this.columns, (_, name) => {
      const { buffer, byteOffset, byteLength } = used(name);
      return new Uint8Array(buffer, byteOffset, byteLength);
    });
    return { count: this.#count, free: [...this.#free], widths: { ...this.widths }, arrays };
  }

  /** The records that `store` gave. The columns are those it was called with. */
  restore({ count, free, widths, arrays }: StoredRecords): void {
    this.#count = count;
    this.#free = [...free];
    this.#capacity = Math.max(4, count);
    for (const name of this.#names()) {
      this.widths[name] = widths[name];
      const array = new constructors[this.columns[name][0]](this.#capacity * widths[name]);
      new Uint8Array(array.buffer).set(arrays[name]);
      this.arrays[name] = array as ArraysOf<C>[typeof name];
    }
  }

  #names(): (keyof C & string)[] {
    return Object.keys(this.columns);
  }

  #resize(capacity: number): void {
    this.#capacity = capacity;
    for (const name of this.#names()) {
      const array = new constructors[this.columns[name][0]](capacity * this.widths[name]);
      array.set(this.arrays[name]);
      this.arrays[name] = array as ArraysOf<C>[typeof name];
    }
  }
}

function mapColumns<R>(columns: Columns, of: (column: Columns[string], name: string) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, of(column, name)]));
}
