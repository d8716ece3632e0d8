import { tensor } from '../core/tensor.js';
import { scorePass, type ScoredPass } from '../engine/score_pass.js';
import { trainSamples } from '../engine/train.js';
import { committeeDisagreement } from '../features/committee.js';
import type { LoopColumn } from '../strategies/index.js';
import { unlabelled } from './labelled_set.js';
import { classifierOptions } from './network_options.js';
import { roundFolder, type SelectionRound } from './round.js';
import { passOptions } from './scoring_options.js';

/**
 * Query by committee (Settles 2009, §3.2): models trained on the labelled set, different in their seed alone; the first one is
 * the round's own. Disagreement about each row of the pool; NaN where a member could not score it.
 */
export async function committeeColumns(
  round: SelectionRound,
  pass: ScoredPass,
  poolRows: number,
): Promise<ReadonlyMap<LoopColumn, Float64Array>> {
  const { members, epochs } = round.entry.committee!;
  const ids = pass.ids.slice(0, poolRows);
  const classes = pass.probabilities.dims[1];
  const all = tensor('f64', [members, poolRows, classes]);
  all.data.set(pass.probabilities.data.subarray(0, poolRows * classes));
  for (let member = 1; member < members; member++) {
    const own = await memberPass(round, member, epochs);
    const rowOf = new Map(own.ids.map((id, row) => [id, row]));
    ids.forEach((id, row) => {
      const at = rowOf.get(id);
      const place = (member * poolRows + row) * classes;
      if (at === undefined) all.data.fill(NaN, place, place + classes);
      else all.data.set(own.probabilities.data.subarray(at * classes, (at + 1) * classes), place);
    });
  }
  const { voteEntropy, consensusEntropy, meanDivergence } = committeeDisagreement(all, pass.activation);
  return new Map<LoopColumn, Float64Array>([
    ['committee_vote_entropy', voteEntropy],
    ['committee_consensus_entropy', consensusEntropy],
    ['committee_divergence', meanDivergence],
  ]);
}

async function memberPass(round: SelectionRound, member: number, epochs: number | undefined): Promise<ScoredPass> {
  const { labelled, data, pool, seed, watch } = round;
  const part = `committee-${member}`;
  const { files } = await watch.during('preparing', () =>
    trainSamples(
      { training: [...labelled], validation: [...data.validation], test: [] },
      {
        ...classifierOptions(round, roundFolder(round, round.round, part)),
        ...(epochs !== undefined && { epochs }),
        seed: memberSeed(seed, member),
      },
    ),
  );
  return watch.during('scoring', () =>
    scorePass({
      ...passOptions(round, 'pool', false),
      ...{ model: files.model, samples: pool.map(unlabelled), resume: true },
      out: roundFolder(round, round.round, part, 'pool'),
    }),
  );
}

/** Far from the seeds that people give: no member of one run is the model of another. */
const memberSeed = (seed: number, member: number): number => seed + 1_000_003 * member;
