import { constantOf, elementTypeOf, i64, valuesOf, type Constant } from '../constant.js';
import { intAttribute, type Node } from '../ir.js';
import { addAtIndices } from './axes.js';
import { UnknownShape, axisOf, product, type GradientView, type OpRules } from './rules.js';

/** Value of a Constant node, in any of its spellings. */
function constantValue(node: Node): Constant | undefined {
  const { value, value_float, value_floats, value_int, value_ints } = node.attributes;
  if (value?.kind === 'tensor') return value.value;
  if (value_float?.kind === 'float') return constantOf('f32', [], [value_float.value]);
  if (value_floats?.kind === 'floats') return constantOf('f32', [value_floats.value.length], value_floats.value);
  if (value_int?.kind === 'int') return i64([], [value_int.value]);
  if (value_ints?.kind === 'ints') return i64([value_ints.value.length], value_ints.value);
  return undefined;
}

/** Part of the shape that Shape returns: operator set 15 added start and end. */
export function partOf(node: Node, dims: readonly number[]): readonly number[] {
  const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + dims.length : at, 0), dims.length);
  return dims.slice(clamp(intAttribute(node, 'start', 0)), clamp(intAttribute(node, 'end', dims.length)));
}

function filler(node: Node): Constant {
  const value = node.attributes.value;
  return value?.kind === 'tensor' ? value.value : constantOf('f32', [1], [0]);
}

function range(view: Parameters<NonNullable<OpRules['evaluate']>>[0]): { start: number; step: number; count: number } {
  const bound = (index: number) => {
    const constant = view.constant(index);
    if (!constant) throw new UnknownShape('its bounds are only known at run time');
    return valuesOf(constant)[0];
  };
  const [start, limit, step] = [bound(0), bound(1), bound(2)];
  return { start, step, count: Math.max(0, Math.ceil((limit - start) / step)) };
}

/** Back to the type before a cast; what was an integer or a boolean has no gradient. */
function throughCast({ emit, node }: GradientView, g: string): string | undefined {
  const type = emit.type(node.inputs[0]);
  return /^b?f\d/.test(type) ? emit.cast(g, type) : undefined;
}

/** Ops about shapes and types; with static shapes all of them but Cast become constants. */
export const shaping: Record<string, OpRules> = {
  Constant: {
    shape: ({ node }) => {
      const value = constantValue(node);
      if (!value) throw new UnknownShape('a constant of an unusual kind');
      return [{ type: value.type, dims: value.dims }];
    },
    evaluate: ({ node }) => {
      const value = constantValue(node);
      return value && !value.opaque ? [value] : undefined;
    },
  },
  Shape: {
    shape: (view) => [{ type: 'i64', dims: [partOf(view.node, view.input(0).dims).length] }],
    evaluate: (view) => {
      const part = partOf(view.node, view.input(0).dims);
      return [i64([part.length], part)];
    },
  },
  Size: {
    shape: () => [{ type: 'i64', dims: [] }],
    evaluate: (view) => [i64([], [product(view.input(0).dims)])],
  },
  ConstantOfShape: {
    shape: (view) => [{ type: filler(view.node).type, dims: view.ints(0) ?? [] }],
    evaluate: (view) => {
      const dims = view.ints(0) ?? [];
      const { type, raw } = filler(view.node);
      const all = new Uint8Array(product(dims) * raw.byteLength);
      for (let at = 0; at < all.byteLength; at += raw.byteLength) all.set(raw, at);
      return [{ type, dims, raw: all }];
    },
  },
  Range: {
    shape: (view) => [{ type: view.input(0).type, dims: [range(view).count] }],
    evaluate: (view) => {
      const { start, step, count } = range(view);
      return [
        constantOf(
          view.input(0).type,
          [count],
          Array.from({ length: count }, (_, i) => start + i * step),
        ),
      ];
    },
  },
  Cast: {
    shape: (view) => [{ type: elementTypeOf(intAttribute(view.node, 'to', 1)), dims: view.input(0).dims }],
    evaluate: (view) => {
      const x = view.constant(0);
      const to = elementTypeOf(intAttribute(view.node, 'to', 1));
      if (!x || x.opaque || to === 'string' || to === 'other') return undefined;
      const values = Array.from(valuesOf(x));
      const whole = to !== 'f32' && to !== 'f64' && to !== 'f16' && to !== 'bf16';
      return [
        constantOf(
          to,
          x.dims,
          to === 'bool' ? values.map((v) => (v ? 1 : 0)) : whole ? values.map(Math.trunc) : values,
        ),
      ];
    },
    gradient: (view) => {
      const g = view.arriving(0);
      return [g && throughCast(view, g)];
    },
  },
  CastLike: {
    shape: (view) => [{ type: view.input(1).type, dims: view.input(0).dims }],
    gradient: (view) => {
      const g = view.arriving(0);
      return [g && throughCast(view, g)];
    },
  },
  OneHot: {
    shape: (view) => {
      const depth = view.ints(1)?.[0] ?? 0;
      const dims = [...view.input(0).dims];
      dims.splice(axisOf(intAttribute(view.node, 'axis', -1), dims.length + 1), 0, depth);
      return [{ type: view.input(2).type, dims }];
    },
  },
  TopK: {
    shape: (view) => {
      const x = view.input(0);
      const axis = axisOf(intAttribute(view.node, 'axis', -1), x.dims.length);
      const k = view.ints(1)?.[0] ?? intAttribute(view.node, 'k', 1);
      const dims = x.dims.map((dim, i) => (i === axis ? k : dim));
      return [
        { type: x.type, dims },
        { type: 'i64', dims },
      ];
    },
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { emit, node } = view;
      const dims = emit.dims(node.inputs[0]);
      return [addAtIndices(emit, g, node.outputs[1], axisOf(intAttribute(node, 'axis', -1), dims.length), dims)];
    },
  },
};
