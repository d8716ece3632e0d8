import type { Emitter } from '../emitter.js';
import { constantOf, valuesOf, type Constant } from '../constant.js';
import { intAttribute, intsAttribute, stringAttribute, type Node } from '../ir.js';
import { ShapeMismatch, product, type GradientView, type OpRules } from './rules.js';
import { biasGradient, weightGradient } from './weight_gradient.js';

/** How windows slide over the spatial axes, all defaults resolved. */
export interface Windows {
  kernel: readonly number[];
  strides: readonly number[];
  dilations: readonly number[];
  begins: readonly number[];
  ends: readonly number[];
  /** Output size per spatial axis. */
  out: readonly number[];
}

/** Resolves kernel, strides, dilations and padding (auto_pad, ceil_mode included) of a convolution or pooling node. */
export function windowsOf(node: Node, spatial: readonly number[], kernel: readonly number[]): Windows {
  const rank = spatial.length;
  if (kernel.length !== rank) throw new ShapeMismatch(`a kernel of rank ${kernel.length} over ${rank} spatial axes`);
  const strides = intsAttribute(node, 'strides') ?? new Array<number>(rank).fill(1);
  const dilations = intsAttribute(node, 'dilations') ?? new Array<number>(rank).fill(1);
  const pads = intsAttribute(node, 'pads') ?? new Array<number>(2 * rank).fill(0);
  const mode = stringAttribute(node, 'auto_pad', 'NOTSET');
  const ceil = intAttribute(node, 'ceil_mode', 0) === 1;
  const begins: number[] = [];
  const ends: number[] = [];
  const out = spatial.map((size, axis) => {
    const extent = (kernel[axis] - 1) * dilations[axis] + 1;
    const stride = strides[axis];
    if (mode === 'SAME_UPPER' || mode === 'SAME_LOWER') {
      const count = Math.ceil(size / stride);
      const total = Math.max(0, (count - 1) * stride + extent - size);
      const less = Math.floor(total / 2);
      begins.push(mode === 'SAME_UPPER' ? less : total - less);
      ends.push(mode === 'SAME_UPPER' ? total - less : less);
      return count;
    }
    begins.push(mode === 'VALID' ? 0 : pads[axis]);
    ends.push(mode === 'VALID' ? 0 : pads[axis + rank]);
    const room = size + begins[axis] + ends[axis] - extent;
    if (room < 0) throw new ShapeMismatch(`a window of ${extent} does not fit into ${size} pixels`);
    let count = (ceil ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1;
    // A last window that would start in the end padding is dropped.
    if (ceil && (count - 1) * stride >= size + begins[axis]) count--;
    return count;
  });
  return { kernel, strides, dilations, begins, ends, out };
}

/**
 * Scatter-adds windows back to where they came from: the transposed convolution of `g` [N,M,…out] with weights
 * [M,C/group,…kernel] → [N,C,…spatial]. ConvTranspose computes the full extent; pads crop it and output_padding
 * extends it to exactly `spatial`.
 */
export function scatterWindows(
  emit: Emitter,
  g: string,
  weights: string,
  windows: Windows,
  spatial: readonly number[],
  group: number,
): string {
  const extra: number[] = [];
  const ends: number[] = [];
  spatial.forEach((size, axis) => {
    const full =
      (windows.out[axis] - 1) * windows.strides[axis] + (windows.kernel[axis] - 1) * windows.dilations[axis] + 1;
    const missing = Math.max(0, windows.begins[axis] + size - full);
    extra.push(missing);
    ends.push(full + missing - windows.begins[axis] - size);
  });
  // output_padding must stay below the stride; pixels that no window reaches beyond that are padded afterwards.
  const padded = extra.map((count, axis) => Math.min(count, windows.strides[axis] - 1));
  const later = extra.map((count, axis) => count - padded[axis]);
  const out = emit.op('ConvTranspose', [g, weights], {
    kernel_shape: windows.kernel,
    strides: windows.strides,
    dilations: windows.dilations,
    pads: [...windows.begins, ...ends],
    output_padding: padded,
    group,
  });
  const rank = spatial.length + 2;
  return emit.pad(out, [...new Array<number>(rank).fill(0), 0, 0, ...later]);
}

/** [M,C/g,…k] → [C,M/g,…k] with the kernel flipped: a convolution with it is the input gradient at stride 1. */
function flipTransposed(weights: Constant, group: number): Constant {
  const [m, c, ...kernel] = weights.dims;
  const taps = product(kernel);
  const source = valuesOf(weights);
  const out = new Float32Array(m * c * taps);
  const mg = m / group;
  for (let g = 0; g < group; g++) {
    for (let i = 0; i < mg; i++) {
      for (let j = 0; j < c; j++) {
        const from = ((g * mg + i) * c + j) * taps;
        const to = ((g * c + j) * mg + i) * taps;
        for (let t = 0; t < taps; t++) out[to + t] = source[from + taps - 1 - t];
      }
    }
  }
  return constantOf(weights.type, [group * c, mg, ...kernel], out);
}

/** Gradient of a convolution's input: the transposed convolution of what arrived. */
function inputGradient(view: GradientView, g: string, windows: Windows): string {
  const { emit, node } = view;
  const [x, w] = node.inputs;
  const spatial = emit.dims(x).slice(2);
  const group = intAttribute(node, 'group', 1);
  const constant = emit.constantOf(w);
  const reach = windows.kernel.map((k, axis) => (k - 1) * windows.dilations[axis]);
  const begins = reach.map((r, axis) => r - windows.begins[axis]);
  const ends = spatial.map((size, axis) => size + windows.begins[axis] - windows.out[axis]);
  // Stride 1: an ordinary convolution, about twice as fast as ConvTranspose.
  if (constant && windows.strides.every((s) => s === 1) && [...begins, ...ends].every((p) => p >= 0)) {
    const flipped = emit.constant(flipTransposed(constant, group));
    return emit.op('Conv', [g, flipped], { pads: [...begins, ...ends], dilations: windows.dilations, group });
  }
  return scatterWindows(emit, g, w, windows, spatial, group);
}

export const convolution: Record<string, OpRules> = {
  Conv: {
    shape: (view) => {
      const x = view.input(0);
      const w = view.input(1);
      const spatial = x.dims.slice(2);
      const group = intAttribute(view.node, 'group', 1);
      if (x.dims[1] !== w.dims[1] * group) {
        throw new ShapeMismatch(`weights for ${w.dims[1] * group} channels but the input has ${x.dims[1]}`);
      }
      return [{ type: x.type, dims: [x.dims[0], w.dims[0], ...windowsOf(view.node, spatial, w.dims.slice(2)).out] }];
    },
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [];
      const { emit, node } = view;
      const [x, w] = node.inputs;
      const windows = windowsOf(node, emit.dims(x).slice(2), emit.dims(w).slice(2));
      return [
        view.wants(0) ? inputGradient(view, g, windows) : undefined,
        view.wants(1) ? weightGradient(emit, g, x, windows, intAttribute(node, 'group', 1)) : undefined,
        view.wants(2) ? biasGradient(emit, g) : undefined,
      ];
    },
  },
};
