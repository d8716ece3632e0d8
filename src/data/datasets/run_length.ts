/**
 * Marks a COCO run-length mask: runs go down the columns, outside and inside in turns, outside first.
 * @param counts lengths, or their compressed text @param mask u8[height, width], set to 1 inside
 * @returns false where the runs do not cover the picture exactly; the mask is as it was then
 */
export function fillRuns(counts: readonly number[] | string, mask: Uint8Array, width: number, height: number): boolean {
  const runs = typeof counts === 'string' ? runsOf(counts) : counts;
  if (!runs.every((run) => Number.isInteger(run) && run >= 0)) return false;
  if (runs.reduce((sum, run) => sum + run, 0) !== width * height) return false;
  let at = 0;
  for (const [i, run] of runs.entries()) {
    if (i % 2 === 1) for (let k = at; k < at + run; k++) mask[(k % height) * width + Math.floor(k / height)] = 1;
    at += run;
  }
  return true;
}

/**
 * Lengths of runs from the text of COCO's mask API: each number in groups of five bits, lowest first, a character each (48 + group,
 * + 32 where more follow), the last group's highest bit the sign; from the fourth on, differences to the number two before.
 */
function runsOf(text: string): number[] {
  const runs: number[] = [];
  for (let at = 0; at < text.length;) {
    let value = 0;
    let shift = 0;
    let group: number;
    do {
      group = text.charCodeAt(at++) - 48;
      value += (group & 31) * 2 ** shift;
      shift += 5;
    } while (group & 32 && at < text.length);
    if (group & 16) value -= 2 ** shift;
    runs.push(runs.length > 2 ? value + runs[runs.length - 2] : value);
  }
  return runs;
}
