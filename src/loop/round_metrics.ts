/** Metrics of a round by part and name: "test auc". */
export function metricsByName(
  rows: readonly { round: number; part: string; metric: string; value: number }[],
  round: number,
): Map<string, number> {
  const own = rows.filter((row) => row.round === round);
  return new Map(own.map(({ part, metric, value }) => [`${part} ${metric}`, value]));
}
