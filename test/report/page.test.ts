import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { learningCurves } from '../../src/report/figures/learning_curves.js';
import { selectionOverlap } from '../../src/report/figures/selection_overlap.js';
import { shareBars } from '../../src/report/figures/share_bars.js';
import { timings } from '../../src/report/figures/timings.js';
import { figureHtml } from '../../src/report/page/figure_html.js';
import { renderPage } from '../../src/report/page/page.js';
import { tableHtml } from '../../src/report/page/table_html.js';
import { openBrowser, openPage, type PageLog } from '../support/browser.js';
import { sharedFolder } from '../support/files.js';

const names = ['random', 'entropy', 'xal', 'a strategy <i>of</i> some & quite "long" name that has to fit'];

async function makePage(): Promise<string> {
  const figures = [
    learningCurves({
      ...{ name: 'curves', title: 'Curves', caption: 'Means.', xLabel: 'labels', yLabel: 'AUC' },
      curves: names.map((name, k) => ({
        name,
        points: [1, 2, 3].map((x) => ({ x, y: x / 10 + k / 20, low: x / 10, high: x / 9 + k / 20 })),
      })),
    }),
    shareBars({
      ...{ name: 'shares', title: 'Shares', caption: 'Of labels.', budget: 0.5 },
      shares: names.map((name) => ({ name, bySeed: [0.2, null], median: null })),
    }),
    selectionOverlap({
      ...{
        name: 'overlap',
        title: 'Overlap',
        caption: 'Of selections.',
        strategies: Array.from({ length: 20 }, (_, i) => `s${i}`),
      },
      pairs: [{ first: 's0', second: 's1', rounds: [{ round: 1, share: 1, chance: 0.1 }] }],
    }),
    timings({
      name: 'times',
      title: 'Times',
      caption: 'Of runs.',
      strategies: [{ name: 'xal', seconds: new Map([['training', 3]]) }],
    }),
  ];
  const table = tableHtml({
    caption: 'All of <them>.',
    columns: ['strategy', ...Array.from({ length: 14 }, (_, i) => `column ${i}`)],
    rows: names.map((name) => [name, ...Array.from({ length: 14 }, (_, i) => i + 0.5)]),
    strong: [1],
  });
  const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const image = `<img src="data:image/png;base64,${pixel}" alt="A pixel" width="40" height="40">`;
  return renderPage({
    title: 'A page & <its> title',
    subtitle: 'Four figures',
    sections: [
      { id: 'chapter', title: 'Chapter <1>', html: '<p>Words with <a href="#table">a link</a>.</p>' },
      { id: 'figures', title: 'Figures', level: 3, html: (await Promise.all(figures.map(figureHtml))).join('') },
      {
        ...{ id: 'table', title: 'Table', level: 3 },
        html: `${table}<details><summary>More</summary><pre tabindex="0">a: 1</pre></details>${image}`,
      },
      { id: 'other', title: 'Other chapter', html: '<h3>By hand</h3><p>The end.</p>' },
    ],
    footer: 'Made by a test',
  });
}

let browser: Browser;
let address: string;
let html: string;
beforeAll(async () => {
  const folder = join(await sharedFolder(), 'a folder');
  await mkdir(folder);
  html = await makePage();
  await writeFile(join(folder, 'page.html'), html);
  address = pathToFileURL(join(folder, 'page.html')).href;
  browser = await openBrowser();
}, 120_000);
afterAll(() => browser?.close());

type Theme = 'light' | 'dark';

async function open(width: number, theme: Theme): Promise<{ page: Page; log: PageLog }> {
  const opened = await openPage(browser);
  await opened.page.setViewport({ width, height: 900 });
  await opened.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
  await opened.page.goto(address, { waitUntil: 'load' });
  return opened;
}

