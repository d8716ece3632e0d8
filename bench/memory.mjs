/**
 * Peak memory of a whole scoring pass over a long pool, and whether it stays flat: rows of a manifest that name the same
 * phantoms again and again, so that only the pool is large.
 *   node bench/memory.mjs [--rows 100000]     (npm run bench:memory; six minutes on two cores)
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { trainPhantomClassifier } from '../dist/engine/phantom_model.js';
import { openPool, score, writePhantoms } from '../dist/index.js';
import { row, writeRows } from './results.mjs';

const limitMB = 1500;
const rows = Number(parseArgs({ options: { rows: { type: 'string', default: '100000' } } }).values.rows);
const folder = mkdtempSync(join(tmpdir(), 'sightline-bench-'));
try {
  const { manifest } = await writePhantoms({ out: join(folder, 'phantoms'), count: 200, seed: 1 });
  const model = join(folder, 'classifier.onnx');
  await trainPhantomClassifier((await openPool(manifest)).slice(0, 100), model);
  const pool = join(folder, 'phantoms', 'long.csv');
  writeFileSync(pool, longManifest(readFileSync(manifest, 'utf8'), rows));

  const rss = [];
  const onProgress = ({ stage, done, total, rate }) => {
    const part = Math.floor((20 * done) / total);
    if (stage !== 'scoring' || rss[part] !== undefined) return;
    rss[part] = process.memoryUsage.rss() / 1e6;
    console.log(`  ${done} of ${total}: ${rss[part].toFixed(0)} MB, ${rate.toFixed(0)} images/s`);
  };
  const summary = await score({ model, pool, out: join(folder, 'out'), strategy: 'xal', class: 'lesion', onProgress });
  const peak = process.resourceUsage().maxRSS / 1e3;
  // The first tenth warms up; after that, what is held must not depend on how much has been scored.
  const [early, late] = [Math.max(...rss.slice(2, 6)), Math.max(...rss.slice(17))];
  console.log(`peak ${peak.toFixed(0)} MB, ${summary.imagesPerSecond.toFixed(0)} images/s`);
  const common = { unit: 'MB', threads: availableParallelism(), versions: {} };
  const title = `memory of score, ${rows.toLocaleString('en')} rows, demo classifier at 128²`;
  writeRows('memory', [
    row({ ...common, bench: `${title}: peak`, peer: 'the limit set for it', ours: peak, theirs: limitMB }),
    row({ ...common, bench: `${title}: last tenth`, peer: 'its own second tenth', ours: late, theirs: early }),
  ]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

function longManifest(csv, count) {
  const [header, ...lines] = csv.trim().split('\n');
  const id = header.split(',').indexOf('id');
  const body = Array.from({ length: count }, (_, i) => {
    const cells = lines[i % lines.length].split(',');
    cells[id] = `row-${String(i).padStart(7, '0')}`;
    return cells.join(',');
  });
  return `${[header, ...body].join('\n')}\n`;
}
