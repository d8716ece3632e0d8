import { float } from '../../../src/graph/emitter.js';
import type { Case } from './case.js';

export const linear: Case[] = [
  {
    name: 'Gemm',
    dims: [2, 5],
    build: ({ emit, x, constant }) => emit.op('Gemm', [x, constant([5, 3]), constant([3])], { alpha: float(0.5) }),
  },
  {
    name: 'Gemm transB',
    dims: [2, 5],
    build: ({ emit, x, constant }) => emit.op('Gemm', [x, constant([3, 5])], { transB: 1 }),
  },
  {
    name: 'Gemm transA',
    dims: [5, 2],
    build: ({ emit, x, constant }) => emit.op('Gemm', [x, constant([5, 3])], { transA: 1 }),
  },
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
  { name: 'MatMul', dims: [2, 5], build: ({ emit, x, constant }) => emit.op('MatMul', [x, constant([5, 3])]) },
  {
    name: 'MatMul batched',
    dims: [2, 1, 3, 5],
    build: ({ emit, x, constant }) => emit.op('MatMul', [x, constant([4, 5, 2])]),
  },
  { name: 'MatMul both', dims: [3, 3], build: ({ emit, x }) => emit.op('MatMul', [x, x]) },
];
