import { openCpuBackend, type Backend } from '../backend/index.js';
import { SightlineError } from '../core/errors.js';
import { streamKey } from '../core/rng.js';
import { sizeOf, tensor, type Tensor } from '../core/tensor.js';
import { f32, valuesOf } from '../graph/constant.js';
import type { Graph } from '../graph/ir.js';
import { compilePrediction, compileTraining, type TrainingGraph } from '../graph/training/compile_training.js';
import { batchNorms, noParameters, trainableParameters } from '../graph/training/parameters.js';
import { dropoutMask } from '../kernels/dropout_mask.js';
import { openGraphSession, resolveRuntime, type GraphSession } from './graph_session.js';
import { Optimiser } from './optimiser.js';
import { RunningStatistics } from './running_statistics.js';
import { readTrainingState, writeTrainingState } from './training_state_file.js';
import type { BatchReport, TrainingBatch, TrainingStep, TrainingStepSettings } from './training_step.js';

/** A model that is compiled for training, and not loaded yet. */
export interface PreparedStep {
  /** What will run it; `auto` resolved. */
  readonly runtime: 'native' | 'onnxruntime';
  /** Loads it: the same step each time. @throws SightlineError E_PROVIDER, E_MEMORY */
  open(): Promise<TrainingStep>;
}

/**
 * Compiles a model for training.
 * @param model in inference form, image f32[B,C,H,W] first among its inputs, weights as initializers (`buildModel`, or
 *   `prepareFineTuning` of an imported one); not changed
 * @throws SightlineError E_MODEL_UNSUPPORTED, E_OP_UNSUPPORTED, E_ARGUMENT (see `compileTraining`, `Optimiser`)
 */
export function prepareTrainingStep(model: Graph, settings: TrainingStepSettings): PreparedStep {
  const { batch, loss, batchNorm, alignment } = settings;
  const initial = trainableParameters(model).map((name) => {
    const constant = model.initializers.get(name)!;
    return [name, tensor('f32', [...constant.dims], valuesOf(constant) as Float32Array)] as const;
  });
  if (initial.length === 0) throw noParameters();
  const newOptimiser = () => Optimiser.create(new Map(initial), settings.optimiser);
  const frozen = frozenOf(newOptimiser());
  const isFrozen = (name: string) => frozen.has(name);
  const compiled = compileTraining(model, { batch, loss, batchNorm, alignment, isFrozen });
  const runtime = resolveRuntime(compiled.graph, settings);
  const open = async (): Promise<TrainingStep> => {
    const running = new RunningStatistics(
      model,
      batchNorms(model).flatMap(({ inputs }) => [inputs[3], inputs[4]]),
    );
    const session = await openGraphSession(compiled.graph, { ...settings, runtime });
    const cpu = openCpuBackend({ threads: settings.threads, onNotice: () => {} });
    return new CompiledStep(model, settings, compiled, session, newOptimiser(), running, cpu);
  };
  return { runtime, open };
}

const frozenOf = (optimiser: Optimiser): ReadonlySet<string> =>
  new Set([...optimiser.parameters.keys()].filter((name) => optimiser.isFrozen(name)));

/**
 * Compiles a model for training and loads the result.
 * @throws SightlineError as `prepareTrainingStep` and its `open`
 */
export async function openTrainingStep(model: Graph, settings: TrainingStepSettings): Promise<TrainingStep> {
  return prepareTrainingStep(model, settings).open();
}

class CompiledStep implements TrainingStep {
  readonly batch: number;
  readonly description: string;
  #prediction?: Promise<{ session: GraphSession; image: string; output: string }>;

  constructor(
    private readonly source: Graph,
    private readonly settings: TrainingStepSettings,
    private readonly compiled: TrainingGraph,
    private readonly session: GraphSession,
    private optimiser: Optimiser,
    private readonly running: RunningStatistics,
    private readonly cpu: Backend,
  ) {
    this.batch = settings.batch;
    this.description = session.description;
  }

  get step(): number {
    return this.optimiser.step;
  }

  get learningRate(): number {
    return this.optimiser.learningRate;
  }

