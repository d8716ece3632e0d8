import type { Command } from 'commander';
import { writeReport } from '../../report/run_report.js';
import { Terminal } from '../terminal.js';

interface ReportFlags {
  out?: string;
  title?: string;
  images: boolean;
}

export function addReport(program: Command): void {
  program
    .command('report')
    .description(
      'runs of active learning as one HTML page: curves, tests, what was chosen, time; figures as SVG, PNG, CSV',
    )
    .argument('<runs...>', 'YAML files, or the folders that their runs are in: a chapter each')
    .option('--out <folder>', "where report.html and figures/ go (default: the first one's result folder)")
    .option('--title <text>', 'heading of the page')
    .option('--no-images', 'without images of the data: for places where these may not go')
    .action(async (runs: string[], flags: ReportFlags) => {
      const terminal = new Terminal(program.opts().quiet === true);
      const { file, bytes, figures } = await writeReport({
        ...{ runs, ...flags },
        ...{ onNotice: terminal.notice, onProgress: terminal.progress },
      });
      terminal.print();
      terminal.print(`  report        ${file} (${formatSize(bytes)})`);
      terminal.print(`  figures       ${figures.length}, as SVG, PNG and CSV beside it`);
    });
}

const formatSize = (bytes: number): string =>
  bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
