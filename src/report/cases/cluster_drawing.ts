import type { FigureTheme } from '../figures/figure.js';
import { escapeMarkup } from '../figures/svg.js';
import type { MapPoint } from './cluster_map.js';

export interface ClusterDrawing {
  points: readonly MapPoint[];
  groupedBy: 'clusters' | 'classes';
  classes: readonly string[];
}

const width = 640;
const height = 460;
const margin = 16;
const radius = 3.3;

/** A group of points with the colours laid over each other that make its own: mixed by opacity, any theme's two will do. */
interface Group {
  name: string;
  layers: { colour: string; opacity: number }[];
}

/** The pool as a scatter plot without axes: of UMAP's coordinates only nearness can be read. */
export function drawClusterMap(theme: FigureTheme, { points, groupedBy, classes }: ClusterDrawing): string {
  const groups = groupedBy === 'clusters' ? rankGroups(theme, points) : classGroups(theme, points, classes);
  const key = legend(theme, groups, groupedBy, points);
  const place = placing(points, key.height);
  const background = theme.colour('background');
  const dots = groups.toReversed().map(({ name, layers }) => {
    const own = points.filter(({ group, representative }) => group === name && !representative);
    // A dot is a line of no length with round ends: one path for all of them.
    const path = own.map((point) => `M${place(point)}h0`).join('');
    const line = (colour: string, size: number, opacity: number) =>
      `<path d="${path}" stroke="${colour}" stroke-width="${size}" stroke-opacity="${short(opacity)}"/>`;
    return path && layers.map(({ colour, opacity }) => line(colour, 2 * radius, opacity)).join('');
  });
  const rings = points
    .filter(({ selected, representative }) => selected && !representative)
    .map((point) => {
      const [x, y] = place(point);
      const ring = `cx="${short(x)}" cy="${short(y)}" r="${radius + 2.2}" fill="none"`;
      return `<g><title>${escapeMarkup(point.id)}</title><circle ${ring} stroke="${background}" stroke-width="3"/><circle ${ring} stroke="${theme.colour('text')}" stroke-width="1.4"/></g>`;
    });
  const standing = points
    .filter(({ representative }) => representative)
    .map((point) => diamond(theme, point, place(point)));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height + key.height}" viewBox="0 0 ${width} ${height + key.height}" font-family="${theme.font}" font-size="12" fill="${theme.colour('text')}">`,
    `<rect x="0.5" y="${key.height + 0.5}" width="${width - 1}" height="${height - 1}" rx="6" fill="none" stroke="${theme.colour('rule')}"/>`,
    key.svg,
    `<g fill="none" stroke-linecap="round">${dots.join('')}</g>`,
    ...[rings.join(''), standing.join(''), '</svg>'],
  ].join('');
}

/** From rank 1 in one colour through grey to the last rank in its opposite: told apart with any colour vision. */
function rankGroups(theme: FigureTheme, points: readonly MapPoint[]): Group[] {
  const ranks = [...new Set(points.map(({ group }) => Number(group)))].sort((a, b) => a - b);
  const last = Math.max(...ranks, 2);
  return ranks.map((rank) => ({
    name: String(rank),
    layers: [
      { colour: theme.colour('series0'), opacity: 1 },
      { colour: theme.colour('series1'), opacity: 1 - (rank - 1) / (last - 1) },
    ],
  }));
}

function classGroups(theme: FigureTheme, points: readonly MapPoint[], classes: readonly string[]): Group[] {
  const there = new Set(points.map(({ group }) => group));
  const named = [...classes.filter((name) => there.has(name)), ...[...there].filter((name) => !classes.includes(name))];
  return named.map((name, i) => ({
    name,
    layers: [
      { colour: classes.includes(name) ? theme.colour(`series${i % 8}`) : theme.colour('muted'), opacity: 0.85 },
    ],
  }));
}

/** Into the frame, with equal scales: a stretched layout would tell of distances that are not there. */
function placing(points: readonly MapPoint[], top: number): (point: MapPoint) => [x: number, y: number] {
  const range = (values: readonly number[]) => [Math.min(...values), Math.max(...values)] as const;
  const [left, right] = range(points.map(({ x }) => x));
  const [low, high] = range(points.map(({ y }) => y));
  const inside = { width: width - 2 * margin, height: height - 2 * margin };
  const scale = Math.min(inside.width / (right - left || 1), inside.height / (high - low || 1));
  const middle = { x: (left + right) / 2, y: (low + high) / 2 };
  return ({ x, y }) => [
    Number(short(width / 2 + (x - middle.x) * scale)),
    Number(short(top + height / 2 - (y - middle.y) * scale)),
  ];
}

/** A representative, with the rank of its cluster. */
function diamond(theme: FigureTheme, { id, group }: MapPoint, [x, y]: readonly [number, number]): string {
  const [text, background] = [theme.colour('text'), theme.colour('background')];
  const shape = `<path d="M0,-12L12,0L0,12L-12,0Z" fill="${background}" stroke="${text}" stroke-width="1.6"/>`;
  const label = `<text dy="0.35em" font-size="${group.length > 1 ? 10 : 11.5}" font-weight="bold" text-anchor="middle" fill="${text}">${escapeMarkup(group)}</text>`;
  return `<g transform="translate(${x},${y})"><title>${escapeMarkup(`${id}, stands for the cluster of rank ${group}`)}</title>${shape}${label}</g>`;
}

/** What colours and marks mean, in as many lines as it takes. */
function legend(
  theme: FigureTheme,
  groups: readonly Group[],
  groupedBy: ClusterDrawing['groupedBy'],
  points: readonly MapPoint[],
): { svg: string; height: number } {
  const ring = `<circle cx="6" r="5.2" fill="none" stroke="${theme.colour('text')}" stroke-width="1.4"/>`;
  const shape = `<path d="M8,-8l8,8l-8,8l-8,-8Z" fill="none" stroke="${theme.colour('text')}" stroke-width="1.4"/>`;
  const ranks = groupedBy === 'clusters';
  const items = [
    ...(ranks ? [{ sign: '', indent: 0, name: 'most informative' }] : []),
    ...groups.map(({ name, layers }) => ({
      sign: layers
        .map(({ colour, opacity }) => `<circle cx="5" r="5" fill="${colour}" fill-opacity="${short(opacity)}"/>`)
        .join(''),
      ...{ indent: 14, name },
    })),
    ...(ranks ? [{ sign: '', indent: 0, name: 'least informative' }] : []),
    ...(points.some(({ selected }) => selected) ? [{ sign: ring, indent: 16, name: 'selected' }] : []),
    ...(points.some(({ representative }) => representative)
      ? [{ sign: shape, indent: 21, name: 'stands for its cluster' }]
      : []),
  ];
  let [x, y] = [4, 14];
  const parts = items.map(({ sign, indent, name }) => {
    // Wide enough for any sans-serif: the page's font is not known here.
    const own = indent + 6.9 * name.length;
    if (x > 4 && x + own > width) [x, y] = [4, y + 22];
    const part = `<g transform="translate(${short(x)},${y})">${sign}<text x="${indent}" dy="0.35em">${escapeMarkup(name)}</text></g>`;
    x += own + 10;
    return part;
  });
  return { svg: parts.join(''), height: y + 20 };
}

const short = (value: number): string => String(Math.round(100 * value) / 100);
