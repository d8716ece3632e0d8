import { valuesOf } from '../constant.js';
import { floatAttribute, intAttribute, intsAttribute, stringAttribute, type Node, type ValueShape } from '../ir.js';
import { applyAlong, matrix, transposed, type Matrix } from './axes.js';
import { UnknownShape, axisOf, unsupportedOp, type GradientView, type NodeView, type OpRules } from './rules.js';

function scaled(x: ValueShape, factors: ArrayLike<number>): ValueShape[] {
  return [{ type: x.type, dims: x.dims.map((dim, axis) => Math.floor(dim * factors[axis])) }];
}

/** Axes that a Resize names; all by default. */
function axesOf(node: Node, rank: number): number[] {
  return intsAttribute(node, 'axes')?.map((axis) => axisOf(axis, rank)) ?? Array.from({ length: rank }, (_, i) => i);
}

/** Factor per axis of the input, where a node gives factors rather than sizes. */
function factorsOf(
  node: Node,
  rank: number,
  floats: (index: number) => ArrayLike<number> | undefined,
): number[] | undefined {
  const attribute = node.attributes.scales;
  const given =
    node.op === 'Upsample'
      ? attribute?.kind === 'floats'
        ? attribute.value
        : floats(1)
      : (floats(2) ?? (node.inputs.length === 2 ? floats(1) : undefined));
  if (!given?.length) return undefined;
  const on = axesOf(node, rank);
  return Array.from({ length: rank }, (_, axis) => (on.includes(axis) ? given[on.indexOf(axis)] : 1));
}

/** How output positions map to input positions along one axis. */
interface Sampling {
  mode: 'nearest' | 'linear' | 'cubic';
  coordinates: string;
  nearest: string;
  cubic: number;
  antialias: boolean;
  excludeOutside: boolean;
}

function samplingOf(node: Node, opset: number): Sampling {
  const mode = stringAttribute(node, 'mode', 'nearest');
  // Upsample, and Resize before operator set 11, know neither coordinates nor roundings.
  const old = node.op === 'Upsample' || opset < 11;
  return {
    mode: mode === 'bilinear' || mode === 'trilinear' ? 'linear' : (mode as Sampling['mode']),
    coordinates: old ? 'asymmetric' : stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel'),
    nearest: old ? 'floor' : stringAttribute(node, 'nearest_mode', 'round_prefer_floor'),
    cubic: floatAttribute(node, 'cubic_coeff_a', -0.75),
    antialias: intAttribute(node, 'antialias', 0) === 1,
    excludeOutside: intAttribute(node, 'exclude_outside', 0) === 1,
  };
}

/** Position in the input that output position `at` looks at. Undefined for an unknown mode. */
function sourceOf(mode: string, at: number, scale: number, size: number, out: number): number | undefined {
  switch (mode) {
    case 'half_pixel':
      return (at + 0.5) / scale - 0.5;
    case 'half_pixel_symmetric': {
      const adjusted = out / (scale * size);
      return (size / 2) * (1 - adjusted) + (at + 0.5) / scale - 0.5;
    }
    case 'pytorch_half_pixel':
      return out > 1 ? (at + 0.5) / scale - 0.5 : 0;
    case 'align_corners':
      return out > 1 ? (at * (size - 1)) / (out - 1) : 0;
    case 'asymmetric':
      return at / scale;
    case 'tf_half_pixel_for_nn':
      return (at + 0.5) / scale;
    default:
      return undefined;
  }
}

function rounded(mode: string, x: number): number {
  if (mode === 'floor') return Math.floor(x);
  if (mode === 'ceil') return Math.ceil(x);
  const prefersFloor = mode === 'round_prefer_floor' && x - Math.floor(x) === 0.5;
  return prefersFloor ? Math.floor(x) : Math.floor(x + 0.5);
}

