import type { Axis, Picture, PictureFormat, Window } from './types.js';

/** What a reader is asked for. */
export interface ReadOptions {
  /** Frame, slice or page, 0-based. Default 0. */
  slice?: number;
  window?: Window;
  /** NIfTI only. Default 2. */
  axis?: Axis;
  /**
   * Values as stored (after a rescale slope), not mapped to [0, 1]: masks and label maps, where
   * only zero against non-zero counts. Default false.
   */
  stored?: boolean;
  /** The picture is a mask or label map: 0 is outside, whatever colour a palette gives it. BMP only. Default false. */
  labels?: boolean;
}

/** How many slices a file has, found from its header. */
export interface SliceCount {
  slices: number;
  /** False when the file holds no pixels (a DICOM directory, report or plan). */
  hasPixels: boolean;
}

/** One file format (or family). Readers are tried in the registry's order: `readers.ts`. */
export interface Reader {
  readonly formats: readonly PictureFormat[];
  /** Lower case with the dot. */
  readonly extensions: readonly string[];
  /** Whether `head`, the file's first bytes (up to 1 KiB), belongs to this format. */
  recognises(head: Uint8Array): boolean;
  /** Slices by header alone; absent when the format is read as one picture. */
  countSlices?(path: string, axis: Axis): SliceCount;
  /**
   * Decodes one picture. `bytes` is the whole file; `where` names it in errors.
   * @throws SightlineError E_IMAGE_FORMAT, E_IMAGE_CORRUPT, E_IMAGE_VALUES, E_ARGUMENT (no such slice).
   */
  decode(bytes: Buffer, where: string, options: ReadOptions): Promise<Picture>;
}
