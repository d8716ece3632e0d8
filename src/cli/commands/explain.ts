import { resolve } from 'node:path';
import type { Command } from 'commander';
import { SightlineError } from '../../core/errors.js';
import { writeFileAtomic } from '../../core/files.js';
import { openPool } from '../../data/pool.js';
import { explainSamples } from '../../engine/explain.js';
import { openModel } from '../../engine/model.js';
import { renderOverlay } from '../../report/overlay.js';
import { describeCriteria, describeSaliency, subjectOf } from '../../report/subject.js';
import { addModelFlags, type ModelFlags } from '../model_flags.js';
import { integer } from '../numbers.js';
import { Terminal } from '../terminal.js';

export function addExplain(program: Command): void {
  const command = program
    .command('explain')
    .description('write one overlay: where the model looks in an image')
    .argument('<image>', 'image, DICOM or NIfTI file')
    .option('--slice <n>', 'slice or frame of a volume, from 0 (default: the middle one)', integer(0))
    .option('--mask <file>', 'region of interest to outline and compare with')
    .option('--out <png>', 'file to write', 'explanation.png');
  addModelFlags(command).action(
    async (image: string, flags: ModelFlags & { slice?: number; mask?: string; out: string }) => {
      const terminal = new Terminal(program.opts().quiet === true);
      const model = await openModel({ ...flags, onNotice: terminal.notice });
      const slices = await openPool(image, { axis: flags.axis });
      const slice = slices[flags.slice ?? Math.floor(slices.length / 2)];
      if (!slice) {
        throw new SightlineError('E_ARGUMENT', {
          where: 'slice',
          what: `the file has ${slices.length} slices, 0 to ${slices.length - 1}`,
        });
      }
      const sample = { ...slice, mask: flags.mask && resolve(flags.mask) };
      for await (const explained of explainSamples(model, [sample])) {
        if ('problem' in explained) throw SightlineError.fromData(explained.problem.error);
        const { row, map } = explained;
        const subject = await subjectOf(sample, map, model.preprocessing);
        const prediction = `predicted ${model.labels[row.predicted]} ${row.confidence.toFixed(3)}`;
        const numbers = describeCriteria(row.criteria);
        const flat = row.flat ? ['The map is constant: no positive evidence for this class at this layer.'] : [];
        const png = await renderOverlay({
          ...subject,
          caption: {
            title: sample.id,
            lines: [prediction, numbers, describeSaliency(model, sample, row.predicted), ...flat],
          },
        });
        await writeFileAtomic(flags.out, png);
        terminal.print([prediction, numbers, ...flat, flags.out].join('\n'));
      }
    },
  );
}