const ground = (page: Page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

describe.each<[number, Theme]>([
  [1280, 'light'],
  [1280, 'dark'],
  [360, 'light'],
  [360, 'dark'],
])('a page %i pixels wide, %s', (width, theme) => {
  it('loads itself alone, shows all it has, does not overflow, and is accessible', async () => {
    const { page, log } = await open(width, theme);
    const seen = await page.evaluate(() => ({
      overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      images: [...document.images].map((image) => image.complete && image.naturalWidth > 0),
      drawings: [...document.querySelectorAll('figure svg')].map((svg) => {
        const { width, height } = svg.getBoundingClientRect();
        return { width, height };
      }),
      smallest: Math.min(
        ...[...document.querySelectorAll('figure svg text')].map((text) => {
          const svg = text.closest('svg')!;
          const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
          return parseFloat(getComputedStyle(text).fontSize) * scale;
        }),
      ),
      headings: [...document.querySelectorAll('h1,h2,h3')].map((heading) => heading.tagName).join(' '),
    }));
    expect(seen).toMatchObject({ overflow: 0, images: [true], headings: 'H1 H2 H3 H3 H2 H3' });
    expect(seen.drawings).toHaveLength(4);
    for (const { width: w, height: h } of seen.drawings) expect(Math.min(w, h)).toBeGreaterThan(60);
    expect(seen.smallest).toBeGreaterThanOrEqual(11);

    await page.evaluate(`${await axeSource()}; 0`);
    const violations = await page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run(): Promise<AxeResults> } };
      const found = await axe.run();
      return {
        violations: found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`),
        passes: found.passes.map(({ id }) => id),
      };
    });
    expect(violations.violations).toEqual([]);
    expect(violations.passes).toContain('color-contrast');
    expect(log).toEqual({ requests: [address], problems: [] });
    await page.close();
  }, 60_000);
});

async function axeSource(): Promise<string> {
  const { source } = (await import('axe-core')).default;
  return source;
}

describe('a page', () => {
  it('turns dark and light by its button, colours of figures too', async () => {
    const { page, log } = await open(1280, 'light');
    const line = () => page.$eval('figure svg path[stroke]', (path) => getComputedStyle(path).stroke);
    const [before, lineBefore] = [await ground(page), await line()];
    expect(await page.$eval('button', (button) => button.textContent)).toBe('Dark');
    await page.click('button');
    const [after, lineAfter] = [await ground(page), await line()];
    expect(after).not.toBe(before);
    expect(lineAfter).not.toBe(lineBefore);
    expect(await page.$eval('button', (button) => button.textContent)).toBe('Light');
    await page.click('button');
    expect(await ground(page)).toBe(before);
    expect(log.problems).toEqual([]);
    await page.close();
  });

  it('hands its figures out as files', async () => {
    const { page } = await open(1280, 'light');
    const links = await page.$$eval('figure a[download]', (all) =>
      all.map((a) => [a.getAttribute('download')!, decodeURIComponent(a.getAttribute('href')!)] as const),
    );
    expect(links.map(([name]) => name).slice(0, 2)).toEqual(['curves.csv', 'curves.svg']);
    expect(links[0][1]).toMatch(/^data:text\/csv;charset=utf-8,series,labels,AUC,low,high\nrandom,1,0.1,/);
    expect(links[1][1]).toMatch(/^data:image\/svg\+xml;charset=utf-8,<svg .*<\/svg>$/s);
    await page.close();
  });

  it('fetches nothing that a section brings along', async () => {
    const { page, log } = await openPage(browser);
    const evil = renderPage({
      title: 'x',
      sections: [{ id: 'x', title: 'x', html: '<img src="https://example.com/x.png" alt="x">' }],
    });
    const file = new URL('evil.html', address);
    await writeFile(file, evil);
    await page.goto(file.href);
    expect(log.problems.join()).toMatch(/Content Security Policy/);
    expect(log.problems.join()).toMatch(/x\.png: blocked/);
    expect(await page.$eval('img', (image) => image.naturalWidth)).toBe(0);
    await page.close();
  });

  it('is the same every time, and escapes what it is given', async () => {
    expect(await makePage()).toBe(html);
    expect(html).toContain('<title>A page &amp; &lt;its&gt; title</title>');
    expect(html).not.toMatch(/<its>|<i>of<\/i>|Chapter <1>/);
    expect(html).toContain("default-src 'none'");
    expect(html.match(/<th scope="(row|col)"/g)).toHaveLength(15 + 4);
  });
});
