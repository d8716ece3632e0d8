import { resolve } from 'node:path';
import type { Command } from 'commander';
import { SightlineError } from '../../core/errors.js';
import { writeFileAtomic } from '../../core/files.js';
import { openPool } from '../../data/pool.js';
import type { Sample } from '../../data/types.js';
import { explainSamples } from '../../engine/explain.js';
import { inspectModel } from '../../engine/inspect.js';
import { openModel, type OpenModel } from '../../engine/model.js';
import { defaultExplanation, explanations } from '../../explain/index.js';
import { renderContactSheet, type ContactTile } from '../../report/contact_sheet.js';
import { renderOverlay } from '../../report/overlay.js';
import { describeCriteria, describeSaliency, explainedClass, subjectOf } from '../../report/subject.js';
import { addModelFlags, type ModelFlags } from '../model_flags.js';
import { integer } from '../numbers.js';
import { Terminal } from '../terminal.js';

type Flags = ModelFlags & { method?: string[]; slice?: number; mask?: string; out: string };

export function addExplain(program: Command): void {
  const command = program
    .command('explain')
    .description('write one overlay: where the model looks in an image')
    .addHelpText(
      'after',
      `\nMethods:\n${[...explanations.values()].map((e) => `  ${e.name.padEnd(28)}${e.summary}`).join('\n')}`,
    )
    .argument('<image>', 'image, DICOM or NIfTI file')
    .option(
      '--method <names>',
      'explanation; several, separated by commas, or "all", make a sheet to compare (default grad-cam)',
      (text) => text.split(',').map((name) => name.trim()),
    )
    .option('--slice <n>', 'slice or frame of a volume, from 0 (default: the middle one)', integer(0))
    .option('--mask <file>', 'region of interest to outline and compare with')
    .option('--out <png>', 'file to write', 'explanation.png');
  addModelFlags(command).action(async (image: string, flags: Flags) => {
    const terminal = new Terminal(program.opts().quiet === true);
    const sample = await sampleOf(image, flags);
    const methods = flags.method ?? [flags.explain ?? defaultExplanation];
    if (methods.length === 1 && methods[0] !== 'all') {
      await writeOverlay(sample, { ...flags, explain: methods[0] }, terminal);
    } else await writeComparison(sample, methods, flags, terminal);
  });
}

async function sampleOf(image: string, flags: Flags): Promise<Sample> {
  const slices = await openPool(image, { axis: flags.axis });
  const slice = slices[flags.slice ?? Math.floor(slices.length / 2)];
  if (!slice) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'slice',
      what: `the file has ${slices.length} slices, 0 to ${slices.length - 1}`,
    });
  }
  return { ...slice, mask: flags.mask && resolve(flags.mask) };
}

/** One image's map with its prediction in words. @throws SightlineError what kept the image from being explained */
async function explainOne(model: OpenModel, sample: Sample) {
  for await (const explained of explainSamples(model, [sample])) {
    if ('problem' in explained) throw SightlineError.fromData(explained.problem.error);
    const { row, map } = explained;
    const prediction = `predicted ${model.labels[row.predicted]} ${row.confidence.toFixed(3)}`;
    return { row, map, prediction, subject: await subjectOf(sample, map, model.preprocessing) };
  }
  throw new SightlineError('E_INTERNAL', { where: sample.id, what: 'the image was not explained' });
}

async function writeOverlay(sample: Sample, flags: Flags, terminal: Terminal): Promise<void> {
  const model = await openModel({ ...flags, batch: flags.batch ?? 1, onNotice: terminal.notice });
  const { row, prediction, subject } = await explainOne(model, sample);
  const numbers = describeCriteria(row.criteria, row.roi);
  const flat = row.flat ? ['The map is constant: no positive evidence for this class at this layer.'] : [];
  const lines = [prediction, numbers, describeSaliency(model, sample, row.predicted), ...flat];
  await writeFileAtomic(flags.out, await renderOverlay({ ...subject, caption: { title: sample.id, lines } }));
  terminal.print([prediction, numbers, ...flat, flags.out].join('\n'));
}

/** A sheet with one tile per method. "all" takes those that the model supports. */
async function writeComparison(sample: Sample, asked: string[], flags: Flags, terminal: Terminal): Promise<void> {
  const methods = asked.includes('all') ? supported(flags, terminal) : asked;
  const tiles: ContactTile[] = [];
  let subtitle = '';
  for (const explain of methods) {
    const model = await openModel({ ...flags, explain, batch: flags.batch ?? 1 });
    const started = performance.now();
    const { row, prediction, subject } = await explainOne(model, sample);
    const numbers = describeCriteria({ ...row.criteria, entropy: NaN, margin: NaN }, row.roi);
    const seconds = (performance.now() - started) / 1000;
    subtitle = `${prediction} · maps of ${explainedClass(model, sample, row.predicted)}`;
    tiles.push({ ...subject, rank: tiles.length + 1, id: explain, detail: row.flat ? 'constant map' : numbers });
    terminal.print(
      `${explain.padEnd(28)} ${seconds.toFixed(1).padStart(6)} s   ${row.flat ? 'constant map' : numbers}`,
    );
  }
  const sheet = await renderContactSheet(tiles, {
    title: sample.id,
    subtitle,
    columns: Math.min(6, tiles.length),
  });
  await writeFileAtomic(flags.out, sheet);
  terminal.print(flags.out);
}

function supported(flags: Flags, terminal: Terminal): string[] {
  const all = inspectModel(flags).explanations;
  for (const { name, obstacle } of all) if (obstacle) terminal.notice(`${name}: ${obstacle.what}`);
  return all.flatMap(({ name, obstacle }) => (obstacle ? [] : [name]));
}
