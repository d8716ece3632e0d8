import { freemem } from 'node:os';

/** Bytes that this process may still take before the system, or the container's limit, would end it. */
export function freeMemory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  const free = freemem();
  // Without a limit Node reports 0 or a number beyond all memory.
  return limit > 0 && limit < 2 ** 50 ? Math.min(free, limit - process.memoryUsage.rss()) : free;
}
