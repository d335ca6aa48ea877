import type { Shape } from '../../../src/onnx/shape.js';
import { DIMS, microsoft, node, show, type Case } from './case.js';

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

/** Swaps the last two axes of an operand that the node is told to swap back. */
const stored = (shape: Shape, swapped: number): Shape =>
  swapped === 0 ? shape : [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];

const fusedMatMul = PRODUCTS.flatMap(([a, b]) =>
  TRANSPOSES.map(([transA, transB], i): Case => {
    const alpha = [1, 0.5, -3, 0.125][i]!;
    return {
      rule: 'com.microsoft:FusedMatMul',
      label: `${show(a, b)} transA ${transA} transB ${transB} α ${alpha}`,
      dims: DIMS,
      operands: [{ shape: stored(a, transA) }, { shape: stored(b, transB) }],
      write: microsoft('FusedMatMul', { transA, transB, alpha: { float: alpha } }),
    };
  }),
);

const fusedGemm = ['Relu', 'Tanh', 'Sigmoid', 'LeakyRelu'].flatMap((activation) =>
  TRANSPOSES.map(([transA, transB]): Case => {
    const [alpha, beta] = [{ float: 0.5 }, { float: 2 }];
    const slope = activation === 'LeakyRelu' ? { activation_alpha: { float: 0.3 } } : {};
    return {
      rule: 'com.microsoft:FusedGemm',
      label: `${activation} transA ${transA} transB ${transB}`,
      operands: [stored([M, K], transA), stored([K, N], transB), [N]].map((shape) => ({ shape, bends: 0.01 })),
      write: microsoft('FusedGemm', { activation, transA, transB, alpha, beta, ...slope }),
    };
  }),
);

export const matmulCases: readonly Case[] = [
  ...matMul,
  ...gemms,
  ...fusedMatMul,
  ...fusedGemm,
  {
    rule: ':Gemm',
    label: 'an empty name for C, symbolic rows',
    dims: DIMS,
    operands: [{ shape: ['B', 3] }, { shape: [3, 2] }],
    write: (g, [a, b]) => g.op('Gemm', [a!, b!, '']),
  },
];
