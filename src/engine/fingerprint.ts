import { createHash } from 'node:crypto';
import type { Sample } from '../data/types.js';
import { describeDropout, type OpenModel } from './model.js';

/**
 * What decides a sample's numbers, as a digest per subject, so that a refused --resume can say what
 * changed. Worker counts and memory limits are absent on purpose: they never change a result.
 */
export function fingerprint(model: OpenModel, samples: readonly Sample[]): Record<string, string> {
  const pool = createHash('sha256');
  for (const sample of samples) pool.update(JSON.stringify(sample)).update('\n');
  const { setup } = model;
  return {
    model: model.modelHash,
    pool: pool.digest('hex'),
    preprocessing: digest(model.preprocessing),
    explanation: digest([setup.explanation, model.targetLayer, model.classChoice]),
    binarise: digest(setup.binarise),
    radiomics: digest(setup.radiomics),
    vectors: digest(setup.vectors),
    attention: digest(setup.attention),
    'regions of interest': digest([setup.roi, model.metadata.regionModelHash]),
    dropout: digest(setup.dropout && describeDropout(setup.dropout)),
    head: digest([setup.activation, model.labels]),
    compute: digest([setup.runtime, setup.provider, setup.backend, setup.batch]),
  };
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
