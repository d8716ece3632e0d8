import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { boxPlots } from '../../src/report/figures/box_plots.js';
import { curvesAgainst } from '../../src/report/figures/curves_against.js';
import type { Figure } from '../../src/report/figures/figure.js';
import { finalValues } from '../../src/report/figures/final_values.js';
import { learningCurves } from '../../src/report/figures/learning_curves.js';
import { colours, stylesOf } from '../../src/report/figures/palette.js';
import { penaltyMatrixFigure } from '../../src/report/figures/penalty_matrix.js';
import { overlapByRoundFigure, selectionOverlap } from '../../src/report/figures/selection_overlap.js';
import { shareBars } from '../../src/report/figures/share_bars.js';
import { spreadLabels } from '../../src/report/figures/svg.js';
import { timings } from '../../src/report/figures/timings.js';
import { figureCsv, figurePng, figureSvg, writeFigure } from '../../src/report/figures/write_figure.js';
import { temporaryFolder } from '../support/files.js';

const awkward = 'a "quoted", <b>&amp; long name \u0007 that goes on and on and on and on';
const namesOf = (count: number) =>
  Array.from({ length: count }, (_, i) => ['random', 'xal', awkward][i] ?? `strategy ${i}`);
const said = { title: 'Title <1>', caption: 'What it shows.' };

/** Every factory over as many strategies and seeds; `bend` spoils some of the numbers. */
function figuresOf(count: number, seeds = 5, bend = (value: number, _serial: number): number => value): Figure[] {
  const names = namesOf(count);
  let serial = 0;
  const value = (low: number, high: number) => bend(low + ((high - low) * ((serial * 37) % 101)) / 100, serial++);
  const each = <T>(length: number, of: (i: number) => T): T[] => Array.from({ length }, (_, i) => of(i));
  const curves = names.map((name) => ({
    name,
    points: each(seeds ? 5 : 0, (i) => {
      const y = value(0.6, 0.9);
      return { x: 50 + 30 * i, y, ...(seeds > 1 && { low: y - 0.02, high: y + 0.02 }) };
    }),
  }));
  const pairs = names.flatMap((first, i) =>
    names.slice(i + 1).map((second) => ({
      ...{ first, second },
      rounds: each(4, (round) => ({ round: round + 1, share: value(0, 1), chance: 0.1 * (round + 1) })),
    })),
  );
  return [
    learningCurves({
      ...{ ...said, name: 'curves', xLabel: 'labels', yLabel: 'test AUC', curves },
      level: { label: 'fully supervised', value: 0.85 },
      marks: names.slice(0, 1).map((name) => ({ name, x: 100, y: 0.7 })),
      at: { label: 'best', x: 80 },
    }),
    curvesAgainst({ ...said, name: 'against', xLabel: 'labels', yLabel: 'AUC', curves, reference: 'random' }),
    shareBars({
      ...{ ...said, name: 'shares', budget: 0.5 },
      shares: names.map((name, i) => ({
        ...{ name, bySeed: each(seeds, (k) => (k % 2 ? null : value(0.1, 0.5))), median: i % 2 ? null : 0.3 },
        ...(i === 1 && { published: 0.25 }),
      })),
    }),
    boxPlots({
      ...{ ...said, name: 'boxes', xLabel: 'nDCG', chance: 0.8 },
      groups: names.map((name) => ({ name, values: each(seeds, () => value(0.7, 1)) })),
    }),
    finalValues({
      ...{ ...said, name: 'final', xLabel: 'AUC', level: { label: 'random', value: 0.7 } },
      values: names.map((name) => ({ name, value: value(0.6, 0.9), low: value(0.5, 0.6), high: 0.9, published: 0.8 })),
    }),
    selectionOverlap({ ...said, name: 'overlap', strategies: names, pairs }),
    overlapByRoundFigure({ ...said, name: 'rounds', pairs }),
    penaltyMatrixFigure({
      ...{ ...said, name: 'penalties', strategies: names, penalties: names.map(() => value(0, 1)) },
      wins: names.map(() => names.map(() => value(0, 1))),
    }),
    timings({
      ...{ ...said, name: 'times' },
      strategies: names.map((name) => ({
        name,
        seconds: new Map(['training', 'scoring', 'asking'].map((activity) => [activity, value(0, 400)])),
      })),
    }),
  ];
}

const nothingButTags = (svg: string) => svg.replace(/<[^>]*>/g, '');

/** Different colours of the pixels. */
async function coloursIn(png: Uint8Array): Promise<{ width: number; colours: number }> {
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const seen = new Set<number>();
  for (let at = 0; at < data.length; at += 3) seen.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
  return { width: info.width, colours: seen.size };
}

