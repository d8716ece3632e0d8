import { composePage, theme } from './canvas.js';
import { drawText, ellipsise, loadTypeface, type Typeface } from './typesetting.js';

/** A line through points (x, y); a NaN leaves a gap. */
export interface Curve {
  name: string;
  points: readonly (readonly [x: number, y: number])[];
  /** Interval around the line at each x; NaN: none there. */
  band?: readonly (readonly [x: number, low: number, high: number])[];
}

export interface LearningCurves {
  /** One above the other, with one x axis. */
  panels: readonly { title: string; curves: readonly Curve[] }[];
  /** What x counts. Default batches, from 0. */
  xLabel?: string;
  /** Where the x axis begins. Default 0. */
  from?: number;
  /** An x to point out (the best model): a vertical line. */
  marked?: number;
  /** Height of a panel, pixels. Default 260. */
  panelHeight?: number;
}

const width = 900;
const margin = { left: 76, right: 28, top: 52, bottom: 44 };
/** More curves than this are named beside the panel instead of above it. */
const namedAbove = 3;
const legendWidth = 190;
/** Okabe and Ito's colours, told apart with any colour vision, lightened for a dark page; dashes tell repetitions apart. */
const colours = [theme.accent, '#6cb8ff', '#8be28b', '#e69f00', '#ff9ad5', '#f0e442', '#d55e5e', '#b8c0cc'];
const dashes = ['', '7 4', '2 4'];
const small = { size: 12, fill: theme.muted } as const;

/** A panel's place and scales. */
interface Frame {
  left: number;
  right: number;
  high: number;
  low: number;
  x: (value: number) => number;
  y: (value: number) => number;
}

/**
 * Losses and metrics over a training, or metrics over labels, as a PNG (8-bit RGB). Curves without a single number are left
 * out; equal input gives equal bytes.
 */
export async function renderLearningCurves(drawing: LearningCurves): Promise<Buffer> {
  const { panels, panelHeight = 260 } = drawing;
  const face = await loadTypeface();
  const under = panels.map((panel, i) => drawPanel(face, panel, i * panelHeight, panelHeight, drawing)).join('');
  return composePage({ width, height: panels.length * panelHeight }, [], { under });
}

function drawPanel(
  face: Typeface,
  { title, curves }: LearningCurves['panels'][number],
  top: number,
  height: number,
  { panels, marked, xLabel = 'batches', from: first = 0 }: LearningCurves,
): string {
  const last = Math.max(
    first + 1,
    ...panels.flatMap((panel) => panel.curves.flatMap(({ points }) => points.map(([x]) => x))),
  );
  const shown = curves.filter(({ points }) => points.some(([, value]) => Number.isFinite(value)));
  const beside = shown.length > namedAbove;
  const [left, right] = [margin.left, width - margin.right - (beside ? legendWidth : 0)];
  const [high, low] = [top + margin.top, top + height - margin.bottom];
  const values = shown.flatMap(({ points, band = [] }) => [
    ...points.map(([, y]) => y),
    ...band.flatMap((b) => b.slice(1)),
  ]);
  const { from, to, ticks } = scale(values.filter(Number.isFinite));
  const frame: Frame = {
    ...{ left, right, high, low },
    x: (value) => left + ((right - left) * (value - first)) / (last - first),
    y: (value) => low - ((low - high) * (value - from)) / (to - from),
  };
  const { x, y } = frame;
  const line = (x0: number, y0: number, x1: number, y1: number, colour: string) =>
    `<line x1="${x0.toFixed(1)}" y1="${y0.toFixed(1)}" x2="${x1.toFixed(1)}" y2="${y1.toFixed(1)}" stroke="${colour}"/>`;
  return [
    drawText(face, title, left, top + 32, { size: 16, weight: 'bold', fill: theme.text }),
    ...(beside ? namesBeside(face, shown, frame) : namesAbove(face, shown, right, top + 32)),
    ...ticks.map(
      (tick) =>
        line(left, y(tick), right, y(tick), theme.line) +
        drawText(face, label(tick), left - 8, y(tick) + 4, { ...small, anchor: 'end' }),
    ),
    ...[0, 0.25, 0.5, 0.75, 1].map((share) => {
      const at = first + share * (last - first);
      return drawText(face, String(Math.round(at)), x(at), low + 20, { ...small, anchor: 'middle' });
    }),
    drawText(face, xLabel, (left + right) / 2, low + 36, { ...small, anchor: 'middle' }),
    marked === undefined ? '' : line(x(marked), high, x(marked), low, theme.muted),
    ...shown.map((curve, i) => drawBand(curve, frame, colourOf(i))),
    ...shown.map((curve, i) => drawCurve(curve, frame, colourOf(i), dashOf(i))),
  ].join('');
}

const colourOf = (i: number): string => colours[i % colours.length];
const dashOf = (i: number): string => dashes[Math.floor(i / colours.length) % dashes.length];

function namesAbove(face: Typeface, curves: readonly Curve[], right: number, y: number): string[] {
  return curves.map(({ name }, i) =>
    drawText(face, name, right - 110 * (curves.length - 1 - i), y, { size: 13, fill: colourOf(i), anchor: 'end' }),
  );
}

function namesBeside(face: Typeface, curves: readonly Curve[], { right, high, low }: Frame): string[] {
  const step = Math.min(20, (low - high) / curves.length);
  const style = { size: Math.min(13, step - 2) };
  return curves.map(({ name }, i) => {
    const y = high + step * (i + 0.7);
    const sample = `<line x1="${right + 14}" y1="${y - 4}" x2="${right + 38}" y2="${y - 4}" ${stroke(colourOf(i), dashOf(i))}/>`;
    return (
      sample +
      drawText(face, ellipsise(face, name, legendWidth - 46, style), right + 44, y, { ...style, fill: theme.text })
    );
  });
}

function drawBand({ band = [] }: Curve, { x, y }: Frame, colour: string): string {
  const defined = band.filter(([, low, high]) => Number.isFinite(low) && Number.isFinite(high));
  if (defined.length < 2) return '';
  const point = (px: number, py: number) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`;
  const outline = [
    ...defined.map(([px, , high]) => point(px, high)),
    ...defined.toReversed().map(([px, low]) => point(px, low)),
  ];
  return `<polygon points="${outline.join(' ')}" fill="${colour}" fill-opacity="0.12"/>`;
}

function drawCurve({ points }: Curve, { x, y }: Frame, colour: string, dash: string): string {
  const defined = points.filter(([, value]) => Number.isFinite(value));
  const at = defined.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`);
  // A run of one epoch is a point, of which a line shows nothing.
  const dots =
    defined.length > 40
      ? []
      : at.map((point) => `<circle cx="${point.split(',')[0]}" cy="${point.split(',')[1]}" r="3" fill="${colour}"/>`);
  return `<polyline points="${at.join(' ')}" fill="none" ${stroke(colour, dash)}/>${dots.join('')}`;
}

const stroke = (colour: string, dash: string): string =>
  `stroke="${colour}" stroke-width="2"${dash && ` stroke-dasharray="${dash}"`}`;

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
