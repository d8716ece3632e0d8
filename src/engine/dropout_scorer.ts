import type { Criteria } from '../core/criteria.js';
import { Rng } from '../core/rng.js';
import { sizeOf, tensor, type Tensor } from '../core/tensor.js';
import { dropoutUncertainty } from '../features/dropout_uncertainty.js';
import type { Activation } from '../features/uncertainty.js';
import type { DropoutMask } from '../graph/dropout.js';
import { openSession, type Session, type SessionOptions } from '../runtime/index.js';

/** Everything a worker needs for the stochastic passes: plain data. */
export interface DropoutSetup {
  /** The part of the model behind the first dropout. */
  onnx: SharedArrayBuffer;
  /** Its inputs by the name of the main graph's output that feeds them. */
  feeds: Readonly<Record<string, string>>;
  masks: readonly DropoutMask[];
  passes: number;
  seed: number;
}

/**
 * Runs the stochastic passes of Monte-Carlo dropout. The masks of a pass are the same for every image, drawn from the
 * seed alone ("consistent" dropout): each pass is one sub-network that judges the whole pool, and a sample's numbers
 * depend neither on its batch nor on the backend.
 */
export class DropoutScorer {
  readonly #masks: Record<string, Tensor<'f32'>>[];

  private constructor(
    private readonly setup: DropoutSetup,
    private readonly session: Session,
    private readonly activation: Activation,
  ) {
    this.#masks = Array.from({ length: setup.passes }, (_, pass) => masksOf(setup, pass));
  }

  /** @throws SightlineError E_PROVIDER, E_MODEL_FORMAT */
  static async open(
    setup: DropoutSetup,
    { runtime, provider, threads, activation }: SessionOptions & { activation: Activation },
  ): Promise<DropoutScorer> {
    return new DropoutScorer(
      setup,
      await openSession(new Uint8Array(setup.onnx), { runtime, provider, threads }),
      activation,
    );
  }

  /** @param outputs of the main graph, for the same batch */
  async score(
    outputs: Readonly<Record<string, Tensor>>,
    batch: number,
    classes: number,
    criteria: Criteria<Float64Array>,
  ): Promise<void> {
    const feeds = Object.fromEntries(Object.entries(this.setup.feeds).map(([from, to]) => [to, outputs[from]]));
    const logits: Float32Array[] = [];
    for (const masks of this.#masks) {
      const result = Object.values(await this.session.run({ ...feeds, ...masks }))[0];
      logits.push(result.data as Float32Array);
    }
    for (let b = 0; b < batch; b++) {
      const rows = logits.map((pass) => pass.subarray(b * classes, (b + 1) * classes));
      const { entropy, epistemic, aleatoric, bald } = dropoutUncertainty(rows, this.activation);
      criteria.mc_entropy[b] = entropy;
      criteria.mc_epistemic[b] = epistemic;
      criteria.mc_aleatoric[b] = aleatoric;
      criteria.bald[b] = bald;
    }
  }
}

/** Masks of one pass: 0 with the mask's rate, else 1/(1 − rate). */
function masksOf({ masks, seed }: DropoutSetup, pass: number): Record<string, Tensor<'f32'>> {
  return Object.fromEntries(
    masks.map(({ name, dims, rate }, point) => {
      const rng = new Rng(seed, 'dropout', pass, point);
      const keep = rate < 1 ? 1 / (1 - rate) : 0;
      const data = Float32Array.from({ length: sizeOf(dims) }, () => (rng.uniform() < rate ? 0 : keep));
      return [name, tensor('f32', dims, data)];
    }),
  );
}
