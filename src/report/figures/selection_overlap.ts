import { columnWidth, type Figure, type FigureTheme } from './figure.js';
import { drawMatrix } from './matrix.js';
import { fitted, nothingToDraw, px, spreadLabels, svgElement, svgLine, svgText } from './svg.js';

/** What two strategies have chosen in common, by round: share of all that the first has chosen so far. */
export interface PairOverlap {
  first: string;
  second: string;
  /** `chance`: what two random selections would share. */
  rounds: readonly { round: number; share: number; chance: number }[];
}

export interface SelectionOverlapInput {
  name: string;
  title: string;
  caption: string;
  strategies: readonly string[];
  pairs: readonly PairOverlap[];
}

/** A matrix of the last round's cumulated shares of common selections, strategy × strategy. */
export function selectionOverlap({ name, title, caption, strategies, pairs }: SelectionOverlapInput): Figure {
  const shares = new Map(pairs.flatMap((pair) => bothWays(pair, pair.rounds.at(-1)?.share ?? NaN)));
  const value = (i: number, j: number): number => shares.get(keyOf(strategies[i], strategies[j])) ?? NaN;
  const chance = pairs[0]?.rounds.at(-1)?.chance ?? NaN;
  const said = Number.isFinite(chance) ? ` By chance: ${(100 * chance).toFixed(0)} %.` : '';
  return {
    ...{ name, title, caption: `${caption}${said}` },
    table: {
      columns: ['strategy', ...strategies],
      rows: strategies.map((own, i) => [own, ...strategies.map((_, j) => (i === j ? NaN : value(i, j)))]),
    },
    draw(theme) {
      if (strategies.length < 2) return nothingToDraw(theme, columnWidth, 'One strategy alone: nothing to compare.');
      return drawMatrix(theme, {
        ...{ rows: strategies, columns: strategies, rowLabel: '', columnLabel: '', most: 1, value },
        format: (share) => `${(100 * share).toFixed(0)} %`,
      });
    },
  };
}

const keyOf = (first: string, second: string): string => `${first}\n${second}`;
const bothWays = ({ first, second }: PairOverlap, share: number): [string, number][] => [
  [keyOf(first, second), share],
  [keyOf(second, first), share],
];

/** Pairs named at their ends; more would not be told apart. */
const mostNamed = 8;
const margin = { top: 34, bottom: 46, left: 54 };
const [height, gap, nameWidth] = [340, 17, 230];

/** The same shares round by round, a line per pair, against chance. */
export function overlapByRoundFigure({
  name,
  title,
  caption,
  pairs,
}: Omit<SelectionOverlapInput, 'strategies'>): Figure {
  const shown = pairs
    .map((pair) => ({ ...pair, rounds: pair.rounds.filter(({ share }) => Number.isFinite(share)) }))
    .filter(({ rounds }) => rounds.length > 0)
    .sort((a, b) => b.rounds.at(-1)!.share - a.rounds.at(-1)!.share);
  const note = shown.length > mostNamed ? ` Named: the ${mostNamed} pairs that share most.` : '';
  return {
    ...{ name, title, caption: `${caption}${note}` },
    table: {
      columns: ['first', 'second', 'round', 'share', 'chance'],
      rows: pairs.flatMap(({ first, second, rounds }) =>
        rounds.map(({ round, share, chance }) => [first, second, round, share, chance]),
      ),
    },
    draw: (theme) => (shown.length ? drawRounds(theme, shown) : nothingToDraw(theme, columnWidth)),
  };
}

function drawRounds(theme: FigureTheme, pairs: readonly PairOverlap[]): string {
  const { Plot } = theme;
  const named = pairs.slice(0, mostNamed).map((pair) => ({
    text: fitted(theme, `${pair.first} · ${pair.second}`, nameWidth, 12),
    share: pair.rounds.at(-1)!.share,
  }));
  const chance = pairs[0].rounds.filter((round) => Number.isFinite(round.chance));
  const labels = [...named, ...(chance.length ? [{ text: 'chance', share: chance.at(-1)!.chance }] : [])];
  const gutter = 26 + Math.max(...labels.map(({ text }) => theme.textWidth(text, 12)));
  const rounds = pairs.flatMap((pair) => pair.rounds.map(({ round }) => round));
  const [from, to] = [Math.min(...rounds), Math.max(...rounds)];
  // Hundreds of lines would be a ground that hides those that are named.
  const faint = pairs.length > 40 ? 0.12 : 0.35;
  const panel = theme.panel({
    ...{ width: columnWidth, height, marginTop: margin.top, marginBottom: margin.bottom },
    ...{ marginLeft: margin.left, marginRight: gutter },
    x: {
      ...{ domain: [from, from < to ? to : to + 1], label: 'round', labelAnchor: 'center', labelArrow: 'none' },
      ...{ tickFormat: 'd', ticks: Math.min(10, to - from + 1), tickSize: 4 },
    },
    y: {
      domain: [0, 1],
      grid: true,
      label: 'share in common',
      tickFormat: '.0%',
      tickSize: 0,
      labelArrow: 'none',
      ticks: 5,
    },
    marks: [
      ...pairs.map((pair, i) =>
        Plot.lineY(pair.rounds, {
          ...{
            x: 'round',
            y: 'share',
            strokeWidth: i < mostNamed ? 1.8 : 1,
            strokeOpacity: i < mostNamed ? 0.9 : faint,
          },
          stroke: theme.colour(i < mostNamed ? 'muted' : 'random'),
        }),
      ),
      Plot.lineY(chance, { x: 'round', y: 'chance', stroke: theme.colour('text'), strokeDasharray: '4 3' }),
    ],
  });
  const right = columnWidth - gutter;
  const wanted = labels.map(({ share }) => panel.at('y', share));
  const spread = spreadLabels(wanted, gap, margin.top, height - margin.bottom);
  const names = labels.map(
    ({ text }, i) =>
      svgLine(theme, 'rule', `M${px(right + 3)},${px(wanted[i])}L${px(right + 16)},${px(spread[i])}h4`) +
      svgText(theme, text, right + 24, spread[i]),
  );
  return svgElement(theme, columnWidth, height, panel.svg + names.join(''));
}
