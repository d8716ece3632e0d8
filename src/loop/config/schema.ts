import { z } from 'zod';
import {
  either,
  flag,
  fromZero,
  isMap,
  listOf,
  listOfLength,
  number,
  oneOf,
  positive,
  section,
  share,
  text,
  whole,
} from './leaves.js';
import type { LabelNoise } from '../simulated_annotator.js';
import { modelSchema, scoringSchema, segmentationSchema, trainingSchema } from './network.js';
import { strategiesSchema } from './strategies.js';
import type { BatchConfig, OracleConfig, SplitConfig } from './types.js';

const values = either((value) => (Array.isArray(value) ? listOf(text) : text.transform((one) => [one])));

const splitSchema = section({
  by: oneOf(['split', 'fold', 'patient']),
  train: values.optional(),
  validation: values.optional(),
  test: values.optional(),
  shares: listOfLength(share, 3, 'three shares: training, validation and test').optional(),
  seed: whole(0).optional(),
}).transform(({ by, ...rest }): SplitConfig => ({ split: by, ...rest }));

const seedsSchema = either((value) =>
  Array.isArray(value)
    ? listOf(whole(0))
    : number('a list of whole numbers, or how many', (n) => Number.isSafeInteger(n) && n >= 1 && n <= 10_000).transform(
        (count) => Array.from({ length: count }, (_, seed) => seed),
      ),
);

const initialSchema = section({
  count: whole(1).optional(),
  fraction: number('a number above 0 up to 1', (value) => value > 0 && value <= 1).optional(),
  stratified: flag.default(true),
  by: oneOf(['sample', 'patient']).default('sample'),
});

const growingBatch = section({
  first: whole(1),
  factor: number('a number from 1', (value) => value >= 1),
  every: whole(1).default(1),
  most: whole(1).optional(),
});

const batchSchema = either((value): z.ZodType<BatchConfig> => {
  if (isMap(value)) return growingBatch;
  return Array.isArray(value) ? listOf(whole(1)) : whole(1);
});

const stopSchema = section({
  labels: whole(1).optional(),
  rounds: whole(0).optional(),
  auc: share.optional(),
  dice: share.optional(),
  cost: positive.optional(),
  part: oneOf(['validation', 'test']).default('validation'),
});

const labelNoise = either((value): z.ZodType<LabelNoise> => {
  if (!isMap(value)) return share.transform((rate) => ({ rate }));
  if ('confusion' in value) return section({ confusion: listOf(listOf(share)) });
  return section({ missed: share, invented: share });
});

const oracleKinds = {
  simulated: section({
    kind: oneOf(['simulated']).default('simulated'),
    noise: labelNoise.optional(),
    cost: either((value) => (isMap(value) ? z.record(z.string(), fromZero) : fromZero)).default(1),
    seed: whole(0).default(0),
  }),
  terminal: section({ kind: oneOf(['terminal']) }),
  files: section({ kind: oneOf(['files']), wait: flag.default(true) }),
};

const kinds = Object.keys(oracleKinds) as (keyof typeof oracleKinds)[];

const oracleSchema = either((value): z.ZodType<OracleConfig> => {
  // A name alone stands for that oracle with its defaults.
  if (!isMap(value)) return oneOf(kinds).transform((kind) => oracleKinds[kind].parse({ kind }));
  const kind = value.kind ?? 'simulated';
  const known = kinds.find((name) => name === kind);
  // Without a kind that is known, nothing can be said about the other keys: this never passes.
  return known ? oracleKinds[known] : z.looseObject({ kind: oneOf(kinds) }).transform((): OracleConfig => z.NEVER);
});

const switchSchema = section({
  round: whole(1),
  data: text,
  split: splitSchema.optional(),
  labelled: oneOf(['keep', 'drop']).default('keep'),
  finding: text.optional(),
  labels: listOf(text).optional(),
});

const noiseSchema = section({
  sigma: number('a number above 0 up to 1', (value) => value > 0 && value <= 1),
  on: listOf(oneOf(['pool', 'training', 'test'])).default(['pool', 'training', 'test']),
});

const computeSchema = section({
  workers: whole(1, 512).optional(),
  backend: oneOf(['auto', 'webgpu', 'native', 'reference']).optional(),
  limit_memory: positive.optional(),
  cache_mb: whole(0).optional(),
});

/** Every key of the file. Paths are left as they are written. @param folder that of the configuration */
export function runShape(folder: string) {
  return {
    name: text.optional(),
    out: text.optional(),
    data: text,
    split: splitSchema.default({}),
    allow_shared_patients: flag.default(false),
    task: oneOf(['classification', 'segmentation']).default('classification'),
    labels: listOf(text).optional(),
    finding: text.optional(),
    model: modelSchema,
    training: trainingSchema.prefault({}),
    segmentation: segmentationSchema.prefault({}),
    scoring: scoringSchema.prefault({}),
    strategies: strategiesSchema(folder),
    seeds: seedsSchema.default([0]),
    initial: initialSchema.prefault({}),
    batch: batchSchema.default(16),
    stop: stopSchema.prefault({}),
    oracle: oracleSchema.default({ kind: 'simulated', cost: 1, seed: 0 }),
    switch: switchSchema.optional(),
    noise: noiseSchema.optional(),
    compute: computeSchema.prefault({}),
  };
}

type Shape = ReturnType<typeof runShape>;
export type ParsedRun = { [K in keyof Shape]: z.output<Shape[K]> };
