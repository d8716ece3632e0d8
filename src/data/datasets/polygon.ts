/**
 * Fills a polygon: a pixel is inside when its centre is (even-odd rule). One that is too thin to hold any centre marks the pixels
 * of its corners, so that a region never vanishes.
 * @param corners x, y, x, y … in pixels, the first not repeated @param mask u8[height, width], set to 1 inside
 */
export function fillPolygon(corners: readonly number[], mask: Uint8Array, width: number, height: number): void {
  const count = Math.floor(corners.length / 2);
  const x = (i: number) => corners[2 * (i % count)];
  const y = (i: number) => corners[2 * (i % count) + 1];
  let filled = false;
  let [top, bottom] = [Infinity, -Infinity];
  for (let i = 0; i < count; i++) [top, bottom] = [Math.min(top, y(i)), Math.max(bottom, y(i))];
  for (let row = Math.max(0, Math.floor(top)); row < Math.min(height, Math.ceil(bottom)); row++) {
    const centre = row + 0.5;
    const crossings: number[] = [];
    for (let i = 0; i < count; i++) {
      // Half-open in y, so that a corner on the line counts for one of its two edges.
      if (isAbove(y(i), centre) === isAbove(y(i + 1), centre)) continue;
      crossings.push(x(i) + ((centre - y(i)) / (y(i + 1) - y(i))) * (x(i + 1) - x(i)));
    }
    crossings.sort((a, b) => a - b);
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const first = Math.max(0, Math.ceil(crossings[k] - 0.5));
      const end = Math.min(width, Math.ceil(crossings[k + 1] - 0.5));
      if (end <= first) continue;
      mask.fill(1, row * width + first, row * width + end);
      filled = true;
    }
  }
  if (filled) return;
  for (let i = 0; i < count; i++) {
    const [column, row] = [Math.floor(x(i)), Math.floor(y(i))];
    if (column >= 0 && column < width && row >= 0 && row < height) mask[row * width + column] = 1;
  }
}

const isAbove = (y: number, line: number): boolean => y <= line;
