import { Option, type Command } from 'commander';
import { radiomics, type RadiomicsOptions, type RadiomicsSummary } from '../../engine/radiomics.js';
import { integer, maskLabel, nameList, positiveNumber } from '../numbers.js';
import { formatDuration, Terminal } from '../terminal.js';

/** Flags whose names are those of `RadiomicsOptions`, and the settings that have flags of their own. */
interface Flags extends Omit<RadiomicsOptions, 'images' | 'settings'> {
  out: string;
  label?: number | 'any';
  binWidth?: number;
  binCount?: number;
}

export function addRadiomics(program: Command): void {
  program
    .command('radiomics')
    .description('radiomic features of images inside their masks, as pyradiomics names and defines them')
    .argument('<images>', 'folder, glob (quoted), manifest .csv, .jsonl, .parquet, or one image')
    .option(
      '--mask <what>',
      'mask file for all images, folder of masks, or "full" (the whole image); default: the column mask of the manifest',
    )
    .option('--params <yaml>', 'pyradiomics parameter file: setting, featureClass')
    .option('--classes <names>', 'firstorder,glcm,shape2D (default firstorder,glcm, or as --params says)', nameList)
    .option('--features <names>', 'single features, such as glcm_Idn,firstorder_Entropy', nameList)
    .option('--label <n>', 'the mask\'s value that is the region, or "any" (default 1)', maskLabel)
    .addOption(
      new Option('--bin-width <w>', 'width of a grey level (default 25)')
        .argParser(positiveNumber)
        .conflicts('binCount'),
    )
    .option('--bin-count <n>', 'a fixed number of grey levels instead', integer(1))
    .option('--slices', 'a row for each slice of a NIfTI volume instead of one for the volume')
    .option('--axis <n>', 'with --slices: the slice axis of NIfTI volumes (default 2)', integer(0, 2))
    .addOption(
      new Option('--backend <name>', 'where kernels run (default auto: C++ beside the decoding)').choices([
        'auto',
        'webgpu',
        'native',
        'reference',
      ]),
    )
    .option('--workers <n>', 'threads that decode and compute (default: the number of cores)', integer(1, 512))
    .option('--out <file>', '.parquet or .csv', 'features.parquet')
    .action(async (images: string, { label, binWidth, binCount, ...flags }: Flags) => {
      const terminal = new Terminal(program.opts().quiet === true);
      const settings = {
        ...(label !== undefined && { label }),
        ...(binWidth !== undefined && { binWidth, binCount: null }),
        ...(binCount !== undefined && { binCount }),
      };
      const { progress: onProgress, notice } = terminal;
      const onNotice = (message: string) => {
        terminal.endProgress();
        notice(message);
      };
      const summary = await radiomics({ ...flags, images, settings, onProgress, onNotice });
      terminal.print();
      for (const line of summaryLines(summary)) terminal.print(line);
    });
}

const shownProblems = 5;

function summaryLines({ table, cases, names, quarantined, seconds, ...summary }: RadiomicsSummary): string[] {
  const { files, backend, casesPerSecond } = summary;
  return [
    `${table.rows} of ${cases} images, ${names.length} features each${quarantined.length ? `, ${quarantined.length} quarantined` : ''}` +
      ` in ${formatDuration(seconds)}, ${casesPerSecond.toFixed(1)} images/s (kernels on ${backend?.name})`,
    ...quarantined
      .slice(0, shownProblems)
      .map(({ id, error: { what, code, remedy } }) => `  ! ${id}: ${what}.${remedy ? ` ${remedy}` : ''} [${code}]`),
    ...(quarantined.length > shownProblems
      ? [`  … and ${quarantined.length - shownProblems} more in ${files?.quarantine}`]
      : []),
    `  features        ${files?.table}`,
    `  settings        ${files?.settings}`,
    ...(files?.quarantine ? [`  quarantine      ${files.quarantine}`] : []),
  ];
}
