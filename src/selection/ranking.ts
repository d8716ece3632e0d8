/**
 * Positions of the samples in label-first order: highest score first, ties by id (code-unit order,
 * the same on every machine), samples without a score (NaN) last.
 * @param reversed lowest score first instead (ties and NaN as before)
 */
export function rankOrder(scores: Float64Array, ids: readonly string[], reversed = false): Uint32Array {
  const sign = reversed ? -1 : 1;
  return Uint32Array.from(scores.keys()).sort((a, b) => {
    const x = scores[a];
    const y = scores[b];
    if (x !== y) {
      if (Number.isNaN(x)) return Number.isNaN(y) ? compareIds(ids[a], ids[b]) : 1;
      if (Number.isNaN(y)) return -1;
      return sign * (y - x) || compareIds(ids[a], ids[b]);
    }
    return compareIds(ids[a], ids[b]);
  });
}

/** Code-unit order, the same on every machine. */
export function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
