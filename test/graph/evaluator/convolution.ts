import type { Call, Definition } from './call.js';
import { forEachIndex, offsetOf, read, tabulate, type Value } from './value.js';
import { inside, pixelOf, slidingOf } from './windows.js';

/** Size of a transposed convolution's result and how much of its full extent is cut off at the beginning. */
function turned(call: Call, spatial: readonly number[], kernel: readonly number[]) {
  const rank = spatial.length;
  const mode = call.text('auto_pad', 'NOTSET');
  return spatial.map((n, axis) => {
    const stride = call.list('strides')?.[axis] ?? 1;
    const dilation = call.list('dilations')?.[axis] ?? 1;
    const extra = call.list('output_padding')?.[axis] ?? 0;
    const whole = stride * (n - 1) + extra + (kernel[axis] - 1) * dilation + 1;
    const asked = call.list('output_shape')?.slice(-rank)[axis];
    if (asked === undefined && !mode.startsWith('SAME')) {
      const begin = mode === 'VALID' ? 0 : (call.list('pads')?.[axis] ?? 0);
      const end = mode === 'VALID' ? 0 : (call.list('pads')?.[axis + rank] ?? 0);
      return { stride, dilation, begin, size: whole - begin - end };
    }
    const size = asked ?? n * stride;
    const cut = Math.max(whole - size, 0);
    return { stride, dilation, begin: mode === 'SAME_UPPER' ? Math.floor(cut / 2) : Math.ceil(cut / 2), size };
  });
}

export const convolution: Record<string, Definition> = {
  Conv: (call) => {
    const [x, w] = [call.x(0), call.x(1)];
    const [batch, , ...spatial] = x.dims;
    const [features, perGroup, ...kernel] = w.dims;
    const sliding = slidingOf(call, spatial, kernel);
    const group = call.int('group', 1);
    const y = tabulate([batch, features, ...sliding.map((s) => s.out)], ([n, m, ...window]) => {
      let sum = call.has(2) ? call.x(2).data[m] : 0;
      const first = Math.floor(m / (features / group)) * perGroup;
      forEachIndex([perGroup, ...kernel], ([c, ...tap]) => {
        const pixel = pixelOf(sliding, window, tap);
        if (inside(pixel, spatial)) sum += read(x, [n, first + c, ...pixel]) * read(w, [m, c, ...tap]);
      });
      return sum;
    });
    return [y];
  },
  // Every input pixel paints the kernel, times its value, into the result.
  ConvTranspose: (call) => {
    const [x, w] = [call.x(0), call.x(1)];
    const [batch, channels, ...spatial] = x.dims;
    const [, perGroup, ...kernel] = w.dims;
    const group = call.int('group', 1);
    const axes = turned(call, spatial, kernel);
    const dims = [batch, perGroup * group, ...axes.map((axis) => axis.size)];
    const y: Value = tabulate(dims, ([, m]) => (call.has(2) ? call.x(2).data[m] : 0));
    forEachIndex(x.dims, ([n, c, ...pixel], at) => {
      const first = Math.floor(c / (channels / group)) * perGroup;
      forEachIndex([perGroup, ...kernel], ([m, ...tap]) => {
        const to = axes.map(({ stride, dilation, begin }, k) => pixel[k] * stride + tap[k] * dilation - begin);
        if (inside(to, dims.slice(2)))
          y.data[offsetOf(dims, [n, first + m, ...to])] += x.data[at] * read(w, [c, m, ...tap]);
      });
    });
    return [y];
  },
};
