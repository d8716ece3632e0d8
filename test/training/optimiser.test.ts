import { describe, expect, it } from 'vitest';
import { openBackend } from '../../src/backend/index.js';
import { Rng } from '../../src/core/rng.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { optimiserStep } from '../../src/kernels/optimiser_step.js';
import { Optimiser, type OptimiserOptions } from '../../src/training/optimiser.js';
import { learningRateAt, type Schedule } from '../../src/training/schedules.js';

const native = await openBackend({ prefer: 'native' });
const vector = (...values: number[]) => tensor('f32', [values.length], Float32Array.from(values));
const shapes: [string, number[]][] = [
  ['stem.weight', [3, 5]],
  ['head.weight', [4, 3]],
  ['head.bias', [4]],
];

function random(seed: number): Map<string, Tensor<'f32'>> {
  const rng = new Rng(seed, 'optimiser');
  return new Map(
    shapes.map(([name, dims]) => {
      const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => rng.normal());
      return [name, tensor('f32', dims, data)];
    }),
  );
}

const valuesOf = (o: Optimiser) => new Map([...o.parameters].map(([name, { data }]) => [name, [...data]]));

async function train(optimiser: Optimiser, from: number, to: number): Promise<void> {
  for (let step = from; step < to; step++) {
    optimiser.accumulate(random(100 + step));
    await optimiser.apply(native);
  }
}

const settings: Partial<OptimiserOptions>[] = [
  { rule: 'sgd', learningRate: 0.1 },
  { rule: 'sgd', learningRate: 0.1, momentum: 0.9, nesterov: true, clipValue: 0.5 },
  { rule: 'adam', learningRate: { kind: 'cosine', rate: 0.1, steps: 9, warmUp: { steps: 3 } }, clipNorm: 1 },
  { rule: 'adamw', weightDecay: 0.1, noDecay: ['*.bias'], frozen: ['stem.*'] },
];

