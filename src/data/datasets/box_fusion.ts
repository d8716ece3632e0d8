import type { Box } from '../types.js';

/** A box with a confidence > 0. Both sides are longer than 0. */
export interface ScoredBox extends Box {
  score: number;
}

/**
 * Weighted boxes fusion (Solovyev, Wang, Gabruseva. Image and Vision Computing 107, 2021) of the boxes that several
 * detectors, or people, drew for one class in one image. Boxes go by falling confidence, of equal ones in the order given;
 * each joins the fused box with which its intersection over union is greatest, where that exceeds `threshold`, and otherwise
 * begins a new one. A fused box has the mean of its boxes' coordinates, weighted by their confidences C_i, and the confidence
 * mean(C_i) · min(T, N) / N for T boxes of N sources: what few of them saw is worth less.
 * @param sources boxes by detector or person; empty for one who looked and drew nothing
 * @param threshold of the intersection over union, in [0, 1]
 * @returns fused boxes by falling confidence
 */
export function fuseBoxes(sources: readonly (readonly ScoredBox[])[], threshold: number): ScoredBox[] {
  const clusters: { members: ScoredBox[]; fused: ScoredBox }[] = [];
  const boxes = sources.flat().sort((a, b) => b.score - a.score);
  for (const box of boxes) {
    let [best, overlap] = [-1, threshold];
    clusters.forEach(({ fused }, i) => {
      const own = intersectionOverUnion(fused, box);
      if (own > overlap) [best, overlap] = [i, own];
    });
    if (best < 0) clusters.push({ members: [box], fused: box });
    else {
      const { members } = clusters[best];
      members.push(box);
      clusters[best].fused = weightedMean(members);
    }
  }
  const n = sources.length;
  return clusters
    .map(({ members, fused }) => ({ ...fused, score: (fused.score * Math.min(members.length, n)) / n }))
    .sort((a, b) => b.score - a.score);
}

/** Area that two boxes share, as a share of what they cover together. */
function intersectionOverUnion(a: Box, b: Box): number {
  const width = Math.min(a.x1, b.x1) - Math.max(a.x0, b.x0);
  const height = Math.min(a.y1, b.y1) - Math.max(a.y0, b.y0);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (area(a) + area(b) - shared);
}

const area = ({ x0, y0, x1, y1 }: Box): number => (x1 - x0) * (y1 - y0);

function weightedMean(boxes: readonly ScoredBox[]): ScoredBox {
  const total = boxes.reduce((sum, { score }) => sum + score, 0);
  const mean = (side: keyof Box) => boxes.reduce((sum, box) => sum + box.score * box[side], 0) / total;
  return { x0: mean('x0'), y0: mean('y0'), x1: mean('x1'), y1: mean('y1'), score: total / boxes.length };
}
