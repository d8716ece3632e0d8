import { tensor, type Tensor } from '../core/tensor.js';

/** Means of clusters in float64, added up in sample order. */
export class CentroidSums {
  readonly #sums: Float64Array;
  readonly #counts: Uint32Array;

  /** @param embeddings f32[N,D] */
  constructor(
    private readonly embeddings: Tensor<'f32'>,
    private readonly clusters: number,
  ) {
    this.#sums = new Float64Array(clusters * embeddings.dims[1]);
    this.#counts = new Uint32Array(clusters);
  }

  /**
   * The mean of each cluster's samples: f32[K,D], a new tensor. A cluster without samples takes the sample that is
   * farthest from its own centre (and not alone there); where all samples lie on their centres, it stays where it was.
   * @param squared distances of the samples to the centres of their clusters
   */
  centres(labels: Uint32Array, squared: Float32Array, before: Tensor<'f32'>): Tensor<'f32'> {
    const width = this.embeddings.dims[1];
    this.#sums.fill(0);
    this.#counts.fill(0);
    for (let i = 0; i < labels.length; i++) this.#add(i, labels[i], 1);
    this.#refill(labels, squared);
    const means = tensor('f32', [this.clusters, width]);
    for (let c = 0; c < this.clusters; c++) {
      for (let k = c * width; k < (c + 1) * width; k++) {
        means.data[k] = this.#counts[c] ? this.#sums[k] / this.#counts[c] : before.data[k];
      }
    }
    return means;
  }

  #refill(labels: Uint32Array, squared: Float32Array): void {
    const moved = new Set<number>();
    for (let empty = this.#counts.indexOf(0); empty >= 0; empty = this.#counts.indexOf(0)) {
      let farthest = -1;
      for (let i = 0; i < labels.length; i++) {
        if (squared[i] === 0 || this.#counts[labels[i]] < 2 || moved.has(i)) continue;
        if (farthest < 0 || squared[i] > squared[farthest]) farthest = i;
      }
      if (farthest < 0) return;
      moved.add(farthest);
      this.#add(farthest, labels[farthest], -1);
      this.#add(farthest, empty, 1);
    }
  }

  #add(row: number, cluster: number, sign: 1 | -1): void {
    const { dims, data } = this.embeddings;
    const width = dims[1];
    const [from, at] = [row * width, cluster * width];
    for (let k = 0; k < width; k++) this.#sums[at + k] += sign * data[from + k];
    this.#counts[cluster] += sign;
  }
}
