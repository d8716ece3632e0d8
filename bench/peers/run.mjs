/**
 * npm run bench:peers: against the Python packages, in an environment of its own (bench/peers/.venv).
 *   npm run bench:peers -- --only kernels      or end_to_end, explanations, forest, radiomics, training
 *   npm run bench:peers -- --only real_training --data FOLDER      whole trainings on images of yours, only when asked for
 */
import { parseArgs } from 'node:util';
import { benchEndToEnd } from './end_to_end.mjs';
import { preparePython } from './environment.mjs';
import { benchExplanations } from './explanations.mjs';
import { benchForest } from './forest.mjs';
import { benchKernels } from './kernels.mjs';
import { benchRadiomics } from './radiomics.mjs';
import { benchRealTraining } from './real_training.mjs';
import { benchTraining } from './training.mjs';

const text = { type: 'string' };
const { only, data } = parseArgs({ options: { only: text, data: text } }).values;
preparePython();
if (!only || only === 'kernels') await benchKernels();
if (!only || only === 'end_to_end') await benchEndToEnd();
if (!only || only === 'explanations') await benchExplanations();
if (!only || only === 'radiomics') await benchRadiomics();
if (!only || only === 'forest') await benchForest();
if (!only || only === 'training') await benchTraining();
if (only === 'real_training') await benchRealTraining({ data });
process.exit(0);
