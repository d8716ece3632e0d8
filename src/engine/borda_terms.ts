import { z } from 'zod';
import { SightlineError } from '../core/errors.js';
import { readText } from '../core/files.js';
import { parseBorda, type BordaTerm } from '../strategies/index.js';

/** What of the file of `select-features` is read here. */
const chosenSchema = z.object({
  best: z.object({ features: z.array(z.object({ feature: z.string(), direction: z.enum(['+', '-']).nullable() })) }),
});

/**
 * The features of a Borda count: a list such as "firstorder_Kurtosis+,glcm_SumEntropy-", or the .json file that
 * `select-features` wrote; there, the end of each feature that goes with the higher class comes first, and a feature that
 * goes with neither is left out.
 * @throws SightlineError E_ARGUMENT, E_NOT_FOUND, E_TABLE
 */
export function readBorda(text: string): BordaTerm[] {
  if (!/\.json$/i.test(text.trim())) return parseBorda(text);
  const terms = chosenIn(text.trim()).flatMap(({ feature, direction }) =>
    direction ? parseBorda(feature + direction) : [],
  );
  if (terms.length) return terms;
  throw new SightlineError('E_TABLE', {
    where: text,
    what: 'none of its features goes with the target in one direction',
    remedy: 'List features and directions yourself.',
  });
}

function chosenIn(path: string) {
  const content = readText(path, 'the file of chosen features');
  try {
    return chosenSchema.parse(JSON.parse(content)).best.features;
  } catch (cause) {
    throw new SightlineError('E_TABLE', {
      where: path,
      what: 'not a file that select-features wrote',
      remedy: 'Make one with: sightline select-features TABLE --target COLUMN --out chosen.json',
      cause,
    });
  }
}
