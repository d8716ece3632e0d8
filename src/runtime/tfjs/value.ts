import type * as tfjs from '@tensorflow/tfjs-core';
import { sizeOf } from '../../core/tensor.js';
import { valuesOf, type Constant, type ElementType } from '../../graph/constant.js';
import { permute } from './permute.js';

export type Tf = typeof tfjs;
export type TfTensor = tfjs.Tensor;

/** A tensor whose channels (ONNX axis 1) come last: what TensorFlow.js convolves. */
export interface ChannelsLast {
  last: TfTensor;
}

/** What an op returns: a tensor in ONNX's axis order, or one with its channels last. */
export type Result = TfTensor | ChannelsLast;

/** Where a channels-first axis is when channels come last. */
export function lastAxis(axis: number, rank: number): number {
  if (axis === 0) return 0;
  return axis === 1 ? rank - 1 : axis - 1;
}

/** Dims, pads … per channels-first axis in channels-last order. */
export function inLastOrder<T>(items: readonly T[]): T[] {
  return [items[0], ...items.slice(2), items[1]];
}

function inFirstOrder<T>(items: readonly T[]): T[] {
  return [items[0], items[items.length - 1], ...items.slice(1, -1)];
}

/**
 * A value of the graph as tensors: in ONNX's axis order, with its channels last, or both. The other layout is made when
 * an op first asks for it, so that a chain of ops that do not care transposes nothing.
 */
export class Value {
  /** In ONNX's axis order. */
  readonly dims: readonly number[];
  #plain?: TfTensor;
  #last?: TfTensor;

  constructor(
    protected readonly tf: Tf,
    result?: Result,
    dims?: readonly number[],
  ) {
    if (result && 'last' in result) this.#last = result.last;
    else this.#plain = result;
    this.dims = dims ?? this.#plain?.shape ?? inFirstOrder(this.#last?.shape ?? []);
  }

  get rank(): number {
    return this.dims.length;
  }

  /** Whether the channels-last layout is there already. */
  get hasLast(): boolean {
    return this.#last !== undefined;
  }

  /** Whether ops that do not care should work on the channels-last layout. */
  get prefersLast(): boolean {
    return this.#last !== undefined && this.#plain === undefined;
  }

  get dtype(): tfjs.DataType {
    return (this.#plain ?? this.#last ?? this.plain()).dtype;
  }

  /** The elements, where they are known without asking the device. */
  numbers(): ArrayLike<number> | undefined {
    return undefined;
  }

  /** In ONNX's axis order. Belongs to the value. */
  plain(): TfTensor {
    this.#plain ??= this.tf.keep(this.#last ? this.#moved(this.#last, inFirstOrder) : this.make());
    return this.#plain;
  }

  /** With its channels last; only for three axes and more. Belongs to the value. */
  last(): TfTensor {
    this.#last ??= this.tf.keep(this.#moved(this.plain(), inLastOrder));
    return this.#last;
  }

  /** For broadcasting against channels-last tensors of `rank` axes. Belongs to the value or to the node's scope. */
  lastAmong(rank: number): TfTensor {
    if (this.rank === rank) return this.last();
    if (sizeOf(this.dims) === 1) return this.tf.reshape(this.plain(), []);
    const dims = [...new Array<number>(rank - this.rank).fill(1), ...this.dims];
    return this.derived(`last among ${rank}`, (x) => this.#moved(this.tf.reshape(x, dims), inLastOrder));
  }

  /** A tensor made from this one; a constant keeps it. */
  derived(_key: string, make: (x: TfTensor) => TfTensor): TfTensor {
    return make(this.plain());
  }

  dispose(): void {
    this.#plain?.dispose();
    this.#last?.dispose();
    this.#plain = this.#last = undefined;
  }

  protected make(): TfTensor {
    throw new Error('a value without tensor');
  }

  /** The tensor in ONNX's axis order, if it was made already. */
  protected get made(): TfTensor | undefined {
    return this.#plain;
  }

  #moved(x: TfTensor, order: <T>(items: readonly T[]) => T[]): TfTensor {
    return permute(this.tf, x, order(x.shape.map((_, axis) => axis)));
  }
}

/** A constant: made into tensors when first used, then kept in every form that was asked for. */
export class ConstantValue extends Value {
  readonly #forms = new Map<string, TfTensor>();

  constructor(
    tf: Tf,
    private readonly constant: Constant,
  ) {
    super(tf, undefined, constant.dims);
  }

  override numbers(): ArrayLike<number> {
    return valuesOf(this.constant);
  }

  override get prefersLast(): boolean {
    return false;
  }

  override derived(key: string, make: (x: TfTensor) => TfTensor): TfTensor {
    const known = this.#forms.get(key);
    if (known) return known;
    // Made for this alone, the constant itself is gone with the node's scope: weights are held once.
    const form = this.tf.keep(this.tf.tidy(() => make(this.made ?? this.make())));
    this.#forms.set(key, form);
    return form;
  }

  override dispose(): void {
    super.dispose();
    for (const form of this.#forms.values()) form.dispose();
    this.#forms.clear();
  }

  protected override make(): TfTensor {
    const { type, dims } = this.constant;
    const dtype = dtypeOf(type);
    const numbers = valuesOf(this.constant);
    if (dtype === 'float32') return this.tf.tensor(new Float32Array(numbers), [...dims], dtype);
    if (dtype === 'bool') return this.tf.tensor(Uint8Array.from(numbers), [...dims], dtype);
    return this.tf.tensor(Int32Array.from(numbers, clampedInt), [...dims], dtype);
  }
}

/** TensorFlow.js knows 32-bit floats, 32-bit integers and booleans. */
export function dtypeOf(type: ElementType): 'float32' | 'int32' | 'bool' {
  if (type === 'bool') return 'bool';
  return ['f32', 'f64', 'f16', 'bf16'].includes(type) ? 'float32' : 'int32';
}

/** 64-bit integers in graphs are positions and sizes: the largest stand for "to the end". */
export function clampedInt(value: number): number {
  return Math.min(Math.max(value, -0x80000000), 0x7fffffff);
}
