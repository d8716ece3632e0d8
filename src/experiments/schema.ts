import { z } from 'zod';

/** The files below `experiments/`. Settings of runs are checked where the run's configuration is read. */

const settings = z.record(z.string(), z.unknown());

/** Where images come from: a published data set, or phantoms that are drawn. */
const dataSchema = z.strictObject({
  /** Name of an adapter of `sightline import`. */
  set: z.string().nullish(),
  patients: z.int().min(1).nullish(),
  options: settings.nullish(),
  phantoms: z.strictObject({ count: z.int().min(1), size: z.int().min(16), seed: z.int().min(0).default(0) }).nullish(),
});

const layer = { data: dataSchema.optional(), second: dataSchema.optional(), run: settings.optional() };

/** A scale, laid over a grid. */
export const scaleSchema = z.strictObject(layer);

/** Settings of a grid of runs; strategies are a map by name, so that a layer can change one of them. */
export const gridSchema = z.strictObject({
  ...layer,
  /** Grid that this one is laid over. */
  extends: z.string().optional(),
  /** Laid over the small scale. */
  small: scaleSchema.optional(),
});

/** What is made of finished runs: entries of the registry `results/index.ts`. */
export const resultNames = ['learning-curves', 'final-values', 'share-of-data', 'ndcg', 'overlap', 'panels'] as const;

const useSchema = z.strictObject({
  grid: z.string(),
  /** Of a variant: its runs are kept apart from the grid's own. */
  name: z
    .string()
    .regex(/^[\w.-]+$/)
    .optional(),
  /** Strategies that take part, in this order. Default all of the grid. */
  only: z.array(z.string()).min(1).optional(),
  run: settings.optional(),
  small: scaleSchema.optional(),
});

const publishedValue = z.strictObject({ value: z.number(), p: z.number().optional() });

export const experimentSchema = z.strictObject({
  title: z.string(),
  paper: z.string(),
  /** Which table or figure of it. */
  shows: z.string(),
  about: z.string(),
  grids: z.array(useSchema).min(1),
  /** Part and metric, as "test auc". */
  metric: z.string(),
  /** Strategy that the others are tested against. */
  reference: z.string(),
  results: z.array(z.enum(resultNames)).min(1),
  /** By variant and strategy. */
  published: z.record(z.string(), z.record(z.string(), publishedValue)).default({}),
  /** Shares of the data at which the fully supervised level is passed, by variant and strategy. */
  publishedShares: z.record(z.string(), z.record(z.string(), z.number())).default({}),
});

export type DataSpec = z.infer<typeof dataSchema>;
export type ScaleFile = z.infer<typeof scaleSchema>;
export type GridFile = z.infer<typeof gridSchema>;
export type GridUse = z.infer<typeof useSchema>;
export type ExperimentFile = z.infer<typeof experimentSchema>;
export type ResultName = (typeof resultNames)[number];
