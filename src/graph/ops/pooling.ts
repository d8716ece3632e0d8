import type { Emitter } from '../emitter.js';
import { intAttribute, intsAttribute } from '../ir.js';
import { scatterWindows, windowsOf, type Windows } from './convolution.js';
import { ShapeMismatch, product, unsupportedOp, type GradientView, type NodeView, type OpRules } from './rules.js';
import type { ValueShape } from '../ir.js';
import { tapsOf } from './weight_gradient.js';

function kernelOf(view: NodeView | GradientView): number[] {
  const kernel = intsAttribute(view.node, 'kernel_shape');
  if (!kernel) throw new ShapeMismatch('kernel_shape is missing');
  return kernel;
}

function pooled(view: NodeView): ValueShape[] {
  const x = view.input(0);
  const dims = [...x.dims.slice(0, 2), ...windowsOf(view.node, x.dims.slice(2), kernelOf(view)).out];
  return view.node.outputs.map((_, i) => ({ type: i === 0 ? x.type : 'i64', dims }));
}

function globallyPooled(view: NodeView): ValueShape[] {
  const x = view.input(0);
  return [{ type: x.type, dims: x.dims.map((dim, axis) => (axis < 2 ? dim : 1)) }];
}

/** How many pixels each window averages over, [1,1,…out]. */
export function windowCounts(windows: Windows, spatial: readonly number[], includePad: boolean): Float32Array {
  const perAxis = windows.out.map((count, axis) =>
    Array.from({ length: count }, (_, i) => {
      const start = i * windows.strides[axis] - windows.begins[axis];
      let inside = 0;
      for (let k = 0; k < windows.kernel[axis]; k++) {
        const at = start + k * windows.dilations[axis];
        // With ceil_mode a window may reach beyond even the padding: those taps never count.
        const low = includePad ? -windows.begins[axis] : 0;
        const high = spatial[axis] + (includePad ? windows.ends[axis] : 0);
        if (at >= low && at < high) inside++;
      }
      return inside;
    }),
  );
  return Float32Array.from(perAxis.reduce<number[]>((all, axis) => all.flatMap((a) => axis.map((b) => a * b)), [1]));
}

/**
 * Max pooling's gradient from plain slices and comparisons: for each tap of the window, in scan order, a mask of where
 * it is the first to equal the maximum (PyTorch's choice among ties too), then every tap's share is put back in place.
 * Needs neither MaxPool's Indices output, which ONNX Runtime's webgpu provider lacks, nor ScatterElements.
 */
export function maxPoolGradient(view: GradientView): (string | undefined)[] {
  const { emit, node } = view;
  const g = view.arriving(0);
  if (!g) return [undefined];
  const [x] = node.inputs;
  const [y] = node.outputs;
  const [batch, channels, ...spatial] = emit.dims(x);
  const windows = windowsOf(node, spatial, kernelOf(view));
  const rank = spatial.length;
  const axes = spatial.map((_, axis) => axis + 2);
  const lengths = windows.out.map((n, axis) => (n - 1) * windows.strides[axis] + 1);
  const reach = windows.kernel.map((k, axis) => lengths[axis] + (k - 1) * windows.dilations[axis]);
  const ends = reach.map((r, axis) => Math.max(0, r - windows.begins[axis] - spatial[axis]));
  // Lower than any activation in 16-bit floats too, yet finite: some providers mishandle infinities in Pad.
  const lowest = emit.type(x) === 'f16' ? -65504 : -3.4e38;
  const padded = emit.pad(x, [0, 0, ...windows.begins, 0, 0, ...ends], lowest);
  let free: string | undefined;
  const shares = tapsOf(windows.kernel).map((tap) => {
    const starts = tap.map((t, axis) => t * windows.dilations[axis]);
    const stops = starts.map((s, axis) => s + lengths[axis]);
    const hit = emit.mask('Equal', emit.slice(padded, axes, starts, stops, windows.strides), y);
    const first = free ? emit.mul(hit, free) : hit;
    const rest = emit.sub(emit.scalar(hit, 1), hit);
    free = free ? emit.mul(free, rest) : rest;
    return emit.reshape(emit.mul(g, first), [batch, channels, 1, ...windows.out]);
  });
  const taps = shares.length;
  const stacked = emit.concat(shares, 2);
  const tiles = windows.kernel.every((k, axis) => k === windows.strides[axis] && windows.dilations[axis] === 1);
  if (tiles && windows.begins.every((p) => p === 0)) {
    // Windows that tile the plane: interleave taps and windows, [N,C,k…,o…] → [N,C,o,k,o,k…].
    const split = emit.reshape(stacked, [batch, channels, ...windows.kernel, ...windows.out]);
    const perm = [0, 1, ...spatial.flatMap((_, axis) => [2 + rank + axis, 2 + axis])];
    const covered = windows.out.map((n, axis) => n * windows.kernel[axis]);
    const joined = emit.reshape(emit.transpose(split, perm), [batch, channels, ...covered]);
    const missing = spatial.map((size, axis) => Math.max(0, size - covered[axis]));
    const whole = emit.pad(joined, [0, 0, ...spatial.map(() => 0), 0, 0, ...missing]);
    if (covered.every((size, axis) => size <= spatial[axis])) return [whole];
    return [
      emit.slice(
        whole,
        axes,
        spatial.map(() => 0),
        spatial,
      ),
    ];
  }
  // Overlapping windows: a transposed convolution whose kernel k has a single one, at tap k.
  const oneHot = new Float32Array(taps * taps);
  for (let t = 0; t < taps; t++) oneHot[t * taps + t] = 1;
  const weights = emit.like(x, [taps, 1, ...windows.kernel], oneHot);
  const planes = emit.reshape(stacked, [batch * channels, taps, ...windows.out]);
  return [emit.reshape(scatterWindows(emit, planes, weights, windows, spatial, 1), [batch, channels, ...spatial])];
}

