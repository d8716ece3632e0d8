import type { Definition } from './call.js';
import { front, read, replaced, tabulate } from './value.js';

export const joining: Record<string, Definition> = {
  Concat: (call) => {
    const parts = call.all();
    const axis = front(call.int('axis', 1), parts[0].dims.length);
    const dims = parts[0].dims.map((dim, i) =>
      i === axis ? parts.reduce((sum, part) => sum + part.dims[axis], 0) : dim,
    );
    const y = tabulate(
      dims,
      (index) => {
        let at = index[axis];
        for (const part of parts) {
          if (at < part.dims[axis]) return read(part, replaced(index, axis, at));
          at -= part.dims[axis];
        }
        throw new Error('beyond all parts');
      },
      parts[0].type,
    );
    return [y];
  },
  Split: (call) => {
    const x = call.x();
    const axis = front(call.int('axis', 0), x.dims.length);
    const count = call.int('num_outputs', call.node.outputs.length);
    const even = Math.ceil(x.dims[axis] / count);
    const sizes =
      call.list('split', 1) ?? Array.from({ length: count }, (_, i) => Math.min(even, x.dims[axis] - i * even));
    let start = 0;
    return sizes.map((size) => {
      const from = start;
      start += size;
      const dims = x.dims.map((dim, i) => (i === axis ? size : dim));
      return tabulate(dims, (index) => read(x, replaced(index, axis, from + index[axis])), x.type);
    });
  },
  Tile: (call) => {
    const x = call.x();
    const dims = x.dims.map((dim, axis) => dim * call.x(1).data[axis]);
    return [
      tabulate(
        dims,
        (index) =>
          read(
            x,
            index.map((at, axis) => at % x.dims[axis]),
          ),
        x.type,
      ),
    ];
  },
};
