import { featureColumn } from './columns.js';
import type { LoopColumn } from './loop_columns.js';
import type { Strategy, StrategyContext } from './strategy.js';

const columnOf: Readonly<Record<StrategyContext['committee'], LoopColumn>> = {
  'vote-entropy': 'committee_vote_entropy',
  'consensus-entropy': 'committee_consensus_entropy',
  divergence: 'committee_divergence',
};

/** Query by committee (Seung et al., COLT 1992): where models that learned the same samples disagree (Settles 2009 §3.2). */
export const committee: Strategy = {
  name: 'committee',
  summary: 'query by committee: where several models disagree',
  needs: [],
  columns: Object.values(columnOf),
  score: (pool, { committee: measure }) => featureColumn(pool, columnOf[measure]).slice(),
};
