/**
 * Takes the slices with most of something, none nearer to another than `gap`; of equal ones the lowest.
 * @param areas by slice @param taken slices chosen before, which count for the distance
 * @returns up to `count` slices with an area of at least `least`, the largest first
 */
export function largestSlices(
  areas: ArrayLike<number>,
  { count, gap, least, taken = [] }: { count: number; gap: number; least: number; taken?: readonly number[] },
): number[] {
  const order = Array.from({ length: areas.length }, (_, slice) => slice)
    .filter((slice) => areas[slice] >= least)
    .sort((a, b) => areas[b] - areas[a] || a - b);
  const chosen: number[] = [];
  for (const slice of order) {
    if (chosen.length === count) break;
    if ([...chosen, ...taken].every((other) => Math.abs(other - slice) >= gap)) chosen.push(slice);
  }
  return chosen;
}

/** Voxels by slice for which `inside` holds, along the third axis. @param at value of a voxel, x fastest */
export function areasBySlice(
  at: (index: number) => number,
  [width, height, depth]: readonly number[],
  inside: (value: number) => boolean,
): Uint32Array {
  const areas = new Uint32Array(depth);
  const size = width * height;
  for (let slice = 0, i = 0; slice < depth; slice++)
    for (const end = i + size; i < end; i++) if (inside(at(i))) areas[slice]++;
  return areas;
}