describe('Optimiser', () => {
  it.each(settings)(
    'goes on bit for bit from its serialised state, gradients accumulated included: %o',
    async (given) => {
      const through = Optimiser.create(random(1), given);
      await train(through, 0, 5);
      through.accumulate(random(50));
      const restored = Optimiser.deserialise(through.serialise());
      expect(restored.step).toBe(5);
      for (const optimiser of [through, restored]) await train(optimiser, 5, 9);
      expect(restored.serialise()).toEqual(through.serialise());
      expect(valuesOf(restored)).toEqual(valuesOf(through));
      expect(valuesOf(restored)).not.toEqual(valuesOf(Optimiser.create(random(1), given)));
    },
  );

  it('refuses damaged and foreign files', () => {
    const bytes = Optimiser.create(random(1)).serialise();
    for (const at of [0, 8, 30, bytes.length - 40, bytes.length - 1]) {
      const damaged = bytes.slice();
      damaged[at] ^= 1;
      expect(() => Optimiser.deserialise(damaged)).toThrow(/not an optimiser|version|checksum/);
    }
    expect(() => Optimiser.deserialise(bytes.slice(0, 20))).toThrow('not an optimiser');
    expect(() => Optimiser.deserialise(bytes.slice(0, -1))).toThrow('checksum');
  });

  it('keeps frozen tensors and does not ask for their gradients', async () => {
    const optimiser = Optimiser.create(random(1), { frozen: ['stem.*'], weightDecay: 1 });
    const gradients = random(2);
    gradients.delete('stem.weight');
    optimiser.accumulate(gradients);
    expect((await optimiser.apply(native)).applied).toBe(true);
    expect(optimiser.isFrozen('stem.weight')).toBe(true);
    expect(optimiser.parameters.get('stem.weight')).toEqual(random(1).get('stem.weight'));
    expect(optimiser.parameters.get('head.bias')).not.toEqual(random(1).get('head.bias'));
    gradients.delete('head.bias');
    expect(() => optimiser.accumulate(gradients)).toThrow('gradient of "head.bias": expected a tensor');
  });

  it.each([NaN, Infinity, -Infinity])('skips and reports a step with %d in a gradient', async (value) => {
    const optimiser = Optimiser.create(random(1), { momentum: 0.9, rule: 'sgd' });
    await train(optimiser, 0, 2);
    const before = optimiser.serialise();
    const gradients = random(3);
    gradients.get('head.weight')!.data[7] = value;
    optimiser.accumulate(gradients);
    expect(await optimiser.apply(native)).toMatchObject({ applied: false, notFinite: ['head.weight'] });
    expect(optimiser.serialise()).toEqual(before);
    optimiser.accumulate(random(3));
    expect((await optimiser.apply(native)).applied).toBe(true);
  });

  it('takes the mean of accumulated gradients', async () => {
    const create = () => Optimiser.create(new Map([['w', vector(1, 2)]]), { rule: 'sgd', learningRate: 1 });
    const optimiser = create();
    optimiser.accumulate(new Map([['w', vector(1, 0)]]));
    optimiser.accumulate(new Map([['w', vector(3, -6)]]));
    const report = await optimiser.apply(native, { gradientScale: 0.5 });
    expect([...optimiser.parameters.get('w')!.data]).toEqual([-1, 5]);
    expect(report.norm).toBeCloseTo(Math.sqrt(13), 12);
    await expect(optimiser.apply(native)).rejects.toThrow('at least one call of accumulate()');
  });

  it('clips by norm, then by value', async () => {
    const given = { rule: 'sgd', learningRate: 1, clipNorm: 1, clipValue: 0.7 } as const;
    const optimiser = Optimiser.create(new Map([['w', vector(0, 0)]]), given);
    optimiser.accumulate(new Map([['w', vector(30, -40)]]));
    expect((await optimiser.apply(native)).norm).toBe(50);
    const [a, b] = optimiser.parameters.get('w')!.data;
    expect(a).toBeCloseTo(-0.6, 6);
    expect(b).toBeCloseTo(0.7, 7);
  });

  it('refuses what makes no sense', () => {
    const create = (options: object) => () => Optimiser.create(random(1), options);
    expect(create({ frozen: ['stam.*'] })).toThrow('tensor pattern: expected a pattern that matches');
    expect(create({ rule: 'lion' })).toThrow('rule: expected sgd, adam, adamw');
    expect(create({ beta2: 1 })).toThrow('optimiser_step.beta2');
    expect(create({ rule: 'sgd', nesterov: true })).toThrow('with momentum');
    expect(create({ learningRate: -1 })).toThrow('schedule.rate');
    expect(create({ weightDecay: NaN })).toThrow('weightDecay');
    expect(create({ clip: 1 })).toThrow('optimiser options');
    expect(() => Optimiser.create(new Map())).toThrow('parameters');
    const optimiser = Optimiser.create(random(1));
    expect(() => optimiser.accumulate(new Map([...random(2), ['head.bias', vector(1)]]))).toThrow('expected f32[4]');
    expect(() => optimiser.accumulate(new Map())).toThrow('gradient of "stem.weight"');
  });

  it('refuses to be called while it applies a step', async () => {
    const optimiser = Optimiser.create(random(1));
    optimiser.accumulate(random(2));
    const applying = optimiser.apply(native);
    expect(() => optimiser.serialise()).toThrow('while a step is being applied');
    await applying;
  });
});

describe('outputs in place', () => {
  const N = 100;
  const arrays = () => {
    const rng = new Rng(4, 'in place');
    const fill = () => vector(...Array.from({ length: N }, () => Math.abs(rng.normal())));
    const one = tensor('u32', [1], Uint32Array.of(1));
    return {
      ...{ parameters: fill(), gradients: fill(), first: fill(), second: fill() },
      ...{ starts: tensor('u32', [1]), rates: vector(1), decays: vector(1), steps: one },
    };
  };

  it.each(['native', 'reference'] as const)('are the same as in new arrays, %s', async (prefer) => {
    const backend = await openBackend({ prefer });
    const inputs = arrays();
    const fresh = await backend.run(optimiserStep, inputs);
    expect(inputs).toEqual(arrays());
    const into = { newParameters: inputs.parameters, newFirst: inputs.first, newSecond: inputs.second };
    const outputs = await backend.run(optimiserStep, inputs, {}, { into });
    expect(outputs).toEqual(fresh);
    expect(outputs.newSecond).toBe(inputs.second);
  });

  it('must not be laid over anything else', async () => {
    const inputs = arrays();
    const run = (into: object) => native.run(optimiserStep, inputs, {}, { into });
    await expect(run({ newParameters: inputs.gradients })).rejects.toThrow('would be written over gradients');
    await expect(run({ newParameters: vector(1) })).rejects.toThrow('expected f32[100]');
    await expect(run({ other: vector(1) })).rejects.toThrow('no such output');
    const target = tensor('f32', [N]);
    await expect(run({ newFirst: target, newSecond: target })).rejects.toThrow('would be written over newFirst');
    const whole = new Float32Array(N + 1);
    inputs.parameters = tensor('f32', [N], whole.subarray(0, N));
    const shifted = tensor('f32', [N], whole.subarray(1));
    await expect(run({ newParameters: shifted })).rejects.toThrow('would be written over parameters');
  });
});