function averagePoolGradient(view: GradientView): (string | undefined)[] {
  const { emit, node } = view;
  const g = view.arriving(0);
  if (!g) return [undefined];
  const spatial = emit.dims(node.inputs[0]).slice(2);
  const windows = windowsOf(node, spatial, kernelOf(view));
  return [spreadAverages(emit, g, windows, spatial, intAttribute(node, 'count_include_pad', 0) === 1)];
}

/** What arrived at the averages of windows, [N,C,…out], spread evenly over the pixels of each: [N,C,…spatial]. */
export function spreadAverages(
  emit: Emitter,
  g: string,
  windows: Windows,
  spatial: readonly number[],
  includePad: boolean,
): string {
  const [batch, channels] = emit.dims(g);
  if (product(windows.kernel) === 1 && windows.strides.every((s) => s === 1)) return g;
  const counts = windowCounts(windows, spatial, includePad);
  const share = emit.mul(
    g,
    emit.like(
      g,
      [1, 1, ...windows.out],
      counts.map((count) => 1 / count),
    ),
  );
  if (windows.out.every((n) => n === 1) && windows.kernel.every((k, axis) => k === spatial[axis])) {
    return emit.mul(share, emit.like(g, [1, 1, ...spatial], new Float32Array(product(spatial)).fill(1)));
  }
  const ones = emit.like(g, [1, 1, ...windows.kernel], new Float32Array(product(windows.kernel)).fill(1));
  const planes = emit.reshape(share, [batch * channels, 1, ...windows.out]);
  return emit.reshape(scatterWindows(emit, planes, ones, windows, spatial, 1), [batch, channels, ...spatial]);
}

/** y = (Σ|x|ᵖ)^(1/p): dy/dx = sign(x)|x|^(p−1) · y^(1−p), given as factors of x's and of y's dims; 0 where y is 0. */
function throughNorm({ emit, node }: GradientView, g: string, y: string): { base: string; share: string } {
  const p = intAttribute(node, 'p', 2);
  const [x] = node.inputs;
  if (p === 1) return { base: emit.op('Sign', [x]), share: g };
  const absent = emit.mask('Equal', y, emit.scalar(y, 0));
  const norm = emit.add(y, absent);
  const share = emit.mul(g, emit.op('Reciprocal', [p === 2 ? norm : emit.op('Pow', [norm, emit.scalar(y, p - 1)])]));
  const size = () => emit.op('Pow', [emit.op('Abs', [x]), emit.scalar(x, p - 1)]);
  return { base: p === 2 ? x : emit.mul(emit.op('Sign', [x]), size()), share };
}

export const pooling: Record<string, OpRules> = {
  MaxPool: {
    shape: pooled,
    gradient: (view) => {
      if (view.arriving(1))
        throw unsupportedOp(view.node, 'its indices are used further on', 'Choose a later target layer.');
      return maxPoolGradient(view);
    },
  },
  AveragePool: { shape: pooled, gradient: averagePoolGradient },
  LpPool: {
    shape: pooled,
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { emit, node } = view;
      const [x] = node.inputs;
      const [batch, channels, ...spatial] = emit.dims(x);
      const windows = windowsOf(node, spatial, kernelOf(view));
      const { base, share } = throughNorm(view, g, node.outputs[0]);
      const ones = emit.like(g, [1, 1, ...windows.kernel], new Float32Array(product(windows.kernel)).fill(1));
      const planes = emit.reshape(share, [batch * channels, 1, ...windows.out]);
      const spread = scatterWindows(emit, planes, ones, windows, spatial, 1);
      return [emit.mul(base, emit.reshape(spread, emit.dims(x)))];
    },
  },
  GlobalLpPool: {
    shape: globallyPooled,
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { base, share } = throughNorm(view, g, view.node.outputs[0]);
      return [view.emit.mul(base, share)];
    },
  },
  GlobalAveragePool: {
    shape: globallyPooled,
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const spatial = view.emit.dims(view.node.inputs[0]).slice(2);
      const size = product(spatial);
      return [view.emit.mul(g, view.emit.like(g, [1, 1, ...spatial], new Float32Array(size).fill(1 / size)))];
    },
  },
  GlobalMaxPool: {
    shape: globallyPooled,
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { emit, node } = view;
      const dims = emit.dims(node.inputs[0]);
      return [
        emit.reshape(
          firstMaximum(view, emit.reshape(node.inputs[0], flatPlanes(dims)), emit.reshape(g, [dims[0], dims[1], 1])),
          dims,
        ),
      ];
    },
  },
};

function flatPlanes(dims: readonly number[]): number[] {
  return [dims[0], dims[1], product(dims.slice(2))];
}

/** `g` [N,C,1] at the first maximum of each row of `x` [N,C,P], else 0. */
export function firstMaximum({ emit }: GradientView, x: string, g: string): string {
  const length = emit.dims(x)[2];
  const at = emit.op('ArgMax', [x], { axis: 2, keepdims: 1 });
  const positions = emit.constantRange(length);
  return emit.mul(g, emit.cast(emit.op('Equal', [at, positions]), emit.type(g)));
}
