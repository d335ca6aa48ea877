import type { Shape } from '../../../src/onnx/shape.js';
import { DIMS, node, show, type Case } from './case.js';

const PRODUCTS: readonly (readonly [Shape, Shape, number?, number?])[] = [
  [[2, 3], [3, 4]],
  [[2, 3], [3, 4], 1e-3, 1e3],
  [[1, 3], [3, 1]],
  [[2, 1], [1, 3]],
  [[5, 2, 3], [5, 3, 4]],
  [[2, 3], [5, 3, 4]],
  [[5, 2, 3], [3, 4]],
  [[1, 2, 3], [5, 3, 4]],
  [[5, 2, 3], [1, 3, 4], 1e3, 1e-3],
  [[2, 1, 2, 3], [4, 3, 2]],
  [[4, 2, 3], [2, 1, 3, 2]],
  [[2, 3, 2, 3], [2, 3, 3, 2]],
  [['B', 'T', 3], [3, 2]],
  [['B', 'T', 3], ['B', 3, 'T']],
  [['B', 2, 'T', 3], ['B', 2, 3, 'T']],
]; // prettier-ignore

const matMul = PRODUCTS.map(([a, b, scaleA = 1, scaleB = 1]): Case => ({
  rule: ':MatMul',
  label: `${show(a, b)} scales ${scaleA}, ${scaleB}`,
  dims: DIMS,
  operands: [
    { shape: a, scale: scaleA },
    { shape: b, scale: scaleB },
  ],
  write: node('MatMul'),
}));

const [M, N, K] = [2, 4, 3];
const ADDENDS: readonly (Shape | undefined)[] = [undefined, [N], [1, N], [M, 1], [1, 1], [1], [], [M, N]];
const TRANSPOSES = [[0, 0], [0, 1], [1, 0], [1, 1]] as const; // prettier-ignore

function gemm(transA: number, transB: number, c: Shape | undefined, scales: readonly [number?, number?] = []): Case {
  const [alpha, beta] = scales;
  const attributes = {
    transA,
    transB,
    ...(alpha !== undefined && { alpha: { float: alpha } }),
    ...(beta !== undefined && { beta: { float: beta } }),
  };
  return {
    rule: ':Gemm',
    label: `transA ${transA} transB ${transB} C ${c ? show(c) : 'absent'} α ${alpha ?? '-'} β ${beta ?? '-'}`,
    operands: [{ shape: transA ? [K, M] : [M, K] }, { shape: transB ? [N, K] : [K, N] }, ...(c ? [{ shape: c }] : [])],
    write: node('Gemm', attributes),
  };
}

const gemms: Case[] = TRANSPOSES.flatMap(([transA, transB]) => [
  ...ADDENDS.map((c) => gemm(transA, transB, c)),
  gemm(transA, transB, [N], [0.5, 2]),
  gemm(transA, transB, [M, 1], [-3, 0.25]),
  gemm(transA, transB, undefined, [0.5]),
]);

export const matmulCases: readonly Case[] = [
  ...matMul,
  ...gemms,
  {
    rule: ':Gemm',
    label: 'an empty name for C, symbolic rows',
    dims: DIMS,
    operands: [{ shape: ['B', 3] }, { shape: [3, 2] }],
    write: (g, [a, b]) => g.op('Gemm', [a!, b!, '']),
  },
];
