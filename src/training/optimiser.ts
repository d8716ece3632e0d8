import type { Backend } from '../backend/index.js';
import { expectArgument, SightlineError } from '../core/errors.js';
import { sizeOf, tensor, type Tensor } from '../core/tensor.js';
import { gradientNorm } from '../kernels/gradient_norm.js';
import { optimiserStep } from '../kernels/optimiser_step.js';
import { readOptimiser, writeOptimiser, type OptimiserState } from './optimiser_file.js';
import { completeOptions, factorsOf, kernelParams, scheduleOf, stateSizes } from './optimiser_options.js';
import type { OptimiserOptions } from './optimiser_options.js';
import { learningRateAt } from './schedules.js';

export type { OptimiserOptions } from './optimiser_options.js';

type Tensors = ReadonlyMap<string, Tensor<'f32'>>;

/** What a step did. */
export interface StepReport {
  /** False: a gradient was NaN or infinite; parameters, state and step count stayed as they were. */
  applied: boolean;
  /** Tensors with NaN or infinite gradients, in order. */
  notFinite: string[];
  /** L2 norm of the gradients of all tensors that are not frozen, times gradientScale, before clipping. */
  norm: number;
  learningRate: number;
}

/**
 * SGD, Adam or AdamW over named tensors, one kernel call a step, equal to torch.optim's. Parameters, gradients and state
 * are flat arrays that every step overwrites in place; {@link parameters} are views of them, for the life of the optimiser.
 * One call at a time.
 */
export class Optimiser {
  readonly options: OptimiserOptions;
  /** The current values: views, not copies. Feed them to the training session; whoever keeps them copies them. */
  readonly parameters: Tensors;
  /** Where gradients add up, of the tensors that are not frozen: views. See {@link accumulateWritten}. */
  readonly gradients: Tensors;
  readonly #state: OptimiserState;
  readonly #rates: Float32Array;
  readonly #decays: Float32Array;
  readonly #starts: Uint32Array;
  #busy = false;

