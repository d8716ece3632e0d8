import type { Command } from 'commander';
import { writePhantoms } from '../../data/phantom.js';
import { integer } from '../numbers.js';
import { Terminal } from '../terminal.js';

export function addPhantoms(program: Command): void {
  program
    .command('phantoms')
    .description('write a synthetic X-ray-like set with known lesions: images, masks, manifest.csv')
    .option('--out <folder>', 'where it goes', 'phantoms')
    .option('--count <n>', 'number of images', integer(1), 400)
    .option('--image-size <n>', 'side in pixels', integer(32, 4096), 256)
    .option('--seed <n>', 'seed', integer(0), 0)
    .action(async (flags: { out: string; count: number; imageSize: number; seed: number }) => {
      const terminal = new Terminal(program.opts().quiet === true);
      const { manifest } = await writePhantoms({ ...flags, size: flags.imageSize, onProgress: terminal.progress });
      terminal.print(`${flags.count} images: ${manifest}`);
    });
}
