/**
 * Whole trainings against PyTorch on real images: the losses of the first 200 steps, a classifier's AUC and a U-Net's Dice,
 * both sides from the same weights, on the same batches, with the same settings (real_data.mjs).
 *   node bench/peers/real_training.mjs --data FOLDER [--jobs losses,classifier,segmentation] [--seeds 0,1,2]
 *     [--epochs 6] [--steps 200] [--width 1] [--threads N] [--float64]
 * FOLDER has a manifest.csv with path, label, mask and fold (1 to 3: training, 4: validation, 5: test). What was measured
 * before stays in bench/results/real_training unless it is measured again.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { openCpuBackend } from '../../dist/backend/index.js';
import { tensor } from '../../dist/core/tensor.js';
import { evaluateClassifier } from '../../dist/metrics/evaluate_classifier.js';
import { buildModel } from '../../dist/models/index.js';
import { learningCurves } from '../../dist/report/figures/learning_curves.js';
import { figurePng } from '../../dist/report/figures/write_figure.js';
import { openTrainingStep } from '../../dist/index.js';
import { maskAgreement, parts, rowsOf } from '../../dist/training/validation.js';
import { row, writeRows } from '../results.mjs';
import { openPeer, preparePython } from './environment.mjs';
import { readF32, readInput, writeCsv, writeInput, writeWeights } from './real_data.mjs';

const results = fileURLToPath(new URL('../results/real_training/', import.meta.url));
const scoresFile = `${results}scores.csv`;
const size = 64;
const batch = 16;

const classifier = { network: 'densenet121', loss: 'cross-entropy', targets: { kind: 'classes' } };
const segmenter = { network: 'unet', loss: 'dice-cross-entropy', targets: { kind: 'mask', channels: 'inside' } };
const augmentation = { preset: 'none', flipHorizontal: 0.5, translation: 4 };

/** Trainings to the end, with one cycle of the learning rate. */
const trainings = {
  classifier: {
    ...{ ...classifier, rate: 1e-3, augmentation },
    ...{ unit: 'AUC', measure: macroAuc },
  },
  segmentation: {
    ...{ ...segmenter, rate: 1e-3, augmentation },
    ...{ unit: 'Dice', measure: meanDice },
  },
};

const defaults = {
  jobs: ['losses', ...Object.keys(trainings)],
  seeds: [0, 1, 2],
  ...{ epochs: 6, steps: 200, width: 1, threads: availableParallelism(), float64: false },
};

/** @param options see above; `width` multiplies the widths of the networks' layers */
export async function benchRealTraining({ data, ...given }) {
  if (!data) throw new Error('--data names the folder of the images; its manifest.csv has path, label, mask and fold');
  const { jobs, seeds, epochs, steps, float64, ...common } = { ...defaults, ...given };
  mkdirSync(results, { recursive: true });
  for (const seed of seeds) {
    for (const job of jobs) {
      const settings = { ...common, ...trainings[job], seed, data, epochs };
      if (job !== 'losses') await compareScores(settings);
      else if (seed === seeds[0]) {
        for (const network of [classifier, segmenter]) await compareLosses({ ...settings, ...network, steps, float64 });
      }
    }
  }
}

/**
 * Without augmentation, at one learning rate. With `float64` PyTorch trains in float64, too: how far its own rounding
 * takes a training from the exact one.
 */
async function compareLosses(settings) {
  const job = { ...settings, epochs: Math.ceil(settings.steps / 50), rate: 1e-4, augmentation: 'none' };
  const { ours, theirs, versions, exact } = await bothSides(job);
  const apart = (a, b) => {
    const each = a.losses.map((loss, i) => Math.abs(loss - b.losses[i]) / b.losses[i]);
    const percent = (value) => `${(100 * value).toPrecision(2)} %`;
    const mean = each.reduce((sum, value) => sum + value, 0) / each.length;
    const first = each.slice(0, 20).reduce((most, value) => Math.max(most, value), 0);
    return `largest ${percent(Math.max(...each))}, mean ${percent(mean)}, largest of the first 20 steps ${percent(first)}`;
  };
  const control = exact
    ? `; from PyTorch's in float64: ours ${apart(ours, exact)}, PyTorch's own ${apart(theirs, exact)}`
    : '';
  const detail = `relative difference of a step's loss from PyTorch's: ${apart(ours, theirs)}${control}`;
  const { network, width, steps, threads } = job;
  const name = `losses_${network}_width${width}`;
  const lines = ours.losses.map((loss, i) => [i + 1, loss, theirs.losses[i], ...(exact ? [exact.losses[i]] : [])]);
  writeCsv(`${results}${name}.csv`, ['step', 'sightline', 'pytorch', ...(exact ? ['pytorch_float64'] : [])], lines);
  await drawLosses(name, ours, theirs);
  const last = ({ losses }) => losses.slice(-50).reduce((sum, loss) => sum + loss, 0) / Math.min(50, steps);
  const bench = `mean training loss of the last 50 of ${steps} steps, ${network} × ${width}, Adam 1e-4`;
  keep([
    row({ bench, peer: 'PyTorch', ours: last(ours), theirs: last(theirs), unit: 'loss', threads, versions, detail }),
  ]);
}

