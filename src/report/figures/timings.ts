import { columnWidth, type Figure, type FigureTheme } from './figure.js';
import { activityColour, type ColourName } from './palette.js';
import { fitted, longest, nothingToDraw, px, svgElement, svgText } from './svg.js';

export interface TimingsInput {
  name: string;
  title: string;
  caption: string;
  strategies: readonly { name: string; seconds: ReadonlyMap<string, number> }[];
}

/** Activities of every run, in the order in which they are stacked. */
const usual = ['training', 'scoring', 'preparing', 'evaluating', 'selecting', 'asking', 'bookkeeping'];

/** Where the time goes: seconds by activity, stacked, a bar per strategy. */
export function timings({ name, title, caption, strategies }: TimingsInput): Figure {
  const found = new Set(strategies.flatMap(({ seconds }) => [...seconds.keys()]));
  const others = [...found].filter((activity) => !usual.includes(activity)).sort();
  // Those that are usual keep their colours where others lack.
  const activities = [...usual, ...others].flatMap((activity, k) =>
    found.has(activity) ? [{ activity, colour: activityColour(k) }] : [],
  );
  return {
    ...{ name, title, caption },
    table: {
      columns: ['strategy', ...activities.map(({ activity }) => `${activity} (s)`)],
      rows: strategies.map(({ name, seconds }) => [
        name,
        ...activities.map(({ activity }) => seconds.get(activity) ?? 0),
      ]),
    },
    draw: (theme) => drawTimings(theme, strategies, activities),
  };
}

interface Activity {
  activity: string;
  colour: ColourName;
}

const [rowHeight, nameWidth] = [28, 190];

/** Seconds and their name: long times are read in minutes or hours. */
function unitOf(seconds: number): [divisor: number, name: string] {
  return seconds >= 7200 ? [3600, 'hours'] : seconds >= 300 ? [60, 'minutes'] : [1, 'seconds'];
}

function drawTimings(
  theme: FigureTheme,
  strategies: TimingsInput['strategies'],
  activities: readonly Activity[],
): string {
  const { Plot } = theme;
  const sums = strategies.map(({ seconds }) =>
    activities.reduce((sum, { activity }) => sum + (seconds.get(activity) || 0), 0),
  );
  const most = Math.max(0, ...sums);
  if (!(most > 0)) return nothingToDraw(theme, columnWidth);
  const [divisor, unit] = unitOf(most);
  const legend = drawLegend(theme, activities);
  const names = strategies.map(({ name }) => name);
  const left = Math.min(nameWidth, longest(theme, names)) + 12;
  const totals = sums.map((sum) => (sum / divisor).toFixed(sum / divisor < 10 ? 1 : 0));
  const [top, bottom, right] = [legend.height + 6, 44, longest(theme, totals) + 14];
  const height = top + bottom + rowHeight * names.length;
  const parts = strategies.flatMap(({ name, seconds }) =>
    activities.map(({ activity }, k) => ({ name, value: (seconds.get(activity) || 0) / divisor, k })),
  );
  const panel = theme.panel({
    ...{ width: columnWidth, height, marginTop: top, marginBottom: bottom, marginLeft: left, marginRight: right },
    x: {
      ...{ domain: [0, most / divisor], label: unit, labelAnchor: 'center', labelArrow: 'none' },
      ...{ grid: true, ticks: 6, tickSize: 0 },
    },
    y: { type: 'band', domain: names, axis: null, padding: 0 },
    marks: activities.map(({ colour }, k) =>
      Plot.barX(
        parts.flatMap((part) => {
          if (part.k !== k || !(part.value > 0)) return [];
          const before = parts.filter((other) => other.name === part.name && other.k < k);
          const from = before.reduce((sum, { value }) => sum + value, 0);
          return [{ name: part.name, from, to: from + part.value }];
        }),
        {
          ...{ x1: 'from', x2: 'to', y: 'name', fill: theme.colour(colour) },
          ...{ insetTop: 5, insetBottom: 5, insetRight: 0.6 },
        },
      ),
    ),
  });
  const rows = strategies.map(({ name }, i) => {
    const y = panel.at('y', name);
    return (
      svgText(theme, fitted(theme, name, nameWidth, 12), left - 10, y, { anchor: 'end' }) +
      svgText(theme, totals[i], panel.at('x', sums[i] / divisor) + 6, y, { colour: 'muted' })
    );
  });
  return svgElement(theme, columnWidth, height, legend.svg + panel.svg + rows.join(''));
}

function drawLegend(theme: FigureTheme, activities: readonly Activity[]): { svg: string; height: number } {
  let [x, y] = [0, 12];
  const entries = activities.map(({ activity, colour }) => {
    const width = 18 + theme.textWidth(activity, 12) + 18;
    if (x > 0 && x + width > columnWidth) [x, y] = [0, y + 20];
    const entry =
      `<rect x="${px(x)}" y="${px(y - 5.5)}" width="11" height="11" rx="2" fill="${theme.colour(colour)}"/>` +
      svgText(theme, activity, x + 17, y);
    x += width;
    return entry;
  });
  return { svg: entries.join(''), height: y + 14 };
}
