/** Random cases of matrix products, and of sums of products over named axes. */
import fc from 'fast-check';
import type { Shape } from '../../../src/onnx/shape.js';
import { microsoft, node } from '../cases/case.js';
import { broadcasting, opset, shapeOf, size, values, type Drawn, type Generators } from './draw.js';

/** Shapes of two operands, batches broadcasting, with the last two axes as `trans` says they are stored. */
const operands = (trans: readonly [number, number]) =>
  fc.tuple(broadcasting(2, 0, 2), size, size, size, fc.boolean()).map(([{ shapes, dims }, m, k, n, named]) => {
    const inner = named ? `kof${k}` : k;
    const stored = (rows: number | string, columns: number | string, swapped: number): Shape =>
      swapped === 0 ? [rows, columns] : [columns, rows];
    const [left, right] = shapes as readonly [Shape, Shape];
    return {
      shapes: [
        [...left, ...stored(m, inner, trans[0])],
        [...right, ...stored(inner, n, trans[1])],
      ] as const,
      dims: { ...dims, [`kof${k}`]: k },
      size: [m, n] as const,
    };
  });

const matMul = fc.tuple(operands([0, 0]), opset()).map(([{ shapes, dims }, set]): Drawn => ({
  detail: shapes,
  opset: set,
  dims,
  operands: shapes.map((shape) => ({ shape })),
  write: node('MatMul'),
})); // prettier-ignore

const flags = fc.tuple(fc.nat(1), fc.nat(1));
const factor = values(undefined, 0.5, -2);
const attribute = (value: number | undefined) => (value === undefined ? undefined : { float: value });

const fusedMatMul = flags.chain((trans) =>
  fc.tuple(operands(trans), opset(), factor).map(([{ shapes, dims }, set, alpha]): Drawn => ({
    detail: [shapes, trans, alpha],
    opset: set,
    dims,
    operands: shapes.map((shape) => ({ shape })),
    write: microsoft('FusedMatMul', { transA: trans[0], transB: trans[1], alpha: attribute(alpha) }),
  })),
);

/** C in every shape that broadcasts to the result, or left out. */
const gemm = (activation: string | undefined): fc.Arbitrary<Drawn> =>
  fc
    .tuple(flags, fc.tuple(size, size, size), fc.nat(6), opset(), factor, factor)
    .map(([[transA, transB], [m, k, n], which, set, alpha, beta]) => {
      const addend = [undefined, [], [1], [n], [m, 1], [1, n], [m, n]][which];
      const shapes = [
        transA === 0 ? [m, k] : [k, m],
        transB === 0 ? [k, n] : [n, k],
        ...(addend === undefined ? [] : [addend]),
      ];
      // onnxruntime's own operator has no defaults.
      const one = activation === undefined ? undefined : 1;
      const attributes = { transA, transB, alpha: attribute(alpha ?? one), beta: attribute(beta ?? one) };
      return {
        detail: [shapes, attributes, activation],
        opset: set,
        operands: shapes.map((shape) => ({ shape, bends: 1e-3 })),
        write:
          activation === undefined
            ? node('Gemm', attributes)
            : microsoft('FusedGemm', { ...attributes, activation, activation_alpha: { float: 0.3 } }),
      };
    });

/** One to three operands over the letters a to d, and some of their letters as result. */
const einsum = fc
  .tuple(
    shapeOf(4),
    fc.array(fc.subarray(['a', 'b', 'c', 'd']).chain(shuffled), { minLength: 1, maxLength: 3 }),
    opset(13),
  )
  .chain(([sizes, terms, set]) => {
    const letters = [...new Set(terms.flat())];
    return fc.shuffledSubarray(letters).map((result): Drawn => {
      const equation = `${terms.map((term) => term.join('')).join(',')}->${result.join('')}`;
      return {
        detail: [equation, sizes],
        opset: set,
        operands: terms.map((term) => ({ shape: term.map((letter) => sizes['abcd'.indexOf(letter)]!) })),
        write: node('Einsum', { equation }),
      };
    });
  });

function shuffled<T>(items: readonly T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...items], { minLength: items.length });
}

export const products: Generators = {
  ':MatMul': matMul,
  ':Gemm': gemm(undefined),
  ':Einsum': einsum,
  'com.microsoft:FusedMatMul': fusedMatMul,
  'com.microsoft:FusedGemm': values('Relu', 'Tanh', 'Sigmoid', 'LeakyRelu').chain(gemm),
};
