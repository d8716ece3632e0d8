/** What can go wrong, as a stable identifier. Codes are part of the public API: add, never rename. */
export type ErrorCode =
  | 'E_ARGUMENT' // a call or flag was given a value outside its domain
  | 'E_INTERNAL' // a bug in Sightline: please report
  | 'E_SHAPE' // tensor shapes or dtypes do not fit an operation
  | 'E_BACKEND' // a forced compute backend cannot run
  | 'E_PROVIDER' // a forced execution provider cannot run
  | 'E_MODEL_FORMAT' // not a readable model file (ONNX, a stored forest)
  | 'E_MODEL_UNSUPPORTED' // a valid model that lacks what was asked (no spatial layer, odd input …)
  | 'E_OP_UNSUPPORTED' // an ONNX operator without the rule that was asked for
  | 'E_IMAGE_FORMAT' // not an image, or an encoding that cannot be read
  | 'E_IMAGE_CORRUPT' // truncated or damaged image data
  | 'E_IMAGE_CHANNELS' // channel count does not fit the model
  | 'E_IMAGE_VALUES' // NaN or infinite pixels
  | 'E_ROI' // mask or boxes do not fit the image
  | 'E_MANIFEST' // problems in a manifest (all of them, by row and column)
  | 'E_POOL_EMPTY' // nothing to score
  | 'E_NOT_FOUND' // a file or folder that does not exist
  | 'E_OUTPUT' // the output folder cannot be written
  | 'E_DISK_FULL' // no space left
  | 'E_TABLE' // a table file (features, scores) that cannot be read or lacks what is needed
  | 'E_STORE' // the store is locked, damaged or of another version
  | 'E_RESUME_MISMATCH' // --resume with other settings than the stored run's
  | 'E_MEMORY' // the memory limit is too low for the work
  | 'E_TRAINING' // training diverged: the loss or the gradients stay NaN or infinite
  | 'E_CONFIG' // problems in a run's configuration (all of them, by path and line)
  | 'E_DATASET' // a published data set is not there as it is handed out
  | 'E_PAUSED'; // answers of a person are still missing: what came so far is kept, --resume goes on

/** The parts of an error message: what happened, where, and how to mend it. */
export interface ErrorParts {
  /** What is wrong, as a phrase without a final stop: "expected 3 channels but the image has 5". */
  what: string;
  /** The file, parameter, node or row concerned. */
  where?: string;
  /** What the user can do about it, as a sentence. */
  remedy?: string;
  cause?: unknown;
}

/** Plain-data form of an error: crosses worker boundaries and goes into the quarantine table. */
export interface ErrorData {
  code: ErrorCode;
  what: string;
  where?: string;
  remedy?: string;
}

/** The one error class of the engine. `message` reads "where: what. remedy". */
export class SightlineError extends Error {
  override readonly name = 'SightlineError';
  readonly what: string;
  readonly where?: string;
  readonly remedy?: string;

  constructor(
    readonly code: ErrorCode,
    parts: ErrorParts,
  ) {
    const { what, where, remedy, cause } = parts;
    super(`${where ? `${where}: ` : ''}${what}.${remedy ? ` ${remedy}` : ''}`, { cause });
    this.what = what;
    this.where = where;
    this.remedy = remedy;
  }

  toData(): ErrorData {
    return { code: this.code, what: this.what, where: this.where, remedy: this.remedy };
  }

  static fromData(data: ErrorData): SightlineError {
    return new SightlineError(data.code, data);
  }

  /**
   * Any thrown value as a SightlineError: one already is returned as it is; a full disk and a
   * refused write are recognised; anything else takes `fallback` with the original as its cause.
   */
  static from(
    error: unknown,
    fallback: ErrorCode,
    parts: Omit<ErrorParts, 'what'> & { what?: string } = {},
  ): SightlineError {
    if (error instanceof SightlineError) return error;
    const text = error instanceof Error ? error.message : String(error);
    const sysCode = (error as NodeJS.ErrnoException | undefined)?.code;
    if (
      sysCode === 'ENOSPC' ||
      sysCode === 'EFBIG' ||
      sysCode === 'EDQUOT' ||
      /no space left|disk is full|file too large/i.test(text)
    ) {
      return new SightlineError('E_DISK_FULL', {
        what: 'no space left to write results',
        where: parts.where,
        remedy: 'Free disk space or choose another --out, then run again with --resume: what was finished is kept.',
        cause: error,
      });
    }
    return new SightlineError(fallback, { ...parts, what: parts.what ?? firstLine(text), cause: error });
  }
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').replace(/\.+$/, '') || 'unknown failure';
}

/** Throws E_ARGUMENT unless `condition` holds: "name: expected …, received …". */
export function expectArgument(condition: boolean, name: string, expected: string, actual: unknown): asserts condition {
  if (!condition) {
    throw new SightlineError('E_ARGUMENT', { where: name, what: `expected ${expected}, received ${describe(actual)}` });
  }
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`;
  if (typeof value === 'number' || typeof value === 'boolean' || value == null) return String(value);
  return Array.isArray(value) ? `[${value.map(describe).join(', ')}]` : typeof value;
}