async function drawLosses(name, ours, theirs) {
  const curve = (label, values) => ({ name: label, points: values.map((y, i) => ({ x: i + 1, y })) });
  const apart = ours.losses.map((loss, i) => (100 * (loss - theirs.losses[i])) / theirs.losses[i]);
  const panels = [
    { title: 'loss', curves: [curve('PyTorch', theirs.losses), curve('Sightline', ours.losses)] },
    { title: 'Sightline less PyTorch, % of the loss', curves: [curve('difference', apart)] },
  ];
  const figures = panels.map(({ title, curves }) =>
    learningCurves({ name, title, caption: '', xLabel: 'batches', yLabel: title, curves }),
  );
  writeFileSync(`${results}${name}.png`, await figurePng(...figures));
}

/** A training to the end on both sides; last weights, validation and test fold. */
async function compareScores(job) {
  const { network, width, epochs, seed, unit, measure, threads } = job;
  const training = `${network} × ${width} at ${size} × ${size} from scratch; ${epochs} epochs`;
  const { ours, theirs, versions, truth } = await bothSides(job);
  const stored = readScores().filter((line) => line.training !== training || line.seed !== `${seed}`);
  for (const part of ['validation', 'test']) {
    const [mine, others] = [ours, theirs].map(({ logits }) => measure(logits[part], truth[part]));
    stored.push({ training, part, seed: `${seed}`, ours: mine.toFixed(4), theirs: others.toFixed(4) });
    console.log(`${training}, seed ${seed}, ${part}: ${unit} ${mine.toFixed(4)}, PyTorch ${others.toFixed(4)}`);
  }
  const order = (line) => [line.training, line.part, line.seed].join();
  stored.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  writeCsv(
    scoresFile,
    scoreFields,
    stored.map((line) => scoreFields.map((field) => line[field])),
  );
  const rowOf = (part) => {
    const lines = stored.filter((line) => line.training === training && line.part === part);
    const mean = (side) => lines.reduce((sum, line) => sum + Number(line[side]), 0) / lines.length;
    const detail = `ours / PyTorch by seed: ${lines.map((line) => `${line.ours} / ${line.theirs}`).join(', ')}`;
    const bench = `${unit}, ${part} fold, ${training}, mean over seeds`;
    return row({ bench, peer: 'PyTorch', ours: mean('ours'), theirs: mean('theirs'), unit, threads, versions, detail });
  };
  keep(['validation', 'test'].map(rowOf));
}

const scoreFields = ['training', 'part', 'seed', 'ours', 'theirs'];

function readScores() {
  if (!existsSync(scoresFile)) return [];
  const [, ...lines] = readFileSync(scoresFile, 'utf8').trim().split('\n');
  return lines.map((line) => Object.fromEntries(line.split(',').map((value, i) => [scoreFields[i], value])));
}

/** Rows of real_training.json: these in place of those that measured the same. */
function keep(rows) {
  const file = new URL('../results/real_training.json', import.meta.url);
  const fresh = new Set(rows.map(({ bench }) => bench));
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
  writeRows('real_training', [...before.filter((one) => !fresh.has(one.bench)), ...rows]);
}

