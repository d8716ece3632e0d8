/**
 * Ranks scaled to [0, 1]: smallest value 0, largest 1, ties share their mean rank, NaN stays NaN.
 * A single value ranks 0.5.
 */
export function meanRanks(values: Float64Array): Float64Array {
  const ranks = new Float64Array(values.length).fill(NaN);
  const order = [...values.keys()].filter((i) => !Number.isNaN(values[i])).sort((a, b) => values[a] - values[b]);
  const span = order.length - 1;
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end + 1 < order.length && values[order[end + 1]] === values[order[start]]) end++;
    const mean = (start + end) / 2;
    for (let i = start; i <= end; i++) ranks[order[i]] = span > 0 ? mean / span : 0.5;
    start = end + 1;
  }
  return ranks;
}
