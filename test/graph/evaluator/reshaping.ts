import { sizeOf } from '../../../src/core/tensor.js';
import type { Definition } from './call.js';
import { broadcastDims, front, read, readBroadcast, tabulate } from './value.js';

export const reshaping: Record<string, Definition> = {
  Reshape: (call) => {
    const x = call.x();
    const copies = call.int('allowzero', 0) === 0;
    const dims = (call.list('shape', 1) ?? []).map((dim, axis) => (dim === 0 && copies ? x.dims[axis] : dim));
    const open = dims.indexOf(-1);
    if (open >= 0) dims[open] = sizeOf(x.dims) / sizeOf(dims.filter((_, axis) => axis !== open));
    return [{ ...x, dims }];
  },
  Flatten: (call) => {
    const x = call.x();
    const axis = front(call.int('axis', 1), x.dims.length);
    return [{ ...x, dims: [sizeOf(x.dims.slice(0, axis)), sizeOf(x.dims.slice(axis))] }];
  },
  Squeeze: (call) => {
    const x = call.x();
    const axes = call.list('axes', 1)?.map((axis) => front(axis, x.dims.length));
    return [{ ...x, dims: x.dims.filter((dim, axis) => (axes ? !axes.includes(axis) : dim !== 1)) }];
  },
  Unsqueeze: (call) => {
    const x = call.x();
    const axes = call.list('axes', 1) ?? [];
    const rank = x.dims.length + axes.length;
    const opened = axes.map((axis) => front(axis, rank)).sort((a, b) => a - b);
    const dims = [...x.dims];
    for (const axis of opened) dims.splice(axis, 0, 1);
    return [{ ...x, dims }];
  },
  Transpose: (call) => {
    const x = call.x();
    const perm = call.list('perm') ?? x.dims.map((_, axis) => x.dims.length - 1 - axis);
    const y = tabulate(
      perm.map((axis) => x.dims[axis]),
      (index) =>
        read(
          x,
          x.dims.map((_, axis) => index[perm.indexOf(axis)]),
        ),
      x.type,
    );
    return [y];
  },
  Expand: (call) => {
    const x = call.x();
    return [tabulate(broadcastDims(x.dims, call.list('shape', 1) ?? []), (index) => readBroadcast(x, index), x.type)];
  },
  DepthToSpace: (call) => {
    const x = call.x();
    const b = call.int('blocksize', 1);
    const [n, deep, h, w] = x.dims;
    const channels = deep / (b * b);
    const columns = call.text('mode', 'DCR') === 'CRD';
    const y = tabulate([n, channels, h * b, w * b], ([i, c, row, column]) => {
      const block = (row % b) * b + (column % b);
      const from = columns ? c * b * b + block : block * channels + c;
      return read(x, [i, from, Math.floor(row / b), Math.floor(column / b)]);
    });
    return [y];
  },
  SpaceToDepth: (call) => {
    const x = call.x();
    const b = call.int('blocksize', 1);
    const [n, channels, h, w] = x.dims;
    const y = tabulate([n, channels * b * b, h / b, w / b], ([i, deep, row, column]) => {
      const block = Math.floor(deep / channels);
      return read(x, [i, deep % channels, row * b + Math.floor(block / b), column * b + (block % b)]);
    });
    return [y];
  },
};
