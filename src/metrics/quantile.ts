/**
 * The part/whole quantile of ascending values, interpolated linearly (numpy's default). The position is computed from integers
 * where it can be, so that it is exact where it falls on a value. No values: NaN.
 */
export function quantileOfSorted(sorted: Float64Array, part: number, whole: number): number {
  if (sorted.length === 0) return NaN;
  const position = (part * (sorted.length - 1)) / whole;
  const below = Math.floor(position);
  if (position === below) return sorted[below];
  return sorted[below] + (position - below) * (sorted[below + 1] - sorted[below]);
}
