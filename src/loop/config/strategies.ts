import { resolve } from 'node:path';
import { readBorda } from '../../engine/borda_terms.js';
import { strategies, type BordaTerm, type Strategy } from '../../strategies/index.js';
import {
  either,
  flag,
  fromZero,
  isMap,
  leaf,
  listOf,
  number,
  oneOf,
  positive,
  readBy,
  said,
  section,
  share,
  text,
  whole,
} from './leaves.js';
import { explanationName } from './network.js';
import { fullySupervised, type StrategyConfig } from './types.js';

const names = [...strategies.keys(), fullySupervised];

/** Strategies that choose a whole batch at once have no ranking to reverse. */
const choosesBatches = (strategy: Strategy): boolean => 'choose' in strategy;

/** Settings that belong to some strategies only; elsewhere they would silently do nothing. */
const owners: Partial<Record<keyof StrategyConfig, { key: string; of: string; has: (strategy: Strategy) => boolean }>> =
  {
    ...owned(['alpha', 'combine', 'uncertainty'], 'xal', ({ name }) => name.startsWith('xal')),
    ...owned(['borda'], 'borda', ({ name }) => name === 'borda'),
    radiomicsOf: {
      key: 'of',
      of: 'strategies over radiomics, of kurtosis and of deep-features',
      has: ({ name, features }) => features !== undefined || name === 'kurtosis' || name === 'deep-features',
    },
    ...owned(['beta'], 'density-entropy', ({ name }) => name === 'density-entropy'),
    ...owned(['committee'], 'committee', ({ name }) => name === 'committee'),
    deepFeatures: { key: 'deep_features', of: 'deep-features', has: ({ name }) => name === 'deep-features' },
    roiNeighbours: { key: 'roi_neighbours', of: 'xal-roi-control', has: ({ name }) => name === 'xal-roi-control' },
    ...owned(['reverse'], 'strategies that score each sample by itself', (strategy) => !choosesBatches(strategy)),
  };

function owned(keys: readonly (keyof StrategyConfig)[], of: string, has: (strategy: Strategy) => boolean) {
  return Object.fromEntries(keys.map((key) => [key, { key, of, has }]));
}

/** A folder is called by it, on any file system. */
const entryName = leaf<string>(
  'a name of letters, digits, points, - and _',
  (value) => typeof value === 'string' && /^[a-z0-9][\w.-]{0,99}$/i.test(value),
);

/** @param folder that of the configuration, for the file of chosen features */
function entrySchema(folder: string) {
  const terms = readBy(text, (given): readonly BordaTerm[] =>
    readBorda(/\.json$/i.test(given.trim()) ? resolve(folder, given.trim()) : given),
  );
  const termList = readBy(listOf(text), (list): readonly BordaTerm[] => list.flatMap(readBorda));
  return section({
    strategy: oneOf(names),
    name: entryName.optional(),
    alpha: share.optional(),
    combine: oneOf(['sum', 'product', 'rank-sum']).optional(),
    uncertainty: oneOf(['entropy', 'margin']).optional(),
    borda: either((value) => (Array.isArray(value) ? termList : terms)).optional(),
    of: oneOf(['saliency', 'image']).optional(),
    beta: fromZero.optional(),
    roi_neighbours: whole(1).optional(),
    committee: section({
      members: whole(2, 100).default(3),
      measure: oneOf(['vote-entropy', 'consensus-entropy', 'divergence']).default('vote-entropy'),
      epochs: whole(1).optional(),
    }).optional(),
    diversity: section({
      method: oneOf(['k-center', 'k-means']).default('k-center'),
      factor: number('a number from 1', (value) => value >= 1).default(10),
    }).optional(),
    deep_features: section({
      clusters: whole(2, 1000).default(10),
      trials: whole(1, 1000).default(3),
      iterations: whole(1).optional(),
      learning_rate: positive.optional(),
      every: whole(0).default(0),
      autoencoder_epochs: whole(1).optional(),
      trees: whole(1).default(100),
      weight: oneOf(['every-batch', 'once']).optional(),
    }).optional(),
    reverse: flag.default(false),
    roi: oneOf(['manifest', 'predicted', 'none']).default('manifest'),
    explain: explanationName.optional(),
  }).transform(({ of, ...entry }, context): StrategyConfig => {
    const given: StrategyConfig = { ...entry, name: entry.name ?? entry.strategy, ...(of && { radiomicsOf: of }) };
    for (const [key, what] of misplaced(given)) context.addIssue(said(what, [key]));
    return withSections(given);
  });
}

/** Settings that the strategy does not have. */
function misplaced(entry: StrategyConfig): [key: string, what: string][] {
  const strategy = strategies.get(entry.strategy);
  if (!strategy) {
    const other = ['roi', 'explain', 'diversity', ...Object.keys(owners)].filter((key) => isGiven(entry, key));
    return other.map((key) => [keyOf(key), `${entry.strategy} selects nothing: it has a name only`]);
  }
  return Object.entries(owners)
    .flatMap(([key, owner]): [string, string][] =>
      isGiven(entry, key) && !owner.has(strategy)
        ? [[owner.key, `has no effect on ${strategy.name}: it is a setting of ${owner.of}`]]
        : [],
    )
    .concat(entry.reverse && entry.diversity ? [['reverse', 'a diverse batch has no other way round']] : []);
}

const keyOf = (key: string): string => owners[key as keyof StrategyConfig]?.key ?? key;

function isGiven(entry: StrategyConfig, key: string): boolean {
  const value = entry[key as keyof StrategyConfig];
  return value !== undefined && value !== false && !(key === 'roi' && value === 'manifest');
}

/** The settings of committee and deep features are complete where the strategy needs them. */
function withSections(entry: StrategyConfig): StrategyConfig {
  if (entry.strategy === 'committee') return { committee: { members: 3, measure: 'vote-entropy' }, ...entry };
  if (entry.strategy === 'deep-features') {
    return { deepFeatures: { clusters: 10, trials: 3, every: 0, trees: 100 }, ...entry };
  }
  return entry;
}

/** Names, or entries with settings. @param folder that of the configuration */
export function strategiesSchema(folder: string) {
  const entry = entrySchema(folder);
  const byName = oneOf(names).transform((strategy) => entry.parse({ strategy }));
  return listOf(
    either((value) => (isMap(value) ? entry : byName)),
    'a list of strategies',
  );
}
