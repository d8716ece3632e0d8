import { intAttribute, intsAttribute, stringAttribute, type Node } from '../ir.js';
import type { Windows } from './convolution.js';
import { ShapeMismatch, unsupportedOp, type OpRules } from './rules.js';
import { biasGradient, weightGradient } from './weight_gradient.js';

/**
 * The windows of the convolution that a transposed one turns around: they slide over its output, one per pixel of its
 * input. `size` is the output's size per axis.
 */
export function turnedWindows(
  node: Node,
  spatial: readonly number[],
  kernel: readonly number[],
): Windows & { size: readonly number[] } {
  const rank = spatial.length;
  if (kernel.length !== rank) throw new ShapeMismatch(`a kernel of rank ${kernel.length} over ${rank} spatial axes`);
  const strides = intsAttribute(node, 'strides') ?? new Array<number>(rank).fill(1);
  const dilations = intsAttribute(node, 'dilations') ?? new Array<number>(rank).fill(1);
  const extra = intsAttribute(node, 'output_padding') ?? new Array<number>(rank).fill(0);
  const pads = intsAttribute(node, 'pads') ?? new Array<number>(2 * rank).fill(0);
  const mode = stringAttribute(node, 'auto_pad', 'NOTSET');
  const wanted = intsAttribute(node, 'output_shape')?.slice(-rank);
  const begins: number[] = [];
  const ends: number[] = [];
  const size = spatial.map((n, axis) => {
    const extent = (kernel[axis] - 1) * dilations[axis] + 1;
    const full = strides[axis] * (n - 1) + extra[axis] + extent;
    const fixed = wanted?.[axis] ?? (mode.startsWith('SAME') ? n * strides[axis] : undefined);
    if (fixed === undefined) {
      begins.push(mode === 'VALID' ? 0 : pads[axis]);
      ends.push(mode === 'VALID' ? 0 : pads[axis + rank]);
      return full - begins[axis] - ends[axis];
    }
    // Pads follow from the size; an odd one goes to the end with SAME_UPPER, else to the beginning.
    const total = Math.max(0, full - fixed);
    const less = Math.floor(total / 2);
    begins.push(mode === 'SAME_UPPER' ? less : total - less);
    ends.push(mode === 'SAME_UPPER' ? total - less : less);
    return fixed;
  });
  return { kernel, strides, dilations, begins, ends, out: spatial, size };
}

export const transposedConvolution: Record<string, OpRules> = {
  ConvTranspose: {
    shape: (view) => {
      const x = view.input(0);
      const w = view.input(1);
      if (x.dims[1] !== w.dims[0]) {
        throw new ShapeMismatch(`weights for ${w.dims[0]} channels but the input has ${x.dims[1]}`);
      }
      const { size } = turnedWindows(view.node, x.dims.slice(2), w.dims.slice(2));
      return [{ type: x.type, dims: [x.dims[0], w.dims[1] * intAttribute(view.node, 'group', 1), ...size] }];
    },
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [];
      const { emit, node } = view;
      const [x, w] = node.inputs;
      const spatial = emit.dims(x).slice(2);
      const { size, ...windows } = turnedWindows(node, spatial, emit.dims(w).slice(2));
      const { kernel, strides, dilations, begins } = windows;
      const group = intAttribute(node, 'group', 1);
      // Ends that make the convolution of the gradient as large as the input was, whatever output_padding added.
      const ends = spatial.map(
        (n, axis) => (n - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 - begins[axis] - size[axis],
      );
      if (begins.some((pad) => pad < 0))
        throw unsupportedOp(node, 'no gradient rule for negative pads', 'Choose a later target layer.');
      const cropped = ends.some((pad) => pad < 0);
      const arrived = cropped
        ? emit.slice(
            g,
            size.map((_, axis) => axis + 2),
            size.map(() => 0),
            size.map((n, axis) => n + Math.min(0, ends[axis])),
          )
        : g;
      const pads = [...begins, ...ends.map((pad) => Math.max(0, pad))];
      return [
        view.wants(0)
          ? emit.op('Conv', [arrived, w], { kernel_shape: kernel, strides, dilations, pads, group })
          : undefined,
        view.wants(1) ? weightGradient(emit, x, g, windows, group) : undefined,
        view.wants(2) ? biasGradient(emit, g) : undefined,
      ];
    },
  },
};
