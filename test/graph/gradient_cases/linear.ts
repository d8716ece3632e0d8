import { float } from '../../../src/graph/emitter.js';
import type { Case } from './case.js';

/** One Einsum, x in place of each operand in turn. */
function einsum(equation: string, ...operands: (readonly number[])[]): Case[] {
  return operands.map((dims, place) => ({
    name: `Einsum ${equation} operand ${place}`,
    dims,
    build: ({ emit, x, constant }) =>
      emit.op(
        'Einsum',
        operands.map((other, i) => (i === place ? x : constant(other))),
        { equation },
      ),
  }));
}

/** One product, x on either side. */
function matmul(name: string, left: readonly number[], right: readonly number[]): Case[] {
  return [
    {
      name: `MatMul left ${name}`,
      dims: left,
      build: ({ emit, x, constant }) => emit.op('MatMul', [x, constant(right)]),
    },
    {
      name: `MatMul right ${name}`,
      dims: right,
      build: ({ emit, x, constant }) => emit.op('MatMul', [constant(left), x]),
    },
  ];
}

/** Both factors and the bias of a Gemm, in every orientation. */
const gemms: Case[] = [0, 1].flatMap((transA) =>
  [0, 1].flatMap((transB) =>
    [0, 1, 2].map((place): Case => {
      const shapes = [transA ? [5, 2] : [2, 5], transB ? [3, 5] : [5, 3], [2, 1]];
      return {
        name: `Gemm transA ${transA} transB ${transB} input ${place}`,
        dims: shapes[place],
        build: ({ emit, x, constant }) =>
          emit.op(
            'Gemm',
            shapes.map((dims, i) => (i === place ? x : constant(dims))),
            { transA, transB, alpha: float(0.5), beta: float(1.5) },
          ),
      };
    }),
  ),
);

export const linear: Case[] = [
  ...gemms,
  {
    name: 'Gemm right and bias',
    dims: [3, 3],
    build: ({ emit, x, constant }) => emit.op('Gemm', [constant([3, 3]), x, x], { transB: 1, beta: float(2) }),
  },
  {
    name: 'Gemm opset 9',
    dims: [2, 5],
    opset: 9,
    build: ({ emit, x, constant }) => emit.op('Gemm', [x, constant([3, 5]), constant([3])], { transB: 1 }),
  },
  ...matmul('of matrices', [2, 5], [5, 3]),
  ...matmul('batched', [2, 1, 3, 5], [4, 5, 2]),
  ...matmul('of a vector', [5], [2, 5, 3]),
  ...matmul('with a vector', [2, 3, 5], [5]),
  ...matmul('of vectors', [5], [5]),
  { name: 'MatMul both', dims: [3, 3], build: ({ emit, x }) => emit.op('MatMul', [x, x]) },
  ...einsum('bhid,bhjd->bhij', [2, 2, 3, 4], [2, 2, 5, 4]),
  ...einsum('bij,bjk->bik', [2, 3, 4], [2, 4, 2]),
  ...einsum('bhwc,hkc->bhwk', [2, 3, 2, 4], [3, 5, 4]),
  ...einsum('ij,jk', [2, 3], [3, 4]),
  ...einsum('ij->ji', [2, 3]),
  ...einsum('ij->i', [2, 3]),
  ...einsum('ij->', [2, 3]),
  ...einsum('i,j->ij', [2], [3]),
  ...einsum('i,i->', [4], [4]),
  ...einsum('ij,k->i', [2, 3], [4]),
  ...einsum('...ij,...jk->...ik', [2, 3, 4], [2, 4, 5]),
  ...einsum('...ij,jk->...ik', [2, 2, 3, 4], [4, 5]),
  ...einsum('bi,bj,bk->ijk', [2, 3], [2, 2], [2, 4]),
];
