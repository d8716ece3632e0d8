/**
 * How long a report takes to open in a browser, and what it weighs, against the limits set for them.
 *   node bench/report.mjs PAGE.html "6 strategies × 5 seeds × 10 rounds"     (npm run bench:report -- …)
 * Time: from the request to the load event of a page that was never opened before, in a browser that is warm, with every
 * image decoded and the page laid out and painted once; median of nine.
 */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import chromium from '@sparticuz/chromium';
import puppeteer from 'puppeteer-core';
import { row, writeRows } from './results.mjs';

const [path, what] = process.argv.slice(2);
if (!what) throw new Error('usage: node bench/report.mjs PAGE.html "what it reports on"');
const limits = { seconds: 2, megabytes: 15 };
const repeats = 9;

chromium.setGraphicsMode = false;
const browser = await puppeteer.launch({
  args: [...puppeteer.defaultArgs({ args: chromium.args, headless: 'shell' }), '--no-sandbox'],
  executablePath: await chromium.executablePath(),
  headless: 'shell',
});
try {
  const times = [];
  for (let i = 0; i <= repeats; i++) {
    const page = await browser.newPage();
    await page.setViewport({ width: 1280, height: 900 });
    const began = performance.now();
    await page.goto(pathToFileURL(resolve(path)).href, { waitUntil: 'load' });
    // Two frames later the page has been painted.
    await page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(undefined))))',
    );
    if (i > 0) times.push((performance.now() - began) / 1000);
    await page.close();
  }
  times.sort((a, b) => a - b);
  const seconds = times[(repeats - 1) / 2];
  const megabytes = statSync(path).size / 1e6;
  console.log(
    `${seconds.toFixed(2)} s (${times[0].toFixed(2)}–${times.at(-1).toFixed(2)}), ${megabytes.toFixed(2)} MB`,
  );
  const version = (await browser.version()).replace(/^.*\//, '');
  const common = { peer: 'the limit set for it', threads: 1, versions: { chromium: version } };
  const detail = `${times[0].toFixed(2)}–${times.at(-1).toFixed(2)} s of ${repeats}`;
  const title = `report of ${what}`;
  writeRows('report', [
    row({ ...common, bench: `${title}: opening`, ours: seconds, theirs: limits.seconds, unit: 's', detail }),
    row({ ...common, bench: `${title}: size`, ours: megabytes, theirs: limits.megabytes, unit: 'MB' }),
  ]);
} finally {
  await browser.close();
}
