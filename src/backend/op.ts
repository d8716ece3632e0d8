import type { ArrayOf, DType, Tensor } from '../core/tensor.js';

/** Dtype and dimension letters of an input or output; a letter has one size throughout an op. */
export interface TensorSpec<T extends DType = DType> {
  readonly dtype: T;
  /** Letters bound by the inputs, names of params, or fixed sizes. */
  readonly dims: readonly (string | number)[];
}

export type Specs = Readonly<Record<string, TensorSpec>>;
export type Params = Readonly<Record<string, number>>;
/** Sizes by dimension letter. */
export type Dims = Readonly<Record<string, number>>;
export type HostTensors<S extends Specs> = { readonly [K in keyof S]: Tensor<S[K]['dtype']> };
export type HostArrays<S extends Specs> = { readonly [K in keyof S]: ArrayOf[S[K]['dtype']] };

/** How a shader is launched. */
export interface WgslPlan {
  /** Override constants, by name, for these sizes: they key the pipeline, so never put a shape here. */
  overrides?: (dims: Dims, params: Params) => Record<string, number>;
  /** Names and types of the `Params` uniform's fields in order: params, dimension letters, or what follows from them. */
  uniforms: readonly (readonly [name: string, type: 'u32' | 'f32', value?: (dims: Dims, params: Params) => number])[];
  /** Workgroups for these sizes. */
  workgroups: (dims: Dims, params: Params, overrides: Record<string, number>) => readonly [number, number?, number?];
  /** Why these sizes or params cannot run on a GPU at all, if they cannot. */
  obstacle?: (dims: Dims, params: Params) => string | undefined;
  /** Dimension letter to split when a binding or a dispatch would exceed the device's limits (it leads inputs and outputs). */
  splitBy: string;
}

/**
 * One operation, declared once: the float64 reference is its definition, C++ (`native/<name>.cc`) and WGSL
 * (`shaders/<name>.wgsl`) are held against it.
 */
export interface Op<I extends Specs = Specs, P extends Params = Params, O extends Specs = Specs> {
  readonly name: string;
  readonly inputs: I;
  /** Defaults of every parameter; plain numbers, so that they pass unchanged to a uniform and across N-API. */
  readonly params: P;
  readonly outputs: O;
  /** Throws for values outside the domain, beyond what the specs say. */
  check?(dims: Dims, params: P): void;
  /** Writes the outputs; plain loops with float64 accumulators. */
  reference(inputs: HostArrays<I>, outputs: HostArrays<O>, dims: Dims, params: P): void;
  /** Outputs that may be written over an input: the very same array, whose elements are each read before written. */
  readonly inPlace?: { readonly [Output in keyof O]?: keyof I };
  readonly native: boolean;
  readonly wgsl: WgslPlan | { readonly unavailable: string };
  /** Largest deviation from the reference: |x − ref| ≤ absolute + relative·|ref|. */
  readonly tolerance: { readonly native: Tolerance; readonly webgpu?: Tolerance };
  /** Bytes read and written, and floating-point operations, for these sizes. */
  bytes(dims: Dims, params: P): number;
  flops(dims: Dims, params: P): number;
}

export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
  /** Where columns differ: by column of the outputs whose last dimension is as long as this. */
  readonly byColumn?: readonly Pick<Tolerance, 'relative' | 'absolute'>[];
}

export function defineOp<const I extends Specs, P extends Params, const O extends Specs>(op: Op<I, P, O>): Op<I, P, O> {
  return op;
}

export function spec<T extends DType>(dtype: T, ...dims: (string | number)[]): TensorSpec<T> {
  return { dtype, dims };
}
