import { composePage, theme } from './canvas.js';
import { drawText, loadTypeface, type Typeface } from './typesetting.js';

/** A line through points (x, y); a NaN leaves a gap. */
export interface Curve {
  name: string;
  points: readonly (readonly [x: number, y: number])[];
}

export interface LearningCurves {
  /** One above the other, with one x axis: batches. */
  panels: readonly { title: string; curves: readonly Curve[] }[];
  /** The x at which the best model was found: a vertical line. */
  marked?: number;
}

const width = 900;
const panelHeight = 260;
const margin = { left: 76, right: 28, top: 52, bottom: 44 };
const colours = [theme.accent, '#6cb8ff', '#8be28b'];
const small = { size: 12, fill: theme.muted } as const;

/**
 * Losses and metrics over a training as a PNG (8-bit RGB). Curves without a single number are left out; equal input gives
 * equal bytes.
 */
export async function renderLearningCurves({ panels, marked }: LearningCurves): Promise<Buffer> {
  const face = await loadTypeface();
  const last = Math.max(1, ...panels.flatMap(({ curves }) => curves.flatMap(({ points }) => points.map(([x]) => x))));
  const under = panels.map((panel, i) => drawPanel(face, panel, i * panelHeight, last, marked)).join('');
  return composePage({ width, height: panels.length * panelHeight }, [], { under });
}

function drawPanel(
  face: Typeface,
  { title, curves }: LearningCurves['panels'][number],
  top: number,
  last: number,
  marked?: number,
): string {
  const [left, right] = [margin.left, width - margin.right];
  const [high, low] = [top + margin.top, top + panelHeight - margin.bottom];
  const values = curves.flatMap(({ points }) => points.map(([, y]) => y)).filter(Number.isFinite);
  const { from, to, ticks } = scale(values);
  const x = (value: number) => left + ((right - left) * value) / last;
  const y = (value: number) => low - ((low - high) * (value - from)) / (to - from);
  const line = (x0: number, y0: number, x1: number, y1: number, colour: string) =>
    `<line x1="${x0.toFixed(1)}" y1="${y0.toFixed(1)}" x2="${x1.toFixed(1)}" y2="${y1.toFixed(1)}" stroke="${colour}"/>`;
  const shown = curves.filter(({ points }) => points.some(([, value]) => Number.isFinite(value)));
  const legend = shown.map(({ name }, i) =>
    drawText(face, name, right - 110 * (shown.length - 1 - i), top + 32, {
      ...{ size: 13, fill: colours[i % colours.length], anchor: 'end' },
    }),
  );
  return [
    drawText(face, title, left, top + 32, { size: 16, weight: 'bold', fill: theme.text }),
    ...legend,
    ...ticks.map(
      (tick) =>
        line(left, y(tick), right, y(tick), theme.line) +
        drawText(face, label(tick), left - 8, y(tick) + 4, { ...small, anchor: 'end' }),
    ),
    ...[0, 0.25, 0.5, 0.75, 1].map((share) =>
      drawText(face, String(Math.round(share * last)), x(share * last), low + 20, { ...small, anchor: 'middle' }),
    ),
    drawText(face, 'batches', (left + right) / 2, low + 36, { ...small, anchor: 'middle' }),
    marked === undefined ? '' : line(x(marked), high, x(marked), low, theme.muted),
    ...shown.map((curve, i) => drawCurve(curve, x, y, colours[i % colours.length])),
  ].join('');
}

function drawCurve(
  { points }: Curve,
  x: (value: number) => number,
  y: (value: number) => number,
  colour: string,
): string {
  const defined = points.filter(([, value]) => Number.isFinite(value));
  const at = defined.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`);
  // A run of one epoch is a point, of which a line shows nothing.
  const dots =
    defined.length > 40
      ? []
      : at.map((point) => `<circle cx="${point.split(',')[0]}" cy="${point.split(',')[1]}" r="3" fill="${colour}"/>`);
  return `<polyline points="${at.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}`;
}

/** Round numbers around the values: four to seven ticks. */
function scale(values: readonly number[]): { from: number; to: number; ticks: number[] } {
  const lowest = Math.min(...values);
  const highest = Math.max(...values);
  if (!Number.isFinite(lowest)) return { from: 0, to: 1, ticks: [0, 0.5, 1] };
  const span = highest - lowest || Math.abs(highest) || 1;
  const rough = 10 ** Math.floor(Math.log10(span / 4));
  const step = [1, 2, 5, 10].map((factor) => factor * rough).find((candidate) => span / candidate <= 5)!;
  const first = Math.floor(lowest / step);
  const count = Math.max(1, Math.ceil(highest / step) - first);
  const ticks = Array.from({ length: count + 1 }, (_, i) => (first + i) * step);
  return { from: ticks[0], to: ticks.at(-1)!, ticks };
}

const label = (tick: number): string => String(Number(tick.toPrecision(6)));
