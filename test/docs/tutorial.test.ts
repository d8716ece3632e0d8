import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { readClassifier } from '../../src/graph/classifier.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { renameValues } from '../../src/graph/rewriting.js';
import { prepareFineTuning } from '../../src/graph/training/fine_tuning.js';
import { sharedFolder } from '../support/files.js';
import { writeStudy, type StudyCase } from './dicom_study.js';
import { readBlocks, readTable, wordsOf, type Block } from './tutorial_blocks.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const blocks = readBlocks(readFileSync(join(root, 'docs/tutorial.md'), 'utf8'));

/** Laid over the tutorial's settings, so that a round takes a second. Its commands and all else run as they are written. */
const smaller: Record<string, object> = {
  'study.yaml': {
    training: { epochs: 1, batch: 8, augmentation: 'none', batch_norm: 'eval' },
    segmentation: { width: 0.0625, epochs: 1, augmentation: 'none' },
    compute: { workers: 1 },
  },
  'comparison.yaml': {
    model: { arch: 'small-cnn', size: 16, channels: 1 },
    training: { epochs: 1, batch: 16, augmentation: 'none' },
    split: { by: 'patient', shares: [0.7, 0.1, 0.2] },
    strategies: ['random', 'xal'],
    seeds: [0, 1],
    stop: { labels: 30 },
    compute: { workers: 1 },
  },
};

/** Commands that a test has no use for: installing, and what asks every device of the machine (test/cli/commands.test.ts). */
const skipped = [/^pip install /m, /^python /m, /^npm install /m, /^sightline doctor$/m, /^sightline import /m];

/** For one block on a machine that is busy, in milliseconds. */
const patience = 120_000;

let folder: string;
let cases: StudyCase[];
let printed = '';

beforeAll(async () => {
  folder = await sharedFolder();
  cases = await writeStudy(folder, 64);
  // A real PyTorch export of five classes and random weights, with a head of two in their place.
  const exported = readClassifier(join(root, 'test/golden/gradients/vgg_torchscript11.onnx'));
  const graph = renameValues(prepareFineTuning(exported, { classes: 2 }), new Map([['logits', 'scores']]));
  writeFileSync(join(folder, 'classifier.onnx'), exportOnnx(graph));
  mkdirSync(join(folder, '.bin'));
  const command = join(folder, '.bin', 'sightline');
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'dist/cli/main.js')}" "$@"\n`);
  chmodSync(command, 0o755);
});

describe('the tutorial', () => {
  for (const block of blocks) {
    const [first] = block.text.split('\n');
    const name = `line ${block.line}: ${block.title ?? first}`;
    if (block.language === 'python' || (block.language === 'sh' && skipped.some((command) => command.test(block.text))))
      it.skip(name, () => {});
    else it(name, () => follow(block), patience);
  }

  it('leaves what it promises', () => {
    for (const file of [
      'first/contact_sheet.png',
      'first/scores.csv',
      'runs/study/report.html',
      'runs/comparison/report.html',
    ])
      expect(existsSync(join(folder, file)), file).toBe(true);
    expect(readFileSync(join(folder, 'first/quarantine.csv'), 'utf8')).toMatch(/IM0046.*E_IMAGE_CORRUPT/);
    const models = readdirSync(join(folder, 'runs/study/xal/seed-0/rounds'));
    expect(models).toEqual(['00', '01', '02']);
  });

  it('has every section of its reports in docs/report.md', () => {
    const described = readFileSync(join(root, 'docs/report.md'), 'utf8');
    const titles = ['study', 'comparison'].flatMap((name) =>
      Array.from(readFileSync(join(folder, 'runs', name, 'report.html'), 'utf8').matchAll(/<h3 [^>]*>([^<]+)/g)),
    );
    expect(titles.length).toBeGreaterThan(8);
    for (const [, title] of titles) expect(described).toContain(`| ${title} |`);
  });

  it('keeps names and identifiers of the DICOM headers to itself', () => {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes(join(folder, 'dicom')))
      .map((entry) => join(entry.parentPath, entry.name));
    expect(files.length).toBeGreaterThan(50);
    for (const file of files) expect(/Secret\^Name|SECRET-ID/.test(readFileSync(file, 'latin1')), file).toBe(false);
  });
});

/** Does what the reader would do. */
async function follow(block: Block): Promise<void> {
  const { language, title, text } = block;
  if (language === 'sh') await run(block);
  else if (language === 'text') compare(text);
  else if (title === 'manifest.csv') writeManifest(text);
  else if (title?.includes('answers/')) answer(title, text);
  else if (title) writeFileSync(join(folder, title), settled(title, text));
  else throw new Error(`a block of ${language} without a title`);
}

async function run({ text, exit }: Block): Promise<void> {
  const env = { ...process.env, PATH: `${join(folder, '.bin')}${delimiter}${process.env.PATH}` };
  const child = spawn('bash', ['-euo', 'pipefail', '-c', text], { cwd: folder, env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  printed = output.replaceAll(folder, '');
  expect(status, printed).toBe(exit);
}

/** What the text says that one sees is what was printed, numbers aside. */
function compare(text: string): void {
  const lines = new Set(printed.split('\n').map(wordsOf));
  for (const line of text.split('\n')) {
    if (line.trim() !== '' && line.trim() !== '…') expect(lines, `${line}\nin\n${printed}`).toContain(wordsOf(line));
  }
}

/** The rows that the text shows are rows of the whole manifest, which knows labels and boxes of validation and test alone. */
function writeManifest(excerpt: string): void {
  const rows = cases.map(({ path, label, boxes, patient, split }) =>
    [idOf(path), path, ...(split === 'pool' ? ['', ''] : [label, boxes]), patient, split].join(','),
  );
  const manifest = ['id,path,label,boxes,patient,split', ...rows];
  for (const line of excerpt.trim().split('\n')) if (line !== '…') expect(manifest).toContain(line);
  writeFileSync(join(folder, 'manifest.csv'), manifest.join('\n') + '\n');
}

/** Answers all queries of a round by the truth, in the columns of the text, whose rows are true as well. */
function answer(title: string, excerpt: string): void {
  const file = join(folder, title);
  expect(existsSync(dirname(file))).toBe(true);
  const [header] = excerpt.split('\n');
  expect(header).toBe('id,label,boxes,skip');
  const truth = new Map(
    cases.map(({ path, label, boxes }) => [
      idOf(path),
      `${idOf(path)},${truncatedCase(path) ? ',,yes' : `${label},${boxes},`}`,
    ]),
  );
  for (const line of excerpt.trim().split('\n').slice(1)) if (line !== '…') expect([...truth.values()]).toContain(line);
  const queries = readTable(readFileSync(file.replace('/answers/', '/queries/'), 'utf8'));
  expect(queries.length).toBeGreaterThan(0);
  const rows = queries.map(({ id }) => truth.get(id));
  writeFileSync(file, [header, ...rows].join('\n') + '\n');
}

/** A file's name without its extension. */
const idOf = (path: string): string => basename(path, '.dcm');

/** Its picture cannot be seen: an expert skips it. */
const truncatedCase = (path: string): boolean => idOf(path) === 'IM0046';

function settled(title: string, text: string): string {
  if (!(title in smaller)) return text;
  return stringify({ ...(parse(text) as object), ...smaller[title] });
}
