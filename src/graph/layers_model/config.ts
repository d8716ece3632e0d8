import { SightlineError } from '../../core/errors.js';

/** A layer's config, read with Keras's defaults; a field of another kind than expected is an error that names it. */
export class Config {
  constructor(
    readonly fields: Readonly<Record<string, unknown>>,
    /** "layer 'conv1' (Conv2D)", for messages. */
    private readonly where: string,
  ) {}

  /** Whether the field is there and not null. */
  has(name: string): boolean {
    return this.fields[name] !== undefined && this.fields[name] !== null;
  }

  number(name: string, fallback: number): number {
    const value = this.fields[name] ?? fallback;
    return typeof value === 'number' ? value : this.#refuse(name, 'a number');
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.fields[name] ?? fallback;
    return typeof value === 'boolean' ? value : this.#refuse(name, 'true or false');
  }

  text(name: string, fallback: string): string {
    const value = this.fields[name] ?? fallback;
    return typeof value === 'string' ? value : this.#refuse(name, 'text');
  }

  /** A number, or a list of them; undefined when the field is absent. */
  numbers(name: string): number[] | undefined {
    if (!this.has(name)) return undefined;
    const value = this.fields[name];
    const list = typeof value === 'number' ? [value] : value;
    return Array.isArray(list) && list.every((item) => typeof item === 'number')
      ? (list as number[])
      : this.#refuse(name, 'numbers');
  }

  /** One whole number per spatial axis, from one for all or one each. */
  sizes(name: string, rank: number, fallback: number | readonly number[]): number[] {
    const given = this.numbers(name) ?? (typeof fallback === 'number' ? [fallback] : fallback);
    const sizes = given.length === 1 ? new Array<number>(rank).fill(given[0]) : [...given];
    return sizes.length === rank && sizes.every((n) => Number.isInteger(n) && n >= 0)
      ? sizes
      : this.#refuse(name, rank === 1 ? 'a whole number' : 'one or two whole numbers');
  }

  /** Per spatial axis [before, after]: from one number, one per axis or a pair per axis. */
  margins(name: string, rank: number, fallback: number): [number, number][] {
    const value = this.fields[name] ?? fallback;
    let rows: unknown = typeof value === 'number' ? new Array(rank).fill(value) : value;
    // A sequence's margins are one pair, without a list around it.
    if (rank === 1 && Array.isArray(rows) && rows.length === 2) rows = [rows];
    if (!Array.isArray(rows) || rows.length !== rank) return this.#refuse(name, 'one number, or two for every axis');
    return rows.map((row: unknown): [number, number] => {
      const [before, after] = typeof row === 'number' ? [row, row] : Array.isArray(row) ? (row as unknown[]) : [];
      const whole = [before, after].every((n) => Number.isInteger(n) && (n as number) >= 0);
      return whole ? [before as number, after as number] : this.#refuse(name, 'whole numbers');
    });
  }

  #refuse(name: string, expected: string): never {
    throw new SightlineError('E_MODEL_FORMAT', {
      where: this.where,
      what: `its '${name}' should be ${expected} but is ${JSON.stringify(this.fields[name])}`,
      remedy: 'The model file is damaged or was edited by hand: save it again.',
    });
  }
}
