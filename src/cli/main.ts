#!/usr/bin/env node
import { Command } from 'commander';
import { addDemo } from './commands/demo.js';
import { addDoctor } from './commands/doctor.js';
import { addExperiment } from './commands/experiment.js';
import { addExplain } from './commands/explain.js';
import { addImport } from './commands/import.js';
import { addInspect } from './commands/inspect.js';
import { addPhantoms } from './commands/phantoms.js';
import { addRadiomics } from './commands/radiomics.js';
import { addReport } from './commands/report.js';
import { addRun } from './commands/run.js';
import { addScore } from './commands/score.js';
import { addSelectFeatures } from './commands/select_features.js';
import { addEvaluate } from './commands/evaluate.js';
import { addStatus } from './commands/status.js';
import { addTrain } from './commands/train.js';
import { fail } from './terminal.js';
import { version } from '../core/version.js';

// A reader that closes the pipe early (| head) has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const program = new Command('sightline')
  .description('Explanation-guided active learning for medical images: what to label next, by where the model looks.')
  .version(version)
  .option('--debug', 'print stack traces')
  .option('--quiet', 'print errors only')
  .showHelpAfterError('(run with --help for the options)');

const commands = [
  addScore,
  addExplain,
  addInspect,
  addRadiomics,
  addSelectFeatures,
  addDoctor,
  addDemo,
  addPhantoms,
  addImport,
  addTrain,
  addEvaluate,
  addRun,
  addReport,
  addStatus,
  addExperiment,
];
for (const add of commands) add(program);

try {
  await program.parseAsync();
} catch (error) {
  fail(error, program.opts().debug === true);
}
