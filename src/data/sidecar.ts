import { z } from 'zod';
import { SightlineError } from '../core/errors.js';
import { readText } from '../core/files.js';

const positive = z.number().positive();

/** What a sidecar JSON may say about a model; every field is optional, an unknown one is an error (a typing slip). */
export const sidecarSchema = z.strictObject({
  /** Class names in the order of the outputs. */
  labels: z.array(z.string().min(1)).min(1).optional(),
  /** Input size: one number, or [height, width]. */
  size: z
    .union([
      z
        .int()
        .positive()
        .transform((n): [number, number] => [n, n]),
      z.tuple([z.int().positive(), z.int().positive()]),
    ])
    .optional(),
  /** Per channel, on pixel values in [0, 1]. */
  mean: z.array(z.number()).min(1).optional(),
  std: z.array(positive).min(1).optional(),
  channels: z.int().positive().optional(),
  resize: z.enum(['stretch', 'crop', 'pad']).optional(),
  window: z.strictObject({ center: z.number(), width: positive }).optional(),
  activation: z.enum(['softmax', 'sigmoid']).optional(),
});

export type Sidecar = z.infer<typeof sidecarSchema>;

/**
 * Reads a sidecar JSON (`preprocessing.json`, `<model>.json`).
 * @throws SightlineError E_NOT_FOUND; E_ARGUMENT listing every field that does not fit, by its path.
 */
export function readSidecar(path: string): Sidecar {
  const text = readText(path, 'the sidecar JSON');
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new SightlineError('E_ARGUMENT', { where: path, what: `not JSON (${(cause as Error).message})`, cause });
  }
  const parsed = sidecarSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path: at, message }) => `${at.map(String).join('.') || 'top level'}: ${message}`,
  );
  throw new SightlineError('E_ARGUMENT', {
    where: path,
    what: problems.join('; '),
    remedy: `Known fields: ${Object.keys(sidecarSchema.shape).join(', ')}.`,
  });
}
