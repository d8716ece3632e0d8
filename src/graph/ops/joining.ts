import { constantOf, valuesOf, type Constant } from '../constant.js';
import { intAttribute, intsAttribute, type ValueShape } from '../ir.js';
import { ShapeMismatch, axisOf, product, type GradientView, type NodeView, type OpRules } from './rules.js';

function concatenated(view: NodeView): ValueShape[] {
  const parts = view.inputs();
  const [first] = parts;
  const axis = axisOf(intAttribute(view.node, 'axis', 1), first.dims.length);
  for (const part of parts) {
    if (part.dims.length !== first.dims.length || part.dims.some((dim, i) => i !== axis && dim !== first.dims[i])) {
      throw new ShapeMismatch(
        `[${part.dims.join(', ')}] cannot be joined to [${first.dims.join(', ')}] along axis ${axis}`,
      );
    }
  }
  const dims = [...first.dims];
  dims[axis] = parts.reduce((sum, part) => sum + part.dims[axis], 0);
  return [{ type: first.type, dims }];
}

/** Sizes of a Split's outputs: attribute, second input, or even parts (the last one smaller). */
export function splitSizes(node: NodeView['node'], size: number, given: number[] | undefined): number[] {
  const sizes = intsAttribute(node, 'split') ?? given;
  if (sizes) return sizes;
  const count = intAttribute(node, 'num_outputs', node.outputs.length);
  const part = Math.ceil(size / count);
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(part, size - i * part)));
}

export function splitAxis(node: NodeView['node'], rank: number): number {
  return axisOf(intAttribute(node, 'axis', 0), rank);
}

/** Copies the range [start, start + count) of one axis. */
function cut(x: Constant, axis: number, start: number, count: number): Constant {
  const inner = product(x.dims.slice(axis + 1));
  const values = valuesOf(x);
  const out: number[] = [];
  for (let outer = 0; outer < product(x.dims.slice(0, axis)); outer++) {
    const base = (outer * x.dims[axis] + start) * inner;
    for (let i = 0; i < count * inner; i++) out.push(values[base + i]);
  }
  return constantOf(
    x.type,
    x.dims.map((dim, i) => (i === axis ? count : dim)),
    out,
  );
}

export const joining: Record<string, OpRules> = {
  Concat: {
    shape: concatenated,
    evaluate: (view) => {
      const parts = view.node.inputs.map((_, i) => view.constant(i));
      if (parts.some((part) => !part)) return undefined;
      const constants = parts as Constant[];
      const [{ dims, type }] = concatenated(view);
      const axis = axisOf(intAttribute(view.node, 'axis', 1), dims.length);
      const out: number[] = [];
      for (let outer = 0; outer < product(dims.slice(0, axis)); outer++) {
        for (const part of constants) {
          const length = product(part.dims.slice(axis));
          const values = valuesOf(part);
          for (let i = 0; i < length; i++) out.push(values[outer * length + i]);
        }
      }
      return [constantOf(type, dims, out)];
    },
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [];
      const { emit, node } = view;
      const axis = axisOf(intAttribute(node, 'axis', 1), emit.dims(g).length);
      let start = 0;
      return node.inputs.map((input, i) => {
        const end = start + emit.dims(input)[axis];
        const part = view.wants(i) ? emit.slice(g, [axis], [start], [end]) : undefined;
        start = end;
        return part;
      });
    },
  },
  Split: {
    shape: (view) => {
      const x = view.input(0);
      const axis = splitAxis(view.node, x.dims.length);
      return splitSizes(view.node, x.dims[axis], view.ints(1)).map((size) => ({
        type: x.type,
        dims: x.dims.map((dim, i) => (i === axis ? size : dim)),
      }));
    },
    evaluate: (view) => {
      const x = view.constant(0);
      if (!x) return undefined;
      const axis = splitAxis(view.node, x.dims.length);
      let start = 0;
      return splitSizes(view.node, x.dims[axis], view.ints(1)).map((size) => {
        start += size;
        return cut(x, axis, start - size, size);
      });
    },
    gradient: (view: GradientView) => {
      const { emit, node } = view;
      const dims = emit.dims(node.inputs[0]);
      const axis = splitAxis(node, dims.length);
      const like = node.outputs.map((_, i) => view.arriving(i)).find((g) => g !== undefined);
      if (!like) return [undefined];
      const parts = node.outputs.map((output, i) => {
        const own = emit.dims(output);
        return view.arriving(i) ?? emit.like(like, own, new Float32Array(product(own)));
      });
      return [emit.concat(parts, axis)];
    },
  },
  Tile: {
    shape: (view) => {
      const x = view.input(0);
      const repeats = view.ints(1) ?? [];
      return [{ type: x.type, dims: x.dims.map((dim, axis) => dim * (repeats[axis] ?? 1)) }];
    },
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [undefined];
      const { emit, node } = view;
      const dims = emit.dims(node.inputs[0]);
      const whole = emit.dims(g);
      const split: number[] = [];
      const axes: number[] = [];
      dims.forEach((dim, axis) => {
        const repeats = dim === 0 ? 1 : whole[axis] / dim;
        if (repeats !== 1) axes.push(split.push(repeats) - 1);
        split.push(dim);
      });
      return [emit.reduceSum(emit.reshape(g, split), axes, false)];
    },
  },
};
