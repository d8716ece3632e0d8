import { expectArgument } from '../core/errors.js';
import { Rng } from '../core/rng.js';
import { compareIds, rankOrder } from '../selection/ranking.js';
import type { ScoredPool, Strategy } from './strategy.js';
import { xal } from './xal.js';

/**
 * Control of XAL: has the region sizes of XAL's batch, but not its attention. Each sample that XAL would choose is replaced
 * by one drawn from the k samples whose region is most similar in area (more where the last ones tie), among those that
 * neither XAL's batch nor this one has; samples without a region are replaced by others without. Where none is left, XAL's own stays. If XAL is
 * no better than this, its gain comes from the regions.
 */
export const xalRoiControl: Strategy = {
  name: 'xal-roi-control',
  summary: "random samples with regions as large as those of XAL's choice (control of XAL's attention)",
  needs: [...xal.needs, 'roi_area'],
  uses: xal.uses,
  choose(pool, context, { count }) {
    const { seed, roiNeighbours: k } = context;
    expectArgument(Number.isSafeInteger(k) && k >= 1, 'roiNeighbours', 'a whole number from 1', k);
    const order = rankOrder(xal.score(pool, context), pool.ids);
    const own = order.subarray(0, count);
    const free = new Set(order.subarray(count));
    const chosen = own.map((row) => {
      const near = mostSimilar(pool, row, free, k);
      if (!near.length) return row;
      const other = near[new Rng(seed, 'xal-roi-control', pool.ids[row]).int(near.length)];
      free.delete(other);
      return other;
    });
    return Promise.resolve(chosen);
  },
};

/**
 * The `k` free samples whose region's area is most like that of `row`, and those that are as like as the last of them; for
 * one without a region all others without. By id.
 */
function mostSimilar({ ids, columns }: ScoredPool, row: number, free: ReadonlySet<number>, k: number): number[] {
  const { roi_area: area } = columns;
  const without = Number.isNaN(area[row]);
  const alike = [...free].filter((other) => Number.isNaN(area[other]) === without);
  const apart = Float64Array.from(alike, (other) => (without ? 0 : Math.abs(area[other] - area[row])));
  const limit = apart.slice().sort()[Math.min(k, alike.length) - 1];
  return alike.filter((_, i) => apart[i] <= limit).sort((a, b) => compareIds(ids[a], ids[b]));
}
