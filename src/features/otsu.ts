/**
 * Otsu's threshold (IEEE Trans. SMC 9(1), 1979) of a histogram: the value that maximises the
 * between-class variance. Returned as the lower edge of the first bin of the upper class, so that
 * `value >= threshold` selects it. Ties (an empty stretch between two modes) take the middle.
 * @param counts histogram over [low, high]
 * @returns threshold in [low, high]; `high` when fewer than two bins are occupied (nothing to split)
 */
export function otsuThreshold(counts: ArrayLike<number>, low = 0, high = 1): number {
  const bins = counts.length;
  let total = 0;
  let sum = 0;
  for (let i = 0; i < bins; i++) {
    total += counts[i];
    sum += i * counts[i];
  }
  let below = 0;
  let sumBelow = 0;
  let best = 0;
  let first = -1;
  let last = -1;
  for (let i = 0; i < bins - 1; i++) {
    below += counts[i];
    sumBelow += i * counts[i];
    const above = total - below;
    if (below === 0 || above === 0) continue;
    const difference = sumBelow / below - (sum - sumBelow) / above;
    const between = below * above * difference * difference;
    if (between > best * (1 + 1e-12)) {
      best = between;
      first = last = i;
    } else if (between >= best * (1 - 1e-12)) {
      last = i;
    }
  }
  if (first < 0) return high;
  return low + ((high - low) * ((first + last) / 2 + 1)) / bins;
}
