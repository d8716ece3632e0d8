import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../core/files.js';
import type { Sample } from '../data/types.js';
import { openEncoder } from '../engine/encoder.js';
import { measureGains } from '../engine/gains.js';
import { learnLatents } from '../engine/latents.js';
import type { ScoredPass } from '../engine/score_pass.js';
import { OnlineForest } from '../forest/online_forest.js';
import { clusterGains, propagateRanks, rankClusters } from '../selection/deep_features/cluster_ranks.js';
import { clusterLatents } from '../selection/deep_features/latent_clusters.js';
import { learnRanks, rankScores, updateRanks } from '../selection/deep_features/rank_forest.js';
import { gatherRows } from '../selection/rows.js';
import type { Tensor } from '../core/tensor.js';
import type { StageFindings, StoredQuery } from '../store/run_schema.js';
import type { LoopColumn } from '../strategies/index.js';
import { classifierOptions } from './network_options.js';
import { predictionOf } from './reasons.js';
import { roundFolder, type SelectionRound } from './round.js';

/** What Algorithm 2 says of a pool. */
export interface Informativeness {
  columns: ReadonlyMap<LoopColumn, Float64Array>;
  /** Representatives whose labels were asked for. */
  asked: ReadonlySet<string>;
  clusters?: StageFindings['clusters'];
}

/**
 * IDEAL's Algorithm 2 (Mahapatra et al., IEEE TMI 2021; definitions A§9): codes of saliency maps by an autoencoder; in a
 * learning round K clusters of them, the representative of each labelled by the oracle, ΔAUC of a fine-tune with it, clusters
 * ranked by that, ranks handed on to their samples and learnt by an on-line forest. Between learning rounds the forest alone
 * ranks what is new. The autoencoder is learnt once, the forest goes on learning.
 * @returns expected rank by row of the pool, 1 = most informative
 */
export async function expectedRanks(
  round: SelectionRound,
  pass: ScoredPass,
  poolRows: number,
): Promise<Informativeness> {
  const { every } = round.entry.deepFeatures!;
  const vectors = firstRows(pass.maps!, poolRows);
  const learns = every > 0 ? (round.round - 1) % every === 0 : round.round === 1;
  const latents = await codesOf(round, vectors);
  const learned = learns ? await learn(round, pass, latents) : { asked: new Set<string>(), clusters: undefined };
  const ranks = await round.watch.during('preparing', async () =>
    rankScores((await latestForest(round))!, latents).map((score) => -score),
  );
  return { ...learned, columns: new Map([['expected_rank', ranks]]) };
}

async function codesOf(round: SelectionRound, vectors: Tensor<'f32'>): Promise<Tensor<'f32'>> {
  const { seed, entry, watch, onProgress, config } = round;
  const out = join(round.folder, 'encoder');
  return watch.during('preparing', async () => {
    const { threads } = config.training;
    // Learnt in round 1 from the maps of the first model.
    const encoder =
      round.round > 1
        ? openEncoder(join(out, 'encoder.onnx'), { threads })
        : await learnLatents(vectors, {
            ...{ out, seed, epochs: entry.deepFeatures!.autoencoderEpochs, threads },
            ...{ resume: true, onProgress },
          });
    return encoder.encode(vectors);
  });
}

async function learn(
  round: SelectionRound,
  pass: ScoredPass,
  latents: Tensor<'f32'>,
): Promise<Pick<Informativeness, 'asked' | 'clusters'>> {
  const { entry, backend, seed, store, watch } = round;
  const { clusters: wanted, trees } = entry.deepFeatures!;
  const most = Math.min(wanted, round.count, latents.dims[0]);
  const options = { clusters: most, seed };
  const found = await watch.during('preparing', () => clusterLatents(backend, latents, options));
  const queries = Array.from(found.representatives, (row, position): StoredQuery => {
    const reason = `stands for cluster ${position + 1} of ${found.sizes.length}, ${found.sizes[position]} samples`;
    return { position, id: pass.ids[row], score: NaN, ...predictionOf(pass, row), reason };
  });
  const answered = await round.ask(queries);
  const ranks = await rankedClusters(round, queries, answered, found.sizes);
  const file = roundFolder(round, round.round, 'forest.bin');
  if (!existsSync(file)) {
    await watch.during('preparing', async () => {
      const earlier = await latestForest(round);
      const targets = propagateRanks(found.labels, ranks);
      const forest = earlier ?? learnRanks(latents, targets, { trees, seed });
      if (earlier) updateRanks(earlier, latents, targets);
      await writeFileAtomic(file, forest.serialise());
    });
  }
  await store.setMeta('learned', await learnedRounds(round, round.round));
  return {
    asked: new Set(queries.map(({ id }) => id)),
    clusters: {
      ids: pass.ids.slice(0, latents.dims[0]),
      clusters: found.labels,
      ranks: found.labels.map((cluster) => ranks[cluster]),
    },
  };
}

/** Ranks of the clusters by what labelling their representatives was worth; those that got no label come last. */
async function rankedClusters(
  round: SelectionRound,
  queries: readonly StoredQuery[],
  answered: readonly Sample[],
  sizes: Uint32Array,
): Promise<Uint32Array> {
  const { store, labelled, data, model, entry, watch } = round;
  const { trials, iterations, learningRate, weight } = entry.deepFeatures!;
  const known = await store.gains(round.round);
  const gains = await watch.during('preparing', () =>
    measureGains(
      model,
      { labelled, representatives: answered, validation: data.validation },
      {
        ...classifierOptions(round, roundFolder(round, round.round, 'gains')),
        ...{ trials, iterations, weight, known },
        ...(learningRate !== undefined && { learningRate }),
        onResult: (result) => store.addGain(round.round, result),
      },
    ),
  );
  const { means } = clusterGains(gains.before, gains.after);
  const gainOf = new Map(answered.map(({ id }, k) => [id, means[k]]));
  return rankClusters(
    Float64Array.from(queries, ({ id }) => gainOf.get(id) ?? NaN),
    sizes,
  );
}

/** Rounds in which ranks were learnt, this one among them. */
async function learnedRounds({ store }: SelectionRound, own: number): Promise<number[]> {
  return [...new Set([...((await store.meta<number[]>('learned')) ?? []), own])];
}

/** The forest of the last learning round; null before the first. */
async function latestForest(round: SelectionRound): Promise<OnlineForest | null> {
  const learned = (await round.store.meta<number[]>('learned')) ?? [];
  if (!learned.length) return null;
  return OnlineForest.deserialise(await readFile(roundFolder(round, Math.max(...learned), 'forest.bin')));
}

const firstRows = ({ dims, data }: Tensor<'f32'>, rows: number): Tensor<'f32'> =>
  gatherRows(
    { dtype: 'f32', dims, data },
    Array.from({ length: rows }, (_, row) => row),
  );
