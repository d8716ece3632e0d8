import type { Call } from './call.js';

/** A window's way along one spatial axis: tap k of window o looks at pixel o·stride + k·dilation − begin. */
export interface Sliding {
  kernel: number;
  stride: number;
  dilation: number;
  begin: number;
  end: number;
  /** Number of windows. */
  out: number;
}

/** How the windows of a convolution or pooling move, one per spatial axis. */
export function slidingOf(call: Call, spatial: readonly number[], kernel: readonly number[]): Sliding[] {
  const mode = call.text('auto_pad', 'NOTSET');
  const rank = spatial.length;
  return spatial.map((size, axis) => {
    const stride = call.list('strides')?.[axis] ?? 1;
    const dilation = call.list('dilations')?.[axis] ?? 1;
    const extent = (kernel[axis] - 1) * dilation + 1;
    const common = { kernel: kernel[axis], stride, dilation };
    if (mode === 'SAME_UPPER' || mode === 'SAME_LOWER') {
      const out = Math.ceil(size / stride);
      const total = Math.max((out - 1) * stride + extent - size, 0);
      const [half, rest] = [Math.floor(total / 2), Math.ceil(total / 2)];
      return mode === 'SAME_UPPER'
        ? { ...common, begin: half, end: rest, out }
        : { ...common, begin: rest, end: half, out };
    }
    const begin = mode === 'VALID' ? 0 : (call.list('pads')?.[axis] ?? 0);
    const end = mode === 'VALID' ? 0 : (call.list('pads')?.[axis + rank] ?? 0);
    const steps = (size + begin + end - extent) / stride;
    if (call.int('ceil_mode', 0) === 0) return { ...common, begin, end, out: Math.floor(steps) + 1 };
    // A window that would start in the padding at the end is left out.
    const out = Math.ceil(steps) + 1;
    return { ...common, begin, end, out: (out - 1) * stride >= size + begin ? out - 1 : out };
  });
}

/** Pixel that tap `tap` of window `window` looks at, possibly outside. */
export function pixelOf(sliding: readonly Sliding[], window: readonly number[], tap: readonly number[]): number[] {
  return sliding.map(({ stride, dilation, begin }, axis) => window[axis] * stride + tap[axis] * dilation - begin);
}

export function inside(pixel: readonly number[], spatial: readonly number[]): boolean {
  return pixel.every((at, axis) => at >= 0 && at < spatial[axis]);
}