describe('segments', () => {
  const run = (starts: number[], backend = native) => {
    const data = tensor('f32', [4]);
    const S = starts.length;
    const ones = tensor('f32', [S], new Float32Array(S).fill(1));
    const steps = tensor('u32', [S], new Uint32Array(S).fill(1));
    const list = tensor('u32', [S], Uint32Array.from(starts));
    const inputs = { parameters: data, gradients: data, first: data, second: data, starts: list };
    return backend.run(optimiserStep, { ...inputs, rates: ones, decays: ones, steps });
  };

  it.each(['native', 'reference'] as const)('that leave the arrays are refused, %s', async (prefer) => {
    const backend = await openBackend({ prefer });
    for (const starts of [[1], [0, 5], [0, 3, 2], []]) await expect(run(starts, backend)).rejects.toThrow(/tensor/);
    expect((await run([0, 2, 2, 4], backend)).newParameters.data).toHaveLength(4);
  });
});

describe('learningRateAt', () => {
  it('begins warm-up at 0 and holds the end of a schedule', () => {
    const cosine: Schedule = { kind: 'cosine', rate: 1, steps: 10, final: 0.25, warmUp: { steps: 4 } };
    expect([0, 1, 2, 3, 4, 9].map((step) => learningRateAt(cosine, step))).toEqual([0, 0.25, 0.5, 0.75, 1, 0.625]);
    for (const step of [14, 15, 1e9]) expect(learningRateAt(cosine, step)).toBe(0.25);
    const cycle: Schedule = { kind: 'one-cycle', rate: 1, steps: 10 };
    for (const step of [9, 10, 1e9]) expect(learningRateAt(cycle, step)).toBeCloseTo(4e-6, 15);
  });

  it('stays within its range for every share that rises', () => {
    for (const rising of [0, 0.05, 0.1, 0.5, 1]) {
      const cycle: Schedule = { kind: 'one-cycle', rate: 1, steps: 10, rising };
      const rates = Array.from({ length: 12 }, (_, step) => learningRateAt(cycle, step));
      for (const rate of rates) expect(rate >= 4e-6 - 1e-12 && rate <= 1).toBe(true);
    }
  });

  it.each<[object, string]>([
    [{ kind: 'linear', rate: 1 }, 'schedule.kind'],
    [{ kind: 'constant', rate: 0 }, 'schedule.rate'],
    [{ kind: 'constant', rate: 1, steps: 3 }, 'schedule "constant"'],
    [{ kind: 'cosine', rate: 1, steps: 0 }, 'schedule.steps'],
    [{ kind: 'cosine', rate: 1, steps: 3, final: 2 }, 'schedule.final'],
    [{ kind: 'step', rate: 1, every: 0.5, factor: 1 }, 'schedule.every'],
    [{ kind: 'exponential', rate: 1, factor: NaN }, 'schedule.factor'],
    [{ kind: 'one-cycle', rate: 1, steps: 1 }, 'schedule.steps'],
    [{ kind: 'one-cycle', rate: 1, steps: 9, rising: 2 }, 'schedule.rising'],
    [{ kind: 'constant', rate: 1, warmUp: { steps: -1 } }, 'schedule.warmUp.steps'],
  ])('refuses %o', (schedule, where) => {
    expect(() => learningRateAt(schedule as Schedule, 0)).toThrow(where);
  });

  it('refuses a step that is none', () => {
    for (const step of [-1, 0.5, NaN])
      expect(() => learningRateAt({ kind: 'constant', rate: 1 }, step)).toThrow('step');
  });
});
