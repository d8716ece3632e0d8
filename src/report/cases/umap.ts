import { openCpuBackend } from '../../backend/index.js';
import { Rng } from '../../core/rng.js';
import type { Tensor } from '../../core/tensor.js';
import { pairwise } from '../../kernels/pairwise.js';

/** Neighbours of a point, itself among them: umap-learn's default. */
const neighbours = 15;
/** Rounds of the layout. The default, 500, takes a map of 2,000 points twice as long and moves nothing that a reader sees. */
const epochs = 250;

/**
 * Points in two dimensions by UMAP (McInnes et al., arXiv 1802.03426): near ones stay near, distances and directions in the large
 * mean little. Neighbours are exact, draws seeded: equal vectors and seed give equal points.
 * @param vectors f32[N,D] @returns [x, y] of each row; on a line in their order where there are too few for a layout
 */
export async function umap(vectors: Tensor<'f32'>, seed: number): Promise<[x: number, y: number][]> {
  const [count] = vectors.dims;
  if (count < 4) return Array.from({ length: count }, (_, i) => [i, 0]);
  const nearest = await nearestRows(vectors, Math.min(neighbours, count - 1));
  const rng = new Rng(seed, 'umap');
  const { UMAP } = await import('umap-js'); // loaded by those who draw a map alone
  const layout = new UMAP({
    ...{ nNeighbors: nearest.rows[0].length, nEpochs: epochs, minDist: 0.1, spread: 1 },
    random: () => rng.uniform(),
  });
  layout.setPrecomputedKNN(nearest.rows, nearest.distances);
  // With neighbours given, of the points only their number is read.
  return layout.fit(nearest.rows).map(([x, y]) => [x, y]);
}

/** The k nearest rows of each by L2 distance, itself first; ties by row. */
async function nearestRows(vectors: Tensor<'f32'>, k: number): Promise<{ rows: number[][]; distances: number[][] }> {
  const [count] = vectors.dims;
  const found = { rows: [] as number[][], distances: [] as number[][] };
  const backend = openCpuBackend({ onNotice: () => {} });
  try {
    const { distances } = await backend.run(pairwise, { a: vectors, b: vectors }, { metric: 0 });
    for (let row = 0; row < count; row++) {
      const own = distances.data.subarray(row * count, (row + 1) * count);
      const order = Array.from(own.keys()).sort((a, b) => (a === row ? -1 : b === row ? 1 : own[a] - own[b] || a - b));
      found.rows.push(order.slice(0, k));
      found.distances.push(found.rows[row].map((other) => (other === row ? 0 : own[other])));
    }
    return found;
  } finally {
    backend.close();
  }
}
