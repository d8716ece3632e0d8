// Makes the two real data sets ready for brain_mri.yaml and lidc.yaml:
//   node prepare.mjs DATA OUT    DATA holds brain-mri/ and lidc-nodules/, each with a manifest.csv
// Brain MRI: 128 × 128 px, folds 1–3 pool, 200 of fold 4 validation (in proportion to the classes), fold 5 test.
// LIDC nodules: as they are; patients are divided by the configuration.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import sharp from 'sharp';

const [data, out] = process.argv.slice(2).map((path) => resolve(path));
const side = 128;

function manifest(set) {
  const [header, ...rows] = readFileSync(`${data}/${set}/manifest.csv`, 'utf8').trim().split('\n');
  const names = header.split(',');
  return rows.map((row) => Object.fromEntries(row.split(',').map((value, i) => [names[i], value])));
}

function write(set, columns, rows) {
  mkdirSync(`${out}/${set}`, { recursive: true });
  const lines = rows.map((row) => columns.map((name) => row[name]).join());
  writeFileSync(`${out}/${set}/manifest.csv`, `${[columns.join(), ...lines].join('\n')}\n`);
  console.log(`${set}: ${rows.length} samples`);
}

async function brain() {
  const rows = manifest('brain-mri');
  for (const folder of ['images', 'masks']) mkdirSync(`${out}/brain/${folder}`, { recursive: true });
  for (const { id, path, mask } of rows) {
    const fit = { fit: 'fill' };
    await sharp(`${data}/brain-mri/${path}`)
      .greyscale()
      .resize(side, side, { kernel: 'lanczos3', ...fit })
      .toFile(`${out}/brain/images/${id}.png`);
    await sharp(`${data}/brain-mri/${mask}`)
      .resize(side, side, { kernel: 'nearest', ...fit })
      .toFile(`${out}/brain/masks/${id}.png`);
  }
  const validation = validationOf(rows.filter(({ fold }) => fold === '4'));
  const splitOf = ({ id, fold }) =>
    '123'.includes(fold) ? 'pool' : fold === '5' ? 'test' : validation.has(id) ? 'val' : '';
  const own = rows.map((row) => ({
    ...{ id: row.id, path: `images/${row.id}.png`, label: row.label, mask: `masks/${row.id}.png` },
    split: splitOf(row),
  }));
  write(
    'brain',
    ['id', 'path', 'label', 'mask', 'split'],
    own.filter(({ split }) => split),
  );
}

/** 200 in all, of each class its share, drawn by a fixed linear congruential sequence. */
function validationOf(rows) {
  let state = 12345;
  const draw = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
  const byLabel = groupBy(rows);
  const chosen = [...byLabel.values()].flatMap((own) =>
    own
      .map(({ id }) => ({ id, key: draw() }))
      .sort((a, b) => a.key - b.key)
      .slice(0, Math.round((200 * own.length) / rows.length)),
  );
  return new Set(chosen.map(({ id }) => id));
}

function groupBy(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(row.label, [...(groups.get(row.label) ?? []), row]);
  return groups;
}

function lidc() {
  const rows = manifest('lidc-nodules').map((row) => ({
    ...row,
    path: `${data}/lidc-nodules/${row.path}`,
    mask: `${data}/lidc-nodules/${row.mask}`,
  }));
  write('lidc', ['id', 'path', 'label', 'mask', 'patient'], rows);
}

await brain();
lidc();
