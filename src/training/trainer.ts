import { SightlineError } from '../core/errors.js';
import { ProgressMeter } from '../core/progress.js';
import type { SourceBatch } from './batch_source.js';
import {
  diverged,
  memoryExhausted,
  nextSplit,
  noBatch,
  noteUndefined,
  recovered,
  recoveryNotice,
  Setback,
  splitNotice,
} from './setbacks.js';
import { writeHistoryCsv, type IterationRow, type PeriodRow } from './history.js';
import { RunFolder, type Checkpoint } from './run_folder.js';
import { accumulateBatch } from './micro_batches.js';
import {
  completePlan,
  expectBatch,
  imagesPerAnchor,
  type CompletePlan,
  type TrainerSettings,
} from './trainer_settings.js';
import { endPeriod, freshState, noteLoss, standing, type TrainingEnd } from './trainer_state.js';
import type { TrainingResult } from './training_result.js';
import type { TrainingStep } from './training_step.js';
import { validate } from './validation.js';

/**
 * Trains until epochs, iterations or patience end. Killed at any instant and called again with `resume`, it ends with the
 * same weights bit for bit. A batch whose loss is not finite is left out; too many in a row, and training goes back to the
 * last checkpoint with half the learning rate. Where memory runs short, batches are cut into smaller runs of the step.
 * @throws SightlineError E_TRAINING when training stays divergent; E_ARGUMENT, E_OUTPUT, E_RESUME_MISMATCH, E_MEMORY,
 *   E_DISK_FULL, and what sources and step throw. What was trained until then stays in `out`.
 */
export async function train(settings: TrainerSettings): Promise<TrainingResult> {
  const trainer = new Trainer(settings);
  try {
    return await trainer.run();
  } catch (error) {
    await trainer.close();
    throw error;
  }
}

class Trainer {
  readonly #settings: TrainerSettings;
  readonly #plan: CompletePlan;
  readonly #notice: (message: string) => void;
  #folder!: RunFolder;
  #state = freshState();
  #step: TrainingStep | undefined;
  #rows: IterationRow[] = [];
  #periodRows: PeriodRow[] = [];
  /** Of the window of batches that becomes one update. */
  #window = { batches: 0, added: 0, bad: 0 };
  #meter!: ProgressMeter;
  #smoothed = NaN;
  #saved = 0;
  #doneBefore = 0;

  constructor(settings: TrainerSettings) {
    this.#settings = settings;
    this.#plan = completePlan(settings, settings.validation !== undefined);
    this.#notice = settings.onNotice ?? (() => {});
    expectBatch(settings.training.batch, settings.leastBatch);
  }

  async run(): Promise<TrainingResult> {
    const { out, fingerprint, about = {}, resume, overwrite, training, onProgress } = this.#settings;
    const { folder, checkpoint } = await RunFolder.open(out, fingerprint, about, { resume, overwrite });
    this.#folder = folder;
    await this.#begin(checkpoint);
    this.#doneBefore = this.#state.done;
    this.#meter = new ProgressMeter('training', this.#total(), onProgress, this.#state.done * training.batch);
    this.#saved = performance.now();
    while (!this.#ended()) {
      try {
        await this.#epoch();
      } catch (error) {
        if (error instanceof Setback) await this.#recover();
        else if (error instanceof SightlineError && error.code === 'E_MEMORY') await this.#shrink(error);
        else throw error;
      }
    }
    return this.#result();
  }

  async close(): Promise<void> {
    await this.#step?.close().catch(() => {}); // what made the run fail is what to report
    this.#step = undefined;
  }

