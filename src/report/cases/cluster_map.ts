import type { RunConfig } from '../../loop/run_config.js';
import { CaseSource, type CaseOptions } from './case_source.js';
import type { Figure } from '../figures/figure.js';
import { drawClusterMap } from './cluster_drawing.js';
import { mappedPool, type MappedPool, type MappedSample } from './mapped_pool.js';
import { umap } from './umap.js';

/** A sample of the pool on the map. */
export interface MapPoint extends MappedSample {
  x: number;
  y: number;
}

/** The pool in two dimensions, as a figure with the points behind it. */
export interface ClusterMap extends Figure {
  strategy: string;
  seed: number;
  round: number;
  groupedBy: MappedPool['groupedBy'];
  points: MapPoint[];
}

const mostPoints = 2000;

/**
 * The pool as a strategy sees it, by UMAP: clusters of saliency maps coloured by their rank (IDEAL's Algorithm 2) where a strategy has
 * them, else embeddings coloured by class. Null where no finished run keeps such vectors.
 * @param most points at most. Default 2,000
 */
export async function clusterMap(
  config: RunConfig,
  options: CaseOptions & { most?: number } = {},
): Promise<ClusterMap | null> {
  const source = await CaseSource.open(config, options);
  return source ? clusterMapOf(source, options.most) : null;
}

/** As `clusterMap`, of data that are already opened. */
export async function clusterMapOf(source: CaseSource, most = mostPoints): Promise<ClusterMap | null> {
  const pool = await mappedPool(source, most);
  if (!pool) return null;
  const { run, round, groupedBy, samples } = pool;
  const places = await umap(pool.vectors, run.seed);
  const points = samples.map((sample, i): MapPoint => ({ ...sample, x: places[i][0], y: places[i][1] }));
  return {
    ...{ name: 'cluster-map', title: titleOf(pool), caption: captionOf(pool) },
    table: {
      columns: [
        'id',
        'x',
        'y',
        groupedBy === 'clusters' ? 'rank of its cluster' : 'class',
        'selected',
        'representative',
      ],
      rows: points.map(({ id, x, y, group, selected, representative }) => [
        ...[id, Number(x.toFixed(3)), Number(y.toFixed(3)), group],
        ...[selected, representative].map((value) => (value ? 'yes' : 'no')),
      ]),
    },
    draw: (theme) => drawClusterMap(theme, { points, groupedBy, classes: source.data.classes }),
    ...{ strategy: run.entry.name, seed: run.seed, round, groupedBy, points },
  };
}

const titleOf = ({ run, groupedBy }: MappedPool): string =>
  groupedBy === 'clusters' ? `Clusters of attention, ${run.entry.name}` : `The pool as ${run.entry.name} sees it`;

function captionOf({ run, round, groupedBy, samples, leftOut }: MappedPool): string {
  const count = samples.length.toLocaleString('en');
  const drawn = leftOut ? `, ${count} drawn from ${(samples.length + leftOut).toLocaleString('en')}` : '';
  const where = `round ${round}, seed ${run.seed}${drawn}`;
  const what =
    groupedBy === 'clusters'
      ? `Saliency maps of the pool (${where}) by their codes: each point is an image, coloured by the rank of its cluster, 1 = most informative. Numbered diamonds stand for their clusters, rings were selected in that round.`
      : `Embeddings of the pool (${where}): each point is an image, coloured by its class; rings were selected in that round.`;
  return `${what} UMAP keeps neighbours together; large distances mean little.`;
}
