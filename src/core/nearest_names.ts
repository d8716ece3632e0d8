/** Levenshtein distance, case ignored. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1].toLowerCase() === b[j - 1].toLowerCase();
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (same ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}

/** The known names most like `name`, best first: what a typing slip may have meant. */
export function nearestNames(name: string, known: readonly string[], count = 3): string[] {
  return known
    .map((candidate) => ({ candidate, apart: distance(name, candidate) }))
    .sort((a, b) => a.apart - b.apart)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}