  async #begin(checkpoint: Checkpoint | null): Promise<void> {
    if (checkpoint) this.#state = checkpoint.state;
    await this.#open();
    if (checkpoint) this.#step!.restore(checkpoint.step);
    else await this.#folder.writeAnchor(this.#checkpoint());
    await this.#settings.history?.truncate(this.#state.done, this.#state.periods.length);
  }

  /** Opens the step, for smaller batches where the machine asks for it. */
  async #open(): Promise<void> {
    for (;;) {
      try {
        this.#step = await this.#settings.openStep(this.#settings.training.batch / this.#state.split);
        return;
      } catch (error) {
        if (!(error instanceof SightlineError) || error.code !== 'E_MEMORY') throw error;
        this.#split(error);
      }
    }
  }

  #split(error: SightlineError): void {
    const { training, leastBatch = 1 } = this.#settings;
    const split = nextSplit(training.batch, this.#state.split, leastBatch);
    if (split === null) throw memoryExhausted(error, training.batch / this.#state.split, leastBatch);
    this.#state.split = split;
    this.#notice(splitNotice(error, training.batch, split));
  }

  /** Once more from the last anchor, with smaller parts. */
  async #shrink(error: SightlineError): Promise<void> {
    await this.close();
    const anchor = (await this.#folder.anchor())!;
    const { split } = this.#state;
    this.#state = { ...anchor.state, split };
    this.#split(error);
    await this.#open();
    await this.#restart(anchor.step);
  }

  /** Back to the last anchor with half the learning rate. */
  async #recover(): Promise<void> {
    await this.#settings.history?.append(this.#rows.splice(0), []);
    if (this.#state.recoveries.length >= this.#plan.recoveries) throw diverged(this.#state, this.#plan);
    const anchor = (await this.#folder.anchor())!;
    this.#state = recovered(this.#state, anchor.state);
    this.#notice(recoveryNotice(this.#state, this.#plan));
    await this.#restart(anchor.step);
  }

  async #restart(step: Uint8Array): Promise<void> {
    this.#step!.restore(step);
    this.#rows = [];
    this.#periodRows = [];
    this.#window = { batches: 0, added: 0, bad: 0 };
    this.#smoothed = NaN;
    await this.#settings.history?.truncate(this.#state.done, this.#state.periods.length);
    await this.#folder.writeAnchor({ state: this.#state, step });
  }

  async #epoch(): Promise<void> {
    const state = this.#state;
    const { training } = this.#settings;
    const first = state.next;
    let started = performance.now();
    for await (const batch of training.epoch(state.epoch, { from: first })) {
      try {
        await this.#iterate(batch);
      } finally {
        batch.release();
      }
      state.next = batch.iteration + 1;
      state.done++;
      const full = this.#window.batches === this.#plan.accumulate || state.done === this.#plan.iterations;
      const closing = full ? await this.#update() : 'nothing';
      const now = performance.now();
      state.period.seconds += (now - started) / 1000;
      state.seconds += (now - started) / 1000;
      await this.#keep(closing);
      this.#meter.add(training.batch, standing(state, this.#plan.watch, this.#smoothed));
      if (this.#ended()) return;
      started = performance.now();
    }
    if (state.next === 0) throw noBatch(state.epoch, training.batch);
    if (this.#window.batches) await this.#update();
    state.epoch++;
    state.next = 0;
    await this.#closePeriod(state.epoch);
  }

  async #iterate(batch: SourceBatch): Promise<void> {
    const state = this.#state;
    const { loss, alignment, added } = await accumulateBatch(this.#step!, batch, state.split, state.done);
    const finite = Number.isFinite(loss);
    this.#window.batches++;
    this.#window.added += added;
    this.#window.bad += Number(!finite);
    noteLoss(state, loss, this.#settings.training.batch);
    if (finite) this.#smoothed = Number.isNaN(this.#smoothed) ? loss : 0.95 * this.#smoothed + 0.05 * loss;
    if ((state.done + 1) % this.#plan.logEvery === 0) {
      const learningRate = this.#step!.learningRate * state.rateFactor;
      this.#rows.push({ iteration: state.done + 1, epoch: state.epoch + 1, loss, alignment, learningRate });
    }
  }

  /** One update by the window; says what is due after it. */
  async #update(): Promise<'period' | 'anchor' | 'clock'> {
    const state = this.#state;
    const { batches, added, bad } = this.#window;
    this.#window = { batches: 0, added: 0, bad: 0 };
    const { rateFactor } = state;
    const report = added ? await this.#step!.apply(this.#settings.backend, { rateFactor }) : null;
    if (bad || !report?.applied) {
      if (++state.badInRow >= this.#plan.toleratedDivergence) throw new Setback();
    } else state.badInRow = 0;
    const passes = (every: number | undefined) =>
      every !== undefined && Math.floor(state.done / every) > Math.floor((state.done - batches) / every);
    if (passes(this.#plan.validateEvery) || state.done === this.#plan.iterations) return 'period';
    return passes(this.#plan.checkpointEvery) ? 'anchor' : 'clock';
  }

  async #keep(what: 'period' | 'anchor' | 'clock' | 'nothing'): Promise<void> {
    if (what === 'period') await this.#closePeriod(this.#state.epoch + 1);
    else if (what === 'anchor') await this.#save('anchor');
    else if (what === 'clock' && performance.now() - this.#saved >= this.#plan.checkpointSeconds * 1000) {
      await this.#save('latest');
    }
  }

  /** Validates, adds a row to the history and writes an anchor where one is due. @param epoch from 1 */
  async #closePeriod(epoch: number): Promise<void> {
    const state = this.#state;
    const rows: PeriodRow[] = [];
    if (state.period.images) {
      const { validation: source } = this.#settings;
      const validation = source ? await validate(this.#step!, source, this.#plan.task, this.#plan.loss) : null;
      const value = validation?.[this.#plan.watch] ?? null;
      if (validation && value === null) noteUndefined(this.#plan.watch, state.periods, this.#notice);
      const learningRate = this.#step!.learningRate * state.rateFactor;
      rows.push(endPeriod(state, this.#plan, { epoch, validation, learningRate }));
    }
    this.#periodRows.push(...rows);
    // A checkpoint costs as much as many batches of a small data set: not at the end of each of its epochs.
    const due = (state.done - state.anchored) * this.#settings.training.batch >= imagesPerAnchor;
    const best = rows.some((row) => row.best);
    if (best || due || this.#ended()) await this.#save('anchor', best);
    await writeHistoryCsv(this.#folder.path, state.periods);
  }

  /**
   * History first: rows after the checkpoint are forgotten by a resumed run, rows before it would be missing.
   * @param best the anchor holds the best model
   */
  async #save(what: 'anchor' | 'latest', best = false): Promise<void> {
    await this.#settings.history?.append(this.#rows.splice(0), this.#periodRows.splice(0));
    if (what === 'anchor') {
      this.#state.anchored = this.#state.done;
      await this.#folder.writeAnchor(this.#checkpoint(), best);
    } else await this.#folder.writeLatest(this.#checkpoint());
    this.#saved = performance.now();
  }

  #checkpoint(): Checkpoint {
    this.#state.quarantined = this.#settings.training.quarantined?.() ?? [];
    return { state: this.#state, step: this.#step!.serialise() };
  }

  #ended(): TrainingEnd | null {
    const { epoch, done, stale } = this.#state;
    const { epochs, iterations, earlyStopping } = this.#plan;
    if (this.#window.batches) return null;
    if (earlyStopping && stale >= earlyStopping.patience) return 'early-stopping';
    if (epochs !== undefined && epoch >= epochs) return 'epochs';
    return iterations !== undefined && done >= iterations ? 'iterations' : null;
  }

  /** Images of the whole run, if nothing ends it early. */
  #total(): number {
    const { epochs = Infinity, iterations = Infinity } = this.#plan;
    return Math.min(epochs * this.#settings.training.iterations, iterations) * this.#settings.training.batch;
  }

  async #result(): Promise<TrainingResult> {
    const { epoch, done, periods, best, skipped, recoveries, seconds, split } = this.#state;
    if (best) this.#step!.restore((await this.#folder.best())!.step);
    const { training } = this.#settings;
    return {
      ...{ ended: this.#ended()!, watch: this.#plan.watch },
      ...{ epochs: epoch, iterations: done, iterationsNow: done - this.#doneBefore },
      ...{ periods, best, skipped, recoveries, seconds },
      microBatch: training.batch / split,
      imagesPerSecond: seconds > 0 ? (done * training.batch) / seconds : 0,
      description: this.#step!.description,
      historyCsv: await writeHistoryCsv(this.#folder.path, periods),
      step: this.#step!,
    };
  }
}
