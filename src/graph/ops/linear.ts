import { floatAttribute, intAttribute } from '../ir.js';
import { ShapeMismatch, broadcast, type GradientView, type OpRules } from './rules.js';

/** a · b with a scale, transposing either 2-D factor. */
function gemm({ emit }: GradientView, a: string, b: string, transA: number, transB: number, alpha: number): string {
  if (emit.opset >= 11) return emit.op('Gemm', [a, b], { transA, transB, alpha: { kind: 'float', value: alpha } });
  const left = transA ? emit.transpose(a, [1, 0]) : a;
  const right = transB ? emit.transpose(b, [1, 0]) : b;
  return emit.scale(emit.op('MatMul', [left, right]), alpha);
}

/** The last two axes swapped. */
function swapped({ emit }: GradientView, a: string): string {
  const rank = emit.dims(a).length;
  return emit.transpose(a, [...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2]);
}

export const linear: Record<string, OpRules> = {
  Gemm: {
    shape: (view) => {
      const a = view.input(0);
      const b = view.input(1);
      if (a.dims.length !== 2 || b.dims.length !== 2) throw new ShapeMismatch('both factors must have two axes');
      const transA = intAttribute(view.node, 'transA', 0);
      const transB = intAttribute(view.node, 'transB', 0);
      if (a.dims[transA ? 0 : 1] !== b.dims[transB ? 1 : 0]) {
        throw new ShapeMismatch(`factors of dims [${a.dims.join(', ')}] and [${b.dims.join(', ')}] do not fit`);
      }
      return [{ type: a.type, dims: [a.dims[transA ? 1 : 0], b.dims[transB ? 0 : 1]] }];
    },
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [];
      const { node, emit } = view;
      const [a, b, c] = node.inputs;
      const transA = intAttribute(node, 'transA', 0);
      const transB = intAttribute(node, 'transB', 0);
      const alpha = floatAttribute(node, 'alpha', 1);
      return [
        view.wants(0)
          ? transA
            ? gemm(view, b, g, transB, 1, alpha)
            : gemm(view, g, b, 0, 1 - transB, alpha)
          : undefined,
        view.wants(1)
          ? transB
            ? gemm(view, g, a, 1, transA, alpha)
            : gemm(view, a, g, 1 - transA, 0, alpha)
          : undefined,
        c && view.wants(2) ? emit.unbroadcast(emit.scale(g, floatAttribute(node, 'beta', 1)), emit.dims(c)) : undefined,
      ];
    },
  },
  MatMul: {
    shape: (view) => {
      const a = view.input(0);
      const b = view.input(1);
      // A vector counts as one row (left) or one column (right), and the extra axis is dropped again.
      const left = a.dims.length === 1 ? [1, ...a.dims] : a.dims;
      const right = b.dims.length === 1 ? [...b.dims, 1] : b.dims;
      if (left.at(-1) !== right.at(-2)) {
        throw new ShapeMismatch(`factors of dims [${a.dims.join(', ')}] and [${b.dims.join(', ')}] do not fit`);
      }
      const dims = broadcast(left.slice(0, -2), right.slice(0, -2));
      if (a.dims.length > 1) dims.push(left[left.length - 2]);
      if (b.dims.length > 1) dims.push(right[right.length - 1]);
      return [{ type: a.type, dims }];
    },
    gradient: (view) => {
      const g = view.arriving(0);
      if (!g) return [];
      const { emit, node } = view;
      const [a, b] = node.inputs;
      const [da, db] = [emit.dims(a), emit.dims(b)];
      // A vector is one row (left) or one column (right), whose axis the product lacks.
      const left = da.length === 1 ? emit.reshape(a, [1, da[0]]) : a;
      const right = db.length === 1 ? emit.reshape(b, [db[0], 1]) : b;
      const lead = broadcast(emit.dims(left).slice(0, -2), emit.dims(right).slice(0, -2));
      const whole = emit.reshape(g, [...lead, emit.dims(left).at(-2) as number, emit.dims(right).at(-1) as number]);
      const back = (part: string, like: string, dims: readonly number[]) =>
        emit.reshape(emit.unbroadcast(part, emit.dims(like)), dims);
      return [
        view.wants(0) ? back(emit.op('MatMul', [whole, swapped(view, right)]), left, da) : undefined,
        view.wants(1) ? back(emit.op('MatMul', [swapped(view, left), whole]), right, db) : undefined,
      ];
    },
  },
};
