import { SightlineError } from '../core/errors.js';
import type { ScoredPool } from './strategy.js';

/** A radiomics feature or loop column of the pool. @throws SightlineError E_ARGUMENT where the pool lacks it */
export function featureColumn({ features }: Pick<ScoredPool, 'features'>, name: string): Float64Array {
  const values = features.get(name);
  if (values) return values;
  throw new SightlineError('E_ARGUMENT', {
    where: name,
    what: 'this feature was not computed for the pool',
    remedy: `Features there are: ${[...features.keys()].join(', ') || 'none'}.`,
  });
}