describe.each(figuresOf(6).map((figure, i) => [figure.name, i] as const))('figure %s', (name, i) => {
  it('is the same every time, as a picture that is not blank and as the numbers behind it', async () => {
    const folder = await temporaryFolder();
    const [figure] = figuresOf(6).slice(i, i + 1);
    const files = await writeFigure(folder, figure);
    expect(files.svg).toBe(join(folder, `${name}.svg`));
    const [png, svg, csv] = [await readFile(files.png), await readFile(files.svg, 'utf8'), await readFile(files.csv)];
    const seen = await coloursIn(png);
    expect(seen.width).toBeGreaterThan(800);
    expect(seen.colours).toBeGreaterThan(20);
    expect(svg).not.toMatch(/NaN|undefined|Infinity|var\(|&lt;b&gt;&amp; /);
    expect(await figureSvg(figure, 'page')).toMatch(/var\(--figure-/);
    const rows = parse(csv);
    expect(rows[0]).toEqual(figure.table.columns);
    expect(rows).toHaveLength(figure.table.rows.length + 1);
    expect(rows.flat().filter((cell) => cell !== '').length).toBeGreaterThan(6);
    const again = figuresOf(6)[i];
    expect(`${await figureSvg(again, 'paper')}\n`).toBe(svg);
    expect(Buffer.from(await figurePng(again)).equals(png)).toBe(true);
  });

  it.each([
    ['nothing', () => figuresOf(0)],
    ['one strategy with one seed', () => figuresOf(1, 1)],
    ['no value at all', () => figuresOf(3, 5, () => NaN)],
    ['values that are all the same', () => figuresOf(3, 5, () => 0.7)],
    ['some values missing', () => figuresOf(7, 3, (value, serial) => (serial % 3 ? value : NaN))],
    ['24 strategies', () => figuresOf(24)],
  ])('takes %s', async (_, make) => {
    const svg = await figureSvg(make()[i], 'paper');
    expect(svg).toMatch(/^<svg .*<\/svg>$/s);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    expect(nothingButTags(svg)).not.toMatch(/[<>]/);
    expect(figureCsv(make()[i]).split('\n').length).toBeGreaterThan(1);
  });
});

it('figures are drawn one above the other', async () => {
  const [first, second] = figuresOf(2);
  const heights = await Promise.all(
    [[first], [second], [first, second]].map(
      async (figures) => (await sharp(await figurePng(...figures)).metadata()).height,
    ),
  );
  expect(heights[2]).toBe(heights[0] + heights[1]);
});

describe('looks', () => {
  const luminance = (hex: string): number => {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const c = parseInt(hex.slice(at, at + 2), 16) / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a: string, b: string): number => {
    const [dark, bright] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (bright + 0.05) / (dark + 0.05);
  };

  it('have the contrast that WCAG asks of graphics, and text that of text, in light and dark', () => {
    for (const shade of ['light', 'dark'] as const) {
      const ground = colours.background[shade];
      for (const [name, shades] of Object.entries(colours)) {
        const least = /^(text|muted)$/.test(name) ? 4.5 : /^(series|random)/.test(name) ? 3 : 1.2;
        if (name !== 'background')
          expect(contrast(shades[shade], ground), `${name}, ${shade}`).toBeGreaterThanOrEqual(least);
      }
    }
  });

  it('tell 24 strategies apart without colour, and give a strategy the same look wherever it stands', () => {
    const names = namesOf(25).filter((name) => name !== 'random');
    const styles = stylesOf(['random', ...names, 'xal']);
    const plain = [...names, 'random'].map((name) => `${styles(name).symbol} ${styles(name).dash}`);
    expect(new Set(plain).size).toBe(25);
    expect(new Set(names.slice(0, 8).map((name) => styles(name).colour)).size).toBe(8);
    expect(stylesOf(['xal'])('random')).toEqual(styles('random'));
    expect(styles('random').colour).toBe('random');
    expect(styles('fully-supervised').dash).not.toBe('');
    expect(styles('__proto__')).toEqual(styles('random'));
  });
});

it('labels keep their distance, their order and the frame', () => {
  const placed = spreadLabels([100, 101, 99, 300], 20, 0, 310);
  expect(placed[2]).toBeLessThan(placed[0]);
  expect(placed[1]).toBeGreaterThanOrEqual(placed[0] + 20);
  expect(Math.max(...placed)).toBeLessThanOrEqual(310);
  expect(spreadLabels([50, 50, 50], 20, 0, 60)).toEqual([20, 40, 60]);
  expect(spreadLabels([], 20, 0, 60)).toEqual([]);
});

it('what is said in words has its numbers: captions, and cells that say why they have none', () => {
  const figures = figuresOf(3);
  const shares = figures.find(({ name }) => name === 'shares')!;
  expect(shares.table.rows[1]).toContain('not reached');
  expect(shares.caption).toMatch(/published/);
  const [curves] = figures;
  expect(curves.table.rows.slice(-2).map(([name]) => name)).toEqual(['fully supervised', 'random (published)']);
  expect(curves.caption).toMatch(/95 % intervals/);
  const [many] = figuresOf(7);
  expect(many.caption).not.toMatch(/95 % intervals/);
});