  async accumulate(batch: TrainingBatch, draw: number): Promise<BatchReport> {
    const { image, imageDims, targets, rois, outputDims, output, loss } = this.compiled;
    const { alignment, gradients, statistics, masks } = this.compiled;
    expectDims('images', batch.images, imageDims);
    expectDims('targets', batch.targets, outputDims);
    const inputs: Record<string, Tensor> = { [image]: batch.images, [targets]: batch.targets, ...this.#weights() };
    if (rois) {
      const dims = [imageDims[0], imageDims[2], imageDims[3]];
      if (!batch.rois) throw wrongInput('rois', 'nothing', dims);
      expectDims('rois', batch.rois, dims);
      inputs[rois] = batch.rois;
    }
    const { seed = 0 } = this.settings;
    for (const [layer, { name, dims, rate }] of masks.entries()) {
      const params = { count: sizeOf(dims), rate, draw, ...streamKey(seed, 'dropout', layer) };
      inputs[name] = tensor('f32', dims, (await this.cpu.run(dropoutMask, {}, params)).mask.data);
    }
    // The first gradients of an update go straight to where they add up.
    const first = this.optimiser.accumulated === 0;
    const outputs = await this.session.run(inputs, first ? this.#gradientsInto() : {});
    const value = (outputs[loss].data as Float32Array)[0];
    if (Number.isFinite(value)) {
      if (gradients.size > 0) this.#addGradients(outputs, first);
      this.running.update(statistics, outputs);
    }
    const report: BatchReport = { loss: value, logits: outputs[output] as Tensor<'f32'> };
    if (alignment) report.alignment = (outputs[alignment].data as Float32Array)[0];
    return report;
  }

  async apply(backend: Backend, { rateFactor }: { rateFactor?: number } = {}) {
    return this.optimiser.apply(backend, { gradientScale: 1 / this.optimiser.accumulated, rateFactor });
  }

  async predict(images: Tensor<'f32'>): Promise<Tensor<'f32'>> {
    const { imageDims, outputDims } = this.compiled;
    const [count] = images.dims;
    expectDims('images', images, [Math.min(count, this.batch), ...imageDims.slice(1)]);
    this.#prediction ??= this.#openPrediction();
    const { session, image, output } = await this.#prediction;
    // A short batch is filled up with zeros: in inference, samples do not influence each other.
    const whole = new Float32Array(sizeOf(imageDims));
    whole.set(images.data);
    const filled = count === this.batch ? images : tensor('f32', imageDims, whole);
    const result = (await session.run({ [image]: filled, ...this.#weights() }))[output].data as Float32Array;
    const dims = [count, ...outputDims.slice(1)];
    return tensor('f32', dims, result.slice(0, sizeOf(dims)));
  }

  model(): Graph {
    const initializers = new Map(this.source.initializers);
    for (const [name, { dims, data }] of [...this.optimiser.parameters, ...this.running.values]) {
      initializers.set(name, f32(dims, data.slice()));
    }
    return { ...this.source, initializers };
  }

  serialise(): Uint8Array {
    return writeTrainingState(this.optimiser.serialise(), this.running.values);
  }

  restore(bytes: Uint8Array): void {
    const { optimiser: stored, statistics } = readTrainingState(bytes);
    const optimiser = Optimiser.deserialise(stored);
    const shape = (tensors: ReadonlyMap<string, Tensor>) =>
      [...tensors].map(([name, { dims }]) => `${name}[${dims.join()}]`);
    const same =
      shape(optimiser.parameters).join() === shape(this.optimiser.parameters).join() &&
      [...this.running.values].every(([name, { data }]) => statistics.get(name)?.length === data.length);
    if (!same) {
      throw new SightlineError('E_ARGUMENT', {
        where: 'training state',
        what: 'it belongs to another model: its parameters have other names or shapes',
        remedy: 'Train the same architecture, size and classes, or begin anew.',
      });
    }
    this.optimiser = optimiser;
    for (const [name, { data }] of this.running.values) data.set(statistics.get(name)!);
  }

  async close(): Promise<void> {
    this.cpu.close();
    await this.session.close();
    await (await this.#prediction)?.session.close();
  }

  #weights(): Record<string, Tensor> {
    return Object.fromEntries([...this.optimiser.parameters, ...this.running.values]);
  }

  /** Where the graph writes gradients, by output; one that is two parameters' is copied to the second. */
  #gradientsInto(): Record<string, Tensor> {
    const into: Record<string, Tensor> = {};
    for (const [name, from] of this.compiled.gradients) into[from] ??= this.optimiser.gradients.get(name)!;
    return into;
  }

  #addGradients(outputs: Readonly<Record<string, Tensor>>, first: boolean): void {
    const { gradients } = this.compiled;
    const found = new Map<string, Tensor<'f32'>>();
    for (const [name, target] of this.optimiser.gradients) {
      const from = gradients.get(name);
      // The loss does not depend on every parameter: those have a gradient of zero.
      const gradient = from ? (outputs[from] as Tensor<'f32'>) : tensor('f32', target.dims);
      if (!first) found.set(name, gradient);
      else if (gradient.data !== target.data) target.data.set(gradient.data);
    }
    if (first) this.optimiser.accumulateWritten();
    else this.optimiser.accumulate(found);
  }

  async #openPrediction() {
    const { graph, image, output } = compilePrediction(this.source, this.batch);
    return { session: await openGraphSession(graph, this.settings), image, output };
  }
}

function expectDims(where: string, { dims, dtype }: Tensor, expected: readonly number[]): void {
  if (dtype !== 'f32' || dims.join() !== expected.join())
    throw wrongInput(where, `${dtype}[${dims.join(', ')}]`, expected);
}

function wrongInput(where: string, received: string, expected: readonly number[]): SightlineError {
  return new SightlineError('E_SHAPE', { where, what: `expected f32[${expected.join(', ')}], received ${received}` });
}
