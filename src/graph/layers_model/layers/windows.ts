import type { Dim } from '../../ir.js';
import { unsupportedLayer, type LayerView } from './rule.js';

/** How windows move over a feature map: attributes for the node, and the size that comes out. */
export interface Windows {
  attributes: Record<string, string | readonly number[]>;
  size: Dim[];
}

/**
 * Windows as TensorFlow places them. 'same' gives ceil(size / stride) outputs with the odd pixel of padding at the end;
 * pads are written out where the size is known. 'causal' (sequences) pads before the first step only.
 */
export function windowsOver(
  view: LayerView,
  size: readonly Dim[],
  kernel: readonly number[],
  strides: readonly number[],
  dilations: readonly number[] = size.map(() => 1),
): Windows {
  const padding = view.config.text('padding', 'valid').toLowerCase();
  const attributes: Windows['attributes'] = { kernel_shape: [...kernel], strides: [...strides] };
  if (dilations.some((d) => d !== 1)) attributes.dilations = [...dilations];
  if ([...kernel, ...strides, ...dilations].some((n) => n < 1)) {
    throw unsupportedLayer(view, `its window ${kernel.join('×')} or stride ${strides.join('×')} is empty`);
  }
  const extents = kernel.map((k, axis) => (k - 1) * dilations[axis] + 1);
  if (padding === 'valid' || (padding === 'causal' && size.length === 1)) {
    const before = padding === 'causal' ? extents[0] - 1 : 0;
    if (before > 0) attributes.pads = [before, 0];
    const out = size.map((n, axis) => n && Math.floor((n + before - extents[axis]) / strides[axis]) + 1);
    if (out.some((n) => n !== null && n < 1)) {
      throw unsupportedLayer(view, `its window of ${extents.join('×')} does not fit into ${size.join('×')} pixels`);
    }
    return { attributes, size: out };
  }
  if (padding !== 'same') throw unsupportedLayer(view, `its padding is '${padding}'`);
  const out = size.map((n, axis) => n && Math.ceil(n / strides[axis]));
  if (size.includes(null)) return { attributes: { ...attributes, auto_pad: 'SAME_UPPER' }, size: out };
  const totals = size.map((n, axis) => {
    const count = Math.ceil((n as number) / strides[axis]);
    return Math.max(0, (count - 1) * strides[axis] + extents[axis] - (n as number));
  });
  const begins = totals.map((total) => Math.floor(total / 2));
  const ends = totals.map((total, axis) => total - begins[axis]);
  if (totals.some((total) => total > 0)) attributes.pads = [...begins, ...ends];
  return { attributes, size: out };
}
