import { elementTypeOf, type ElementType } from '../../../src/graph/constant.js';
import type { Definition } from './call.js';
import { front, isReal, map, read, replaced, tabulate, valueOf, type Value } from './value.js';

/** Numbers keep their precision: a cast to a narrower float does not round. */
function cast(x: Value, type: ElementType): Value {
  const to = { type, dims: x.dims, data: x.data };
  if (type === 'bool') return map(x, (value) => (value ? 1 : 0), type);
  return isReal(to) || !isReal(x) ? to : map(x, Math.trunc, type);
}

export const shaping: Record<string, Definition> = {
  Constant: ({ node }) => {
    const { value, value_float, value_floats, value_int, value_ints } = node.attributes;
    if (value?.kind === 'tensor') return [valueOf(value.value)];
    if (value_float?.kind === 'float') return [{ type: 'f32', dims: [], data: Float64Array.of(value_float.value) }];
    if (value_int?.kind === 'int') return [{ type: 'i64', dims: [], data: Float64Array.of(value_int.value) }];
    if (value_floats?.kind === 'floats')
      return [{ type: 'f32', dims: [value_floats.value.length], data: Float64Array.from(value_floats.value) }];
    if (value_ints?.kind === 'ints')
      return [{ type: 'i64', dims: [value_ints.value.length], data: Float64Array.from(value_ints.value) }];
    throw new Error('a constant of an unusual kind');
  },
  Shape: (call) => {
    const { dims } = call.x();
    const part = dims.slice(call.int('start', 0), call.int('end', dims.length));
    return [{ type: 'i64', dims: [part.length], data: Float64Array.from(part) }];
  },
  Size: (call) => [{ type: 'i64', dims: [], data: Float64Array.of(call.x().data.length) }],
  ConstantOfShape: (call) => {
    const { value } = call.node.attributes;
    const filler = value?.kind === 'tensor' ? valueOf(value.value) : { type: 'f32' as const, data: [0] };
    return [tabulate(Array.from(call.x().data), () => filler.data[0], filler.type)];
  },
  Range: (call) => {
    const [start, limit, step] = call.all().map((value) => value.data[0]);
    const count = Math.max(0, Math.ceil((limit - start) / step));
    return [tabulate([count], ([i]) => start + i * step, call.x().type)];
  },
  Cast: (call) => [cast(call.x(), elementTypeOf(call.int('to', 1)))],
  CastLike: (call) => [cast(call.x(), call.x(1).type)],
  OneHot: (call) => {
    const [indices, depth, values] = call.all();
    const size = depth.data[0];
    const axis = front(call.int('axis', -1), indices.dims.length + 1);
    const dims = [...indices.dims.slice(0, axis), size, ...indices.dims.slice(axis)];
    const y = tabulate(
      dims,
      (index) => {
        const wanted = read(
          indices,
          index.filter((_, i) => i !== axis),
        );
        return values.data[front(wanted, size) === index[axis] ? 1 : 0];
      },
      values.type,
    );
    return [y];
  },
  TopK: (call) => {
    const x = call.x();
    const axis = front(call.int('axis', -1), x.dims.length);
    const k = call.has(1) ? call.x(1).data[0] : call.int('k', 1);
    const sign = call.int('largest', 1) ? -1 : 1;
    const dims = x.dims.map((dim, i) => (i === axis ? k : dim));
    const positions = tabulate(
      dims,
      (index) => {
        const value = (at: number) => read(x, replaced(index, axis, at));
        const order = Array.from({ length: x.dims[axis] }, (_, i) => i);
        order.sort((a, b) => sign * (value(a) - value(b)) || a - b);
        return order[index[axis]];
      },
      'i64',
    );
    const values = tabulate(dims, (index) => read(x, replaced(index, axis, read(positions, index))), x.type);
    return [values, positions];
  },
};
