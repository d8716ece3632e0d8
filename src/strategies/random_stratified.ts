import { Rng } from '../core/rng.js';
import { rankOrder } from '../selection/ranking.js';
import { random } from './random.js';
import type { Strategy } from './strategy.js';

/**
 * Task-aware random: predicted classes take turns, so that a batch has equal shares of each for as long as they last. The
 * order within a class is that of `random`, the order of the classes within a turn is drawn anew. Minus the turn (0, 1 …)
 * plus a draw in [0, 1).
 */
export const randomStratified: Strategy = {
  name: 'random-stratified',
  summary: 'random with equal shares of each predicted class (the task-aware baseline)',
  needs: [],
  score(pool, context) {
    const turns = new Map<number, number>();
    const scores = new Float64Array(pool.ids.length);
    for (const row of rankOrder(random.score(pool, context), pool.ids)) {
      const turn = turns.get(pool.predicted[row]) ?? 0;
      turns.set(pool.predicted[row], turn + 1);
      scores[row] = new Rng(context.seed, 'random-stratified', pool.ids[row]).uniform() - turn;
    }
    return scores;
  },
};