/** The interpolation kernel at distance t. */
function kernelAt(sampling: Sampling, t: number): number {
  const d = Math.abs(t);
  if (sampling.mode === 'linear') return Math.max(0, 1 - d);
  const a = sampling.cubic;
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

/**
 * Resizing along one axis as a matrix [out, size]: rows hold the weights with which an output position mixes input
 * positions. Positions outside repeat the border, or are left out and the rest rescaled.
 */
function resizeMatrix(sampling: Sampling, size: number, out: number, scale: number): Matrix | undefined {
  const m = matrix(out, size);
  for (let at = 0; at < out; at++) {
    let source = sourceOf(sampling.coordinates, at, scale, size, out);
    if (source === undefined) return undefined;
    const clamp = (position: number) => Math.min(Math.max(position, 0), size - 1);
    if (sampling.mode === 'nearest') {
      m.values[at * size + clamp(rounded(sampling.nearest, source))] = 1;
      continue;
    }
    if (sampling.mode === 'linear' && !sampling.antialias) source = clamp(source);
    // Antialiasing widens the kernel by the factor of shrinking.
    const widen = sampling.antialias ? Math.max(1, 1 / scale) : 1;
    const reach = (sampling.mode === 'linear' ? 1 : 2) * widen;
    let total = 0;
    for (let position = Math.floor(source - reach); position <= Math.ceil(source + reach); position++) {
      if (sampling.excludeOutside && (position < 0 || position >= size)) continue;
      const weight = kernelAt(sampling, (position - source) / widen);
      m.values[at * size + clamp(position)] += weight;
      total += weight;
    }
    if (sampling.antialias || sampling.excludeOutside) for (let c = 0; c < size; c++) m.values[at * size + c] /= total;
  }
  return m;
}

/**
 * What a Resize or Upsample does along each axis; undefined where it leaves one alone.
 * @param floats an input of the node as numbers, where it is given
 * @throws SightlineError E_OP_UNSUPPORTED for a coordinate transformation that is no matrix
 */
export function resizeMatrices(
  node: Node,
  opset: number,
  dims: readonly number[],
  outs: readonly number[],
  floats: (index: number) => ArrayLike<number> | undefined,
): (Matrix | undefined)[] {
  const factors = factorsOf(node, dims.length, floats);
  const sampling = samplingOf(node, opset);
  return dims.map((size, axis) => {
    const scale = factors?.[axis] ?? outs[axis] / size;
    if (size === outs[axis] && scale === 1) return undefined;
    const m = resizeMatrix(sampling, size, outs[axis], scale);
    if (m) return m;
    throw unsupportedOp(
      node,
      `no rule for coordinate_transformation_mode '${sampling.coordinates}'`,
      'Choose a later target layer.',
    );
  });
}

/** Resizing is a matrix per axis, so its gradient is the transposed matrix per axis. */
function gradient(view: GradientView): (string | undefined)[] {
  const g = view.arriving(0);
  if (!g) return [undefined];
  const { emit, node } = view;
  const dims = emit.dims(node.inputs[0]);
  const outs = emit.dims(node.outputs[0]);
  const floats = (index: number) => {
    const constant = node.inputs[index] ? emit.constantOf(node.inputs[index]) : undefined;
    return constant && valuesOf(constant);
  };
  const perAxis = resizeMatrices(node, view.opset, dims, outs, floats).map((m) => m && transposed(m));
  // Along the axes that lose most first.
  return [
    perAxis
      .map((m, axis) => ({ m, axis }))
      .sort((a, b) => dims[a.axis] / outs[a.axis] - dims[b.axis] / outs[b.axis])
      .reduce((value, { m, axis }) => (m ? applyAlong(emit, value, axis, m) : value), g),
  ];
}

function floatsOf(view: NodeView): (index: number) => ArrayLike<number> | undefined {
  return (index) => {
    if (!view.has(index)) return undefined;
    const constant = view.constant(index);
    if (!constant) throw new UnknownShape('its scales are only known at run time');
    return valuesOf(constant);
  };
}

export const resizing: Record<string, OpRules> = {
  Resize: {
    shape: (view) => {
      const x = view.input(0);
      const rank = x.dims.length;
      const sizes = view.opset < 11 ? undefined : view.ints(3);
      if (sizes?.length) {
        if (stringAttribute(view.node, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch')
          throw new UnknownShape('its sizes are bounds that keep the aspect ratio');
        const on = axesOf(view.node, rank);
        return [{ type: x.type, dims: x.dims.map((dim, axis) => sizes[on.indexOf(axis)] ?? dim) }];
      }
      const factors = factorsOf(view.node, rank, floatsOf(view));
      if (!factors) throw new UnknownShape('neither sizes nor scales are constant');
      return scaled(x, factors);
    },
    gradient,
  },
  Upsample: {
    shape: (view) => {
      const x = view.input(0);
      const factors = factorsOf(view.node, x.dims.length, floatsOf(view));
      if (!factors) throw new UnknownShape('its scales are not constant');
      return scaled(x, factors);
    },
    gradient,
  },
};
