/** How far two arrays agree: Pearson's correlation, and ‖a − b‖₂ / ‖b‖₂. */
export function agreement(a: ArrayLike<number>, b: ArrayLike<number>): { correlation: number; relativeL2: number } {
  if (a.length !== b.length) return { correlation: NaN, relativeL2: Infinity };
  const n = b.length;
  let [meanA, meanB] = [0, 0];
  for (let i = 0; i < n; i++) {
    meanA += a[i] / n;
    meanB += b[i] / n;
  }
  let [ab, aa, bb, difference, size] = [0, 0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    ab += (a[i] - meanA) * (b[i] - meanB);
    aa += (a[i] - meanA) ** 2;
    bb += (b[i] - meanB) ** 2;
    difference += (a[i] - b[i]) ** 2;
    size += b[i] ** 2;
  }
  return { correlation: ab / Math.sqrt(aa * bb), relativeL2: Math.sqrt(difference / size) };
}
