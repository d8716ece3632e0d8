import { SightlineError } from '../core/errors.js';
import type { Strategy } from './strategy.js';

/**
 * Numbers per sample that one model cannot give: a run of the loop computes them before it selects, and puts them beside
 * the radiomics of the scored pool. What each is made from:
 *   committee      the probabilities of several models, by `committeeDisagreement`, in nats
 *   deep-features  the rank forest over the codes of saliency maps (IDEAL, Algorithm 2): 1 = most informative cluster
 */
export const loopColumns = {
  committee_vote_entropy: 'committee',
  committee_consensus_entropy: 'committee',
  committee_divergence: 'committee',
  expected_rank: 'deep-features',
} as const;

export type LoopColumn = keyof typeof loopColumns;

/** @throws SightlineError E_ARGUMENT for a strategy that ranks by what only a run of the loop can compute */
export function requireOnePass({ name, columns = [] }: Strategy): void {
  if (!columns.length) return;
  throw new SightlineError('E_ARGUMENT', {
    where: `strategy ${name}`,
    what: `needs a run of the loop, which computes ${columns.join(', ')}`,
    remedy: 'Use sightline run with a configuration that names this strategy.',
  });
}
