/** Bytes kept for reuse; what was returned longest ago goes first. */
const idleBytesCap = 512 * 2 ** 20;

/**
 * GPU buffers to use again: allocating and clearing one costs more than most kernels. Contents are left over from the
 * last use. A buffer may be returned while the GPU still works with it, since a queue runs in order.
 */
export class BufferPool {
  /** In the order of their return. */
  readonly #idle: GPUBuffer[] = [];
  #idleBytes = 0;
  #closed = false;

  constructor(private readonly device: GPUDevice) {}

  /** A buffer of at least `bytes` (and at least one word). */
  borrow(bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const size = Math.min(roundedSize(bytes), Math.max(wholeWords(bytes), this.device.limits.maxBufferSize));
    const found = this.#idle.findLastIndex((buffer) => buffer.size === size && buffer.usage === usage);
    if (found < 0) return this.device.createBuffer({ size, usage });
    this.#idleBytes -= size;
    return this.#idle.splice(found, 1)[0];
  }

  /** Takes a buffer back; it must be unmapped. */
  recycle(buffer: GPUBuffer): void {
    if (this.#closed) return buffer.destroy();
    this.#idle.push(buffer);
    this.#idleBytes += buffer.size;
    while (this.#idleBytes > idleBytesCap) {
      const oldest = this.#idle.shift()!;
      this.#idleBytes -= oldest.size;
      oldest.destroy();
    }
  }

  close(): void {
    this.#closed = true;
    for (const buffer of this.#idle.splice(0)) buffer.destroy();
    this.#idleBytes = 0;
  }
}

/** Up to a quarter more, so that batches of similar size share buffers. */
function roundedSize(bytes: number): number {
  const step = 2 ** Math.max(6, Math.floor(Math.log2(Math.max(1, bytes))) - 2);
  return Math.ceil(Math.max(1, bytes) / step) * step;
}

/** Bytes in whole words, at least one: what bindings and copies are made of. */
export function wholeWords(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / 4)) * 4;
}