  private constructor(state: OptimiserState) {
    this.options = state.options;
    this.#state = state;
    const { tensors, parameters, gradients, options } = state;
    const factors = factorsOf(
      options,
      tensors.map(({ name }) => name),
    );
    this.#rates = factors.rates;
    this.#decays = factors.decays;
    this.#starts = new Uint32Array(tensors.length);
    let start = 0;
    const views = tensors.map(({ name, dims }, s) => {
      this.#starts[s] = start;
      start += sizeOf(dims);
      return [name, tensor('f32', dims, parameters.subarray(this.#starts[s], start))] as const;
    });
    this.parameters = new Map(views);
    this.gradients = new Map(
      tensors.flatMap(({ name, dims }, s) => {
        const first = this.#starts[s];
        const view = () => tensor('f32', dims, gradients.subarray(first, first + sizeOf(dims)));
        return this.#rates[s] === 0 ? [] : [[name, view()] as const];
      }),
    );
  }

  /** @param initial values, copied @throws SightlineError E_ARGUMENT */
  static create(initial: Tensors, options: Partial<OptimiserOptions> = {}): Optimiser {
    const complete = completeOptions(options);
    const count = [...initial.values()].reduce((sum, { data }) => sum + data.length, 0);
    expectArgument(count > 0 && count < 2 ** 32, 'parameters', 'from 1 to 2³² − 1 elements', count);
    const { F, V } = stateSizes(complete, count);
    const optimiser = new Optimiser({
      options: structuredClone(complete),
      step: 0,
      accumulated: 0,
      tensors: [...initial].map(([name, { dims }]) => ({ name, dims: [...dims] })),
      steps: new Uint32Array(initial.size),
      parameters: new Float32Array(count),
      gradients: new Float32Array(count),
      first: new Float32Array(F),
      second: new Float32Array(V),
    });
    for (const [name, view] of optimiser.parameters) view.data.set(initial.get(name)!.data);
    return optimiser;
  }

  /** Goes on, bit for bit, where {@link serialise} was called. @throws SightlineError E_MODEL_FORMAT */
  static deserialise(bytes: Uint8Array): Optimiser {
    const state = readOptimiser(bytes);
    try {
      return new Optimiser(state);
    } catch (error) {
      throw SightlineError.from(error, 'E_MODEL_FORMAT', { where: 'optimiser' });
    }
  }

  /** Settings, parameters, state, counts and gradients accumulated so far. */
  serialise(): Uint8Array {
    this.#expectIdle();
    return writeOptimiser(this.#state);
  }

  /** Steps applied. */
  get step(): number {
    return this.#state.step;
  }

  /** Calls of {@link accumulate} since the last step. */
  get accumulated(): number {
    return this.#state.accumulated;
  }

  /** The rate of the next step. */
  get learningRate(): number {
    return learningRateAt(scheduleOf(this.options), this.#state.step);
  }

  isFrozen(name: string): boolean {
    const s = this.#state.tensors.findIndex((t) => t.name === name);
    expectArgument(s >= 0, 'tensor', 'a name of the parameters', name);
    return this.#rates[s] === 0;
  }

  /**
   * Adds gradients, copying them: several calls before {@link apply} make a batch larger than memory.
   * @param gradients of every tensor that is not frozen; others are ignored
   * @throws SightlineError E_ARGUMENT, E_SHAPE; nothing is added then
   */
  accumulate(gradients: Tensors): void {
    this.#expectIdle();
    const { tensors, gradients: flat } = this.#state;
    tensors.forEach(({ name, dims }, s) => {
      if (this.#rates[s] === 0) return;
      const given = gradients.get(name);
      expectArgument(given !== undefined, `gradient of "${name}"`, 'a tensor', given);
      if (given.dims.join() === dims.join() && given.dtype === 'f32') return;
      const what = `expected f32[${dims.join(',')}], received ${given.dtype}[${given.dims.join(',')}]`;
      throw new SightlineError('E_SHAPE', { where: `gradient of "${name}"`, what });
    });
    tensors.forEach(({ name }, s) => {
      if (this.#rates[s] === 0) return;
      const { data } = gradients.get(name)!;
      const start = this.#starts[s];
      if (this.#state.accumulated === 0) flat.set(data, start);
      else for (let i = 0; i < data.length; i++) flat[start + i] += data[i];
    });
    this.#state.accumulated++;
  }

  /**
   * As {@link accumulate}, of gradients that were written into {@link gradients} themselves, which saves a copy; the first
   * since the last step.
   * @throws SightlineError E_ARGUMENT when others were accumulated before, which they have overwritten
   */
  accumulateWritten(): void {
    this.#expectIdle();
    expectArgument(this.#state.accumulated === 0, 'accumulated gradients', 'none before', this.#state.accumulated);
    this.#state.accumulated = 1;
  }

  /**
   * One update from the accumulated gradients, which are then forgotten, applied or not.
   * @param gradientScale multiplies them before anything else: 1/calls of accumulate for their mean, 1/loss scale
   * @param rateFactor multiplies the schedule's learning rate in this step
   * @throws SightlineError E_ARGUMENT when none were accumulated
   */
  async apply(
    backend: Backend,
    { gradientScale = 1, rateFactor = 1 }: { gradientScale?: number; rateFactor?: number } = {},
  ): Promise<StepReport> {
    this.#expectIdle();
    const state = this.#state;
    expectArgument(state.accumulated > 0, 'accumulated gradients', 'at least one call of accumulate()', 0);
    expectArgument(Number.isFinite(gradientScale), 'gradientScale', 'a finite number', gradientScale);
    const validFactor = Number.isFinite(rateFactor) && rateFactor > 0;
    expectArgument(validFactor, 'rateFactor', 'a finite number above 0', rateFactor);
    this.#busy = true;
    try {
      const learningRate = this.learningRate * rateFactor;
      const { norm, notFinite } = await this.#norm(backend, gradientScale);
      if (notFinite.length) {
        state.accumulated = 0;
        return { applied: false, notFinite, norm, learningRate };
      }
      const { clipNorm } = this.options;
      // torch.nn.utils.clip_grad_norm_
      const clip = clipNorm > 0 ? Math.min(1, clipNorm / (norm + 1e-6)) : 1;
      await this.#update(backend, learningRate, gradientScale * clip);
      state.accumulated = 0;
      state.step++;
      return { applied: true, notFinite, norm, learningRate };
    } finally {
      this.#busy = false;
    }
  }

  async #norm(backend: Backend, scale: number): Promise<Pick<StepReport, 'norm' | 'notFinite'>> {
    const { gradients, tensors } = this.#state;
    const inputs = { gradients: flat(gradients), starts: list('u32', this.#starts), rates: list('f32', this.#rates) };
    const { squares, notFinite } = await backend.run(gradientNorm, inputs);
    const norm = Math.sqrt(squares.data.reduce((sum, value) => sum + value, 0)) * Math.abs(scale);
    return { norm, notFinite: tensors.filter((_, s) => notFinite.data[s] > 0).map(({ name }) => name) };
  }

  async #update(backend: Backend, learningRate: number, gradientScale: number): Promise<void> {
    const state = this.#state;
    const next = state.steps.map((count, s) => (this.#rates[s] === 0 ? count : count + 1));
    const [parameters, first, second] = [state.parameters, state.first, state.second].map(flat);
    const inputs = {
      ...{ parameters, first, second, gradients: flat(state.gradients) },
      starts: list('u32', this.#starts),
      rates: list('f32', this.#rates),
      decays: list('f32', this.#decays),
      steps: list('u32', next),
    };
    const params = { ...kernelParams(this.options), learningRate, gradientScale };
    const into = { newParameters: parameters, newFirst: first, newSecond: second };
    await backend.run(optimiserStep, inputs, params, { into });
    state.steps.set(next);
  }

  #expectIdle(): void {
    if (this.#busy) {
      throw new SightlineError('E_ARGUMENT', { where: 'optimiser', what: 'called while a step is being applied' });
    }
  }
}

const flat = (data: Float32Array) => tensor('f32', [data.length], data);
const list = <T extends 'u32' | 'f32'>(dtype: T, data: Tensor<T>['data']) => tensor<T>(dtype, [data.length], data);
