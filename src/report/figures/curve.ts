/** A point of a curve, with the interval around it where there is one. A NaN is left out. */
export interface CurvePoint {
  x: number;
  y: number;
  low?: number;
  high?: number;
}

export interface NamedCurve {
  name: string;
  points: readonly CurvePoint[];
}

export const hasInterval = ({ low, high }: CurvePoint): boolean => Number.isFinite(low) && Number.isFinite(high);

/** Curves without their undefined points, those that have any other. */
export const definedCurves = (curves: readonly NamedCurve[]): NamedCurve[] =>
  curves
    .map(({ name, points }) => ({
      name,
      points: points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y)),
    }))
    .filter(({ points }) => points.length > 0);

/** Lines of a table: name, x, y, low, high. */
export const curveRows = (curves: readonly NamedCurve[]): (string | number)[][] =>
  curves.flatMap(({ name, points }) => points.map(({ x, y, low = NaN, high = NaN }) => [name, x, y, low, high]));

/** The range of some values; a single value gets room on both sides. */
export function widened(values: readonly number[], room: number): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low < high ? [low, high] : [low - room, high + room];
}