/** The same training by both, one after the other; the targets of the parts that were scored. */
async function bothSides(job) {
  const { network, width, seed, steps, data, epochs, targets, augmentation: given, rate, float64 } = job;
  const folder = mkdtempSync(join(tmpdir(), 'real_training-'));
  try {
    const manifest = join(data, 'manifest.csv');
    const input = await writeInput({ manifest, folder, size, targets, augmentation: given, batch, epochs, seed });
    const classes = input.test.dims.targets[0];
    const model = buildModel(network, { channels: 1, size, classes, seed, widthMultiplier: width });
    // Batches of each epoch: all, or as many as there are steps.
    let left = steps ?? Infinity;
    const plan = input.epochs.map(({ count }) => {
      const taken = Math.min(count / batch, left);
      left -= taken;
      return taken;
    });
    const total = plan.reduce((sum, count) => sum + count, 0);
    const schedule = steps ? { rate } : { rate, steps: total };
    const shared = { input, plan, schedule, folder, classes, scored: steps ? [] : ['validation', 'test'] };
    const ours = await trainHere(model, job, shared);
    const { versions, ...theirs } = await trainThere(model, job, shared);
    const exact = float64 ? await trainThere(model, { ...job, double: true }, shared) : undefined;
    const truth = Object.fromEntries(shared.scored.map((part) => [part, readInput(input[part]).targets]));
    return { ours, theirs, versions, exact, truth };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function trainHere(model, { loss: kind, seed, threads }, { input, plan, schedule, scored }) {
  const learningRate = schedule.steps ? { kind: 'one-cycle', ...schedule } : schedule.rate;
  const optimiser = { rule: 'adam', learningRate };
  const step = await openTrainingStep(model, { batch, loss: { kind }, optimiser, threads, seed });
  const backend = openCpuBackend({ threads });
  const losses = [];
  for (const [epoch, steps] of plan.entries()) {
    const { images, targets } = readInput(input.epochs[epoch]);
    for (let i = 0; i < steps; i++) {
      const [from, to] = [i * batch, (i + 1) * batch];
      const given = { images: rowsOf(images, from, to), targets: rowsOf(targets, from, to) };
      const { loss } = await step.accumulate(given, losses.length);
      await step.apply(backend);
      losses.push(loss);
    }
  }
  const logits = {};
  for (const part of scored) logits[part] = await predict(step, readInput(input[part]));
  backend.close();
  await step.close();
  return { losses, logits };
}

async function predict(step, { images, targets }) {
  const logits = tensor('f32', [...targets.dims], new Float32Array(targets.data.length));
  let at = 0;
  for (const [some] of parts(images, targets, batch)) {
    const { data } = await step.predict(some);
    logits.data.set(data, at);
    at += data.length;
  }
  return logits;
}

async function trainThere(model, { network, width, loss, threads, double = false }, shared) {
  const { input, plan, schedule, folder, scored, classes } = shared;
  const weights = join(folder, 'weights.f32');
  const index = writeWeights(weights, model.initializers);
  const peer = openPeer('real_training.py', threads);
  const job = { network, width, classes, loss, batch, schedule, weights, index, threads, double };
  const { versions } = await peer.ask({ do: 'prepare', ...job });
  const losses = [];
  for (const [epoch, steps] of plan.entries()) {
    losses.push(...(await peer.ask({ do: 'epoch', ...input.epochs[epoch], steps })).losses);
  }
  const logits = {};
  for (const part of scored) {
    const save = join(folder, `${part}.logits.f32`);
    const { dims } = await peer.ask({ do: 'predict', ...input[part], save });
    logits[part] = readF32(save, dims);
  }
  peer.close();
  return { losses, logits, versions };
}

/** Mean over the classes of the AUC against the rest, from logits and one-hot targets f32[N,K]. */
function macroAuc(logits, targets) {
  const [count, classes] = logits.dims;
  const rows = Array.from({ length: count }, (_, i) => i * classes);
  const labels = rows.map((from) => targets.data.subarray(from, from + classes).indexOf(1));
  const probabilities = rows.flatMap((from) => {
    const scores = logits.data.subarray(from, from + classes);
    const shares = Array.from(scores, (score) => Math.exp(score - Math.max(...scores)));
    const sum = shares.reduce((a, b) => a + b, 0);
    return shares.map((share) => share / sum);
  });
  return evaluateClassifier(probabilities, labels, { classes, task: 'single-label' }).auc;
}

function meanDice(logits, targets) {
  const each = maskAgreement(logits, targets);
  return each.reduce((sum, { dice }) => sum + dice, 0) / each.length;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const text = Object.fromEntries(
    ['data', 'jobs', 'seeds', 'epochs', 'steps', 'width', 'threads'].map((name) => [name, { type: 'string' }]),
  );
  const { data, jobs, seeds, float64, ...numbers } = parseArgs({
    options: { ...text, float64: { type: 'boolean' } },
  }).values;
  preparePython();
  await benchRealTraining({
    data,
    ...(jobs && { jobs: jobs.split(',') }),
    ...(seeds && { seeds: seeds.split(',').map(Number) }),
    ...(float64 && { float64 }),
    ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)])),
  });
  process.exit(0);
}
