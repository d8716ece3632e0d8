import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** SHA-256 of a model's files one after another, its weights' included. */
export async function hashOf(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) for await (const part of createReadStream(file)) hash.update(part as Buffer);
  return hash.digest('hex');
}
