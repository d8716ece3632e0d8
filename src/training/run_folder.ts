import { existsSync } from 'node:fs';
import { link, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SightlineError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import { readRecordFile, writeRecordFile } from '../core/record_file.js';
import type { TrainerState } from './trainer_state.js';

const format = { magic: 'SLTRAIN1', version: 1, what: 'training checkpoint' };

/** A moment of a run. */
export interface Checkpoint {
  state: TrainerState;
  /** `TrainingStep.serialise()`. */
  step: Uint8Array;
}

/**
 * What identifies a run, by subject: a digest or plain text each ("optimiser", "samples" …). A resumed run must have the
 * same.
 */
export type Fingerprint = Readonly<Record<string, string>>;

/**
 * The files of a run. `anchor.checkpoint` is written where training may go back to (places that follow from the settings
 * and the data: see `Trainer`); `latest.checkpoint` in between, by the clock, so that a crash costs
 * little; `best.checkpoint` holds the best model. Each is whole or not there.
 */
export class RunFolder {
  readonly #file: (name: string) => string;

  private constructor(readonly path: string) {
    this.#file = (name) => join(path, name);
  }

  /**
   * A new run, or the one that is there.
   * @param about what people may want to read of the run; goes into `training.json` beside the fingerprint
   * @returns the folder and where to go on; null: from the beginning
   * @throws SightlineError E_OUTPUT for a folder that holds a run when neither flag is set, E_RESUME_MISMATCH naming what
   *   differs, E_MODEL_FORMAT for damaged checkpoints
   */
  static async open(
    path: string,
    fingerprint: Fingerprint,
    about: Readonly<Record<string, unknown>>,
    { resume = false, overwrite = false }: { resume?: boolean; overwrite?: boolean } = {},
  ): Promise<{ folder: RunFolder; checkpoint: Checkpoint | null }> {
    await mkdir(path, { recursive: true }).catch((error) => {
      throw SightlineError.from(error, 'E_OUTPUT', {
        where: path,
        what: 'the output folder cannot be created',
        remedy: 'Choose a folder you may write to with --out.',
      });
    });
    const folder = new RunFolder(path);
    const earlier = await folder.#fingerprint();
    const checkpoint = earlier && !overwrite ? await folder.resumePoint() : null;
    // Before its first batch a run has not begun: something was wrong with it, and may now be mended.
    if (earlier && checkpoint && checkpoint.state.done > 0) {
      expectSameRun(path, earlier, fingerprint, resume);
      return { folder, checkpoint };
    }
    await RunFolder.removeCheckpoints(path);
    await writeFileAtomic(folder.#file('training.json'), `${JSON.stringify({ ...about, fingerprint }, null, 2)}\n`);
    return { folder, checkpoint: null };
  }

  /** Where the run in a folder stands; null when there is none. What it is a run of is not checked. */
  static async standing(path: string): Promise<TrainerState | null> {
    return (await new RunFolder(path).resumePoint())?.state ?? null;
  }

  /** A run that has ended needs them no more, unless it is to go on with more epochs. */
  static async removeCheckpoints(path: string): Promise<void> {
    for (const name of ['latest', 'anchor', 'best']) await rm(join(path, `${name}.checkpoint`), { force: true });
  }

  async #fingerprint(): Promise<Fingerprint | null> {
    const file = this.#file('training.json');
    if (!existsSync(file)) return null;
    try {
      return (JSON.parse(await readFile(file, 'utf8')) as { fingerprint?: Fingerprint }).fingerprint ?? {};
    } catch (cause) {
      throw new SightlineError('E_MODEL_FORMAT', {
        where: file,
        what: 'not readable as the description of a training run',
        remedy: 'Add --overwrite to start again, or choose another --out.',
        cause,
      });
    }
  }

  /** The later of the two checkpoints; null when there is none. */
  async resumePoint(): Promise<Checkpoint | null> {
    const [latest, anchor] = [await this.#read('latest'), await this.anchor()];
    if (!latest || !anchor) return latest ?? anchor;
    // After a recovery, what was written before it counts no more, however far it had come.
    const order = (c: Checkpoint) => [c.state.recoveries.length, c.state.split, c.state.done];
    const [a, b] = [order(latest), order(anchor)];
    const differing = a.findIndex((value, i) => value !== b[i]);
    return differing >= 0 && a[differing] > b[differing] ? latest : anchor;
  }

  anchor(): Promise<Checkpoint | null> {
    return this.#read('anchor');
  }

  best(): Promise<Checkpoint | null> {
    return this.#read('best');
  }

  /**
   * Where training may go back to. Written before what came earlier is removed.
   * @param best it holds the best model so far: one file under both names. The best one comes first, so that an anchor
   *   never speaks of a best model that is not there
   */
  async writeAnchor(checkpoint: Checkpoint, best = false): Promise<void> {
    if (best) await this.#write('best', checkpoint);
    if (!best || !(await this.#linkAnchor())) await this.#write('anchor', checkpoint);
    await rm(this.#file('latest.checkpoint'), { force: true });
  }

  /** Makes the best checkpoint the anchor too; false on a file system without hard links. */
  async #linkAnchor(): Promise<boolean> {
    const fresh = this.#file('anchor.checkpoint.link');
    try {
      await rm(fresh, { force: true });
      await link(this.#file('best.checkpoint'), fresh);
      await rename(fresh, this.#file('anchor.checkpoint'));
      // Two names of one file are renamed to nothing: the first stays.
      await rm(fresh, { force: true });
      return true;
    } catch {
      return false;
    }
  }

  writeLatest(checkpoint: Checkpoint): Promise<void> {
    return this.#write('latest', checkpoint);
  }

  #write(name: string, { state, step }: Checkpoint): Promise<void> {
    return writeFileAtomic(this.#file(`${name}.checkpoint`), writeRecordFile(format, state, [step]));
  }

  async #read(name: string): Promise<Checkpoint | null> {
    const file = this.#file(`${name}.checkpoint`);
    if (!existsSync(file)) return null;
    return readRecordFile<TrainerState, Checkpoint>(format, await readFile(file), (state, body) => ({
      state,
      step: body.fill(new Uint8Array(body.left)),
    }));
  }
}

/** @throws SightlineError E_OUTPUT without `resume`, E_RESUME_MISMATCH naming what differs */
export function expectSameRun(path: string, earlier: Fingerprint, given: Fingerprint, resume: boolean): void {
  if (!resume) {
    throw new SightlineError('E_OUTPUT', {
      where: path,
      what: 'the output folder already holds a training run',
      remedy: 'Add --resume to continue it, --overwrite to discard it, or choose another --out.',
    });
  }
  const names = new Set([...Object.keys(earlier), ...Object.keys(given)]);
  const changed = [...names].filter((name) => earlier[name] !== given[name]);
  if (!changed.length) return;
  throw new SightlineError('E_RESUME_MISMATCH', {
    where: path,
    what: `the run there was made with another ${changed.join(', ')}`,
    remedy: 'Give the same settings, or --overwrite to start again, or another --out.',
  });
}
