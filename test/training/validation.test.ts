import { describe, expect, it } from 'vitest';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { lossSums, meanLoss } from '../../src/training/loss_value.js';
import type { LossSettings } from '../../src/training/training_step.js';
import { validate, type TrainingTask } from '../../src/training/validation.js';

const values = (dims: number[], ...data: number[]) => tensor('f32', dims, Float32Array.from(data));
const lossOf = (settings: LossSettings, logits: Tensor<'f32'>, targets: Tensor<'f32'>) =>
  meanLoss(settings, lossSums(settings, logits, targets));

/** A step that gives its images back as logits: what is validated is what the source brings. */
function validated(task: TrainingTask, loss: LossSettings, logits: Tensor<'f32'>, targets: Tensor<'f32'>, size = 2) {
  const rows = ({ dims, data }: Tensor<'f32'>, at: number) => {
    const each = data.length / dims[0];
    const end = Math.min(at + size, dims[0]);
    return tensor('f32', [end - at, ...dims.slice(1)], data.slice(at * each, end * each));
  };
  const source = {
    ...{ batch: size, iterations: 0, epoch: () => ({}) as never },
    async *inOrder() {
      for (let at = 0; at < logits.dims[0]; at += size) {
        const release = () => {};
        yield { iteration: 0, ids: [], images: rows(logits, at), targets: rows(targets, at), release };
      }
    },
  };
  return validate({ batch: 1, predict: async (images) => images }, source, task, loss);
}

describe('losses in float64', () => {
  const logits = values([2, 3], 1, 2, 3, 0.5, -1, 0);
  const targets = values([2, 3], 0, 0, 1, 1, 0, 0);

  // torch.nn.functional.cross_entropy, binary_cross_entropy_with_logits and mse_loss give these.
  it.each<[LossSettings, number]>([
    [{ kind: 'cross-entropy' }, 0.505868],
    [{ kind: 'cross-entropy', labelSmoothing: 0.1 }, 0.589202],
    [{ kind: 'cross-entropy', classWeights: [1, 2, 3] }, 0.456737],
    [{ kind: 'cross-entropy', classWeights: [1, 2, 3], labelSmoothing: 0.1 }, 0.532484],
    [{ kind: 'binary-cross-entropy' }, 0.82821],
    [{ kind: 'binary-cross-entropy', positiveWeights: [2, 1, 1] }, 0.907223],
    [{ kind: 'mean-squared-error' }, 1.708333],
  ])('%j', (settings, expected) => {
    expect(lossOf(settings, logits, targets)).toBeCloseTo(expected, 5);
  });

  it('Dice of perfect masks is 1, of empty ones too, and large logits do not overflow', () => {
    const settings: LossSettings = { kind: 'dice-cross-entropy' };
    const sure = values([1, 1, 1, 4], 500, -500, 500, -500);
    expect(lossOf(settings, sure, values([1, 1, 1, 4], 1, 0, 1, 0))).toBeCloseTo(0, 6);
    expect(lossOf(settings, values([1, 1, 1, 2], -500, -500), values([1, 1, 1, 2], 0, 0))).toBeCloseTo(0, 6);
    const two = values([1, 2, 1, 2], 500, -500, -500, 500);
    expect(lossOf({ ...settings, diceWeight: 2 }, two, values([1, 2, 1, 2], 0, 1, 1, 0))).toBeCloseTo(1000 + 2, 2);
  });
});

describe('validate', () => {
  it('classification, in parts of the step’s size, a short one last', async () => {
    const logits = values([3, 2], 2, 0, 0, 1, 3, 0);
    const targets = values([3, 2], 1, 0, 0, 1, 0, 1);
    const metrics = await validated('classification', { kind: 'cross-entropy' }, logits, targets);
    expect(metrics).toMatchObject({ accuracy: 2 / 3, auc: 0.5, f1: 2 / 3, dice: null });
    expect(metrics.loss).toBeCloseTo(lossOf({ kind: 'cross-entropy' }, logits, targets), 10);
  });

  it('one class only: AUC is not defined, and said so', async () => {
    const metrics = await validated(
      ...(['classification', { kind: 'binary-cross-entropy' }] as const),
      ...([values([2, 1], 1, -1), values([2, 1], 1, 1)] as const),
    );
    expect(metrics).toMatchObject({ accuracy: 0.5, auc: null });
  });

  it('several labels', async () => {
    const [logits, targets] = [values([2, 2], 1, -1, -1, 1), values([2, 2], 1, 1, 0, 1)];
    const metrics = await validated('multi-label', { kind: 'binary-cross-entropy' }, logits, targets);
    expect(metrics).toMatchObject({ accuracy: 0.75, auc: 1 });
  });

  it('masks: mean Dice over images with a region, of the foreground', async () => {
    const loss: LossSettings = { kind: 'dice-cross-entropy' };
    const one = [values([2, 1, 1, 4], 1, 1, -1, -1, -1, -1, -1, -1), values([2, 1, 1, 4], 1, 0, 0, 0, 0, 0, 0, 0)];
    expect(await validated('segmentation', loss, one[0], one[1])).toMatchObject({
      accuracy: 7 / 8,
      dice: 2 / 3, // the second image is empty in both
      auc: null,
    });
    const nothing = values([2, 1, 1, 4], -1, -1, -1, -1, -1, -1, -1, -1);
    expect(await validated('segmentation', loss, nothing, one[1])).toMatchObject({ accuracy: 7 / 8, dice: 0 });
    const [empty, found] = [values([1, 1, 1, 2], 0, 0), values([1, 1, 1, 2], 1, -1)];
    expect(await validated('segmentation', loss, found, empty)).toMatchObject({ dice: 0 });
    // Classes 0 1 2 of two pixels each; class 2 is in neither map.
    const three = [values([1, 3, 1, 2], 1, 0, 0, 1, 0, 0), values([1, 3, 1, 2], 1, 0, 0, 1, 0, 0)];
    expect(await validated('segmentation', loss, three[0], three[1])).toMatchObject({ accuracy: 1, dice: 1 });
  });

  it('a model that diverged has no metrics', async () => {
    const metrics = await validated(
      ...(['segmentation', { kind: 'dice-cross-entropy' }] as const),
      ...([values([1, 1, 1, 2], NaN, 1), values([1, 1, 1, 2], 0, 1)] as const),
    );
    expect(metrics).toMatchObject({ loss: null, dice: null });
  });
});
