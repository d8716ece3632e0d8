import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { writePhantoms } from '../../data/phantom.js';
import { openPool } from '../../data/pool.js';
import { trainPhantomClassifier } from '../../engine/phantom_model.js';
import { integer } from '../numbers.js';
import { Terminal } from '../terminal.js';
import { runScore } from './score.js';

/** Labelled phantoms that the demo's classifier starts from: few, as in a real project's first round. */
const labelledCount = 160;

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('the main job on synthetic phantoms: make a set, fit a classifier, rank the pool, draw heatmaps')
    .option('--out <folder>', 'where everything goes', 'sightline-demo')
    .option('--count <n>', 'images in the pool', integer(1), 400)
    .option('--seed <n>', 'seed', integer(0), 0)
    .action(async ({ out, count, seed }: { out: string; count: number; seed: number }) => {
      const terminal = new Terminal(program.opts().quiet === true);
      terminal.print(`1  Phantoms: ${labelledCount} labelled to start from, ${count} for the pool`);
      // The two sets have different seeds, hence different patients.
      const labelled = await writePhantoms({
        out: join(out, 'labelled'),
        count: labelledCount,
        seed: seed + 1000,
        onProgress: terminal.progress,
      });
      const pool = await writePhantoms({ out: join(out, 'pool'), count, seed, onProgress: terminal.progress });

      const model = join(out, 'classifier.onnx');
      terminal.print(`2  Classifier fitted on the labelled phantoms: ${model}`);
      const { accuracy } = await trainPhantomClassifier(await openPool(labelled.manifest), model, terminal.progress);
      terminal.print(`   accuracy on them ${accuracy.toFixed(3)}`);

      terminal.print('3  Scoring the pool by XAL: uncertain, and looking past the lesion');
      const results = join(out, 'results');
      await rm(results, { recursive: true, force: true });
      // Explaining "lesion" whatever is predicted: the question is where the model suspects one.
      await runScore(
        { model, pool: pool.manifest, out: results, strategy: 'xal', class: 'lesion', top: 24, seed },
        terminal,
      );
    });
}
