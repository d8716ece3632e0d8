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

  /** [height, width] from one number for both, or two. */
  pair(name: string, fallback: readonly [number, number]): [number, number] {
    const [height, width = height, ...more] = this.numbers(name) ?? fallback;
    return more.length === 0 && Number.isInteger(height) && Number.isInteger(width) && height >= 0 && width >= 0
      ? [height, width]
      : this.#refuse(name, 'one or two whole numbers');
  }

  /** [[top, bottom], [left, right]] from one number, [height, width] or the full form. */
  margins(name: string, fallback: number): [[number, number], [number, number]] {
    const value = this.fields[name] ?? fallback;
    const rows = typeof value === 'number' ? [value, value] : value;
    if (!Array.isArray(rows) || rows.length !== 2) return this.#refuse(name, 'one number, two, or two pairs');
    return rows.map((row: unknown) => {
      const [before, after] = typeof row === 'number' ? [row, row] : Array.isArray(row) ? row : [];
      const whole = [before, after].every((n) => Number.isInteger(n) && n >= 0);
      return whole ? [before as number, after as number] : this.#refuse(name, 'whole numbers');
    }) as [[number, number], [number, number]];
  }

  #refuse(name: string, expected: string): never {
    throw new SightlineError('E_MODEL_FORMAT', {
      where: this.where,
      what: `its '${name}' should be ${expected} but is ${JSON.stringify(this.fields[name])}`,
      remedy: 'The model file is damaged or was edited by hand: save it again.',
    });
  }
}
