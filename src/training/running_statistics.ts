import { expectArgument } from '../core/errors.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { valuesOf } from '../graph/constant.js';
import type { Graph } from '../graph/ir.js';
import type { BatchStatistics } from '../graph/training/training_form.js';

/** Running means and variances of batch normalisation, updated by each batch as PyTorch does. */
export class RunningStatistics {
  /** By initializer name; each batch overwrites them in place. */
  readonly values: ReadonlyMap<string, Tensor<'f32'>>;

  /** @param names running statistics among the initializers of `model`, copied */
  constructor(model: Graph, names: readonly string[]) {
    this.values = new Map(
      names.map((name) => {
        const constant = model.initializers.get(name);
        expectArgument(constant !== undefined, 'running statistic', 'an initializer of the model', name);
        return [name, tensor('f32', [...constant.dims], Float32Array.from(valuesOf(constant)))];
      }),
    );
  }

  /** running ← momentum·running + (1 − momentum)·batch, with the unbiased variance. */
  update(statistics: readonly BatchStatistics[], outputs: Readonly<Record<string, Tensor>>): void {
    for (const { mean, variance, batchMean, batchVariance, momentum, count } of statistics) {
      this.#blend(mean, outputs[batchMean].data as Float32Array, momentum, 1);
      this.#blend(variance, outputs[batchVariance].data as Float32Array, momentum, count / (count - 1));
    }
  }

  #blend(name: string, batch: Float32Array, momentum: number, factor: number): void {
    const running = this.values.get(name)!.data;
    for (let i = 0; i < running.length; i++) running[i] = momentum * running[i] + (1 - momentum) * factor * batch[i];
  }
}
