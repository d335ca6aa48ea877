import type { Shape } from '../../../src/onnx/shape.js';
import { DIMS, floats, node, show, since, type Case, type Operand } from './case.js';

/** Pairs that broadcast in every way: equal, leading axes missing, ones stretched on either side or both, scalars, symbolic. */
export const PAIRS: readonly (readonly [Shape, Shape])[] = [
  [[2, 3], [2, 3]],
  [[2, 3], [3]],
  [[3], [2, 3]],
  [[2, 3, 4], [1, 4]],
  [[2, 1, 3], [4, 1]],
  [[1], [2, 3]],
  [[2, 3], []],
  [[], [2, 3]],
  [[], []],
  [[1, 1], [1, 1]],
  [[2, 1, 3, 1], [4, 1, 2]],
  [[1, 2, 1, 3], [2, 1, 3, 1]],
  [['B', 'T', 2], [1, 2]],
  [['B', 1, 2], ['B', 'T', 2]],
  [['B'], ['T', 1]],
]; // prettier-ignore

const binary = (type: string, second: Operand['draw'] = 'signed'): Case[] =>
  [...PAIRS.map((shapes) => [shapes, 1, 1] as const), ...SCALES].map(([[a, b], scaleA, scaleB]) => ({
    rule: `:${type}`,
    label: `${show(a, b)} scales ${scaleA}, ${scaleB}`,
    dims: DIMS,
    operands: [
      { shape: a, scale: scaleA },
      { shape: b, scale: scaleB, draw: second },
    ],
    write: node(type),
  }));

const SCALES: readonly (readonly [readonly [Shape, Shape], number, number])[] = [
  [[[2, 3], [3]], 1e-3, 1e3],
  [[[3], [2, 3]], 1e3, 1e-3],
]; // prettier-ignore

export const SHAPES: readonly Shape[] = [[5], [], [1], [2, 3], [2, 1, 3], [2, 1, 2, 2], ['B', 'T', 2]];

/** Over all shapes at scale 1, then at other scales. `bends`: the scale of the function's own curvature. */
const unary = (type: string, options: { scales: readonly number[]; draw?: Operand['draw']; bends?: number }): Case[] =>
  [...SHAPES.map((shape) => [shape, 1] as const), ...options.scales.map((scale) => [[3, 4], scale] as const)].map(
    ([shape, scale]) => ({
      rule: `:${type}`,
      label: `${show(shape)} scale ${scale}`,
      dims: DIMS,
      operands: [{ shape, scale, draw: options.draw ?? 'signed', ...(options.bends && { bends: options.bends }) }],
      write: node(type),
    }),
  );

const ANY = [1e-3, 1e3];

const power = (exponent: number, operand: Operand, exponentShape: readonly number[] = []): Case => ({
  rule: ':Pow',
  label: `${exponent} ${show(exponentShape)} of ${show(operand.shape)} scale ${operand.scale ?? 1}`,
  dims: DIMS,
  operands: [operand],
  write: (g, [x], type) => g.op('Pow', [x!, floats(g, type, [exponent], exponentShape)]),
});

const EXPONENTS: readonly (readonly [number, Operand['draw']])[] = [
  [2, 'signed'], [3, 'signed'], [4, 'signed'], [1, 'signed'], [-1, 'apart'], [-2, 'apart'], [0.5, 'positive'], [-0.5, 'positive'], [1.7, 'positive'],
]; // prettier-ignore

const pow: Case[] = [
  ...EXPONENTS.flatMap(([exponent, draw = 'signed']) =>
    [1e-3, 1, 1e3].map((scale) => power(exponent, { shape: [2, 3], draw, scale })),
  ),
  power(2, { shape: [3] }, [1]),
  power(3, { shape: [3] }, [1, 1, 1]),
  power(0.5, { shape: ['B', 1, 2], draw: 'positive' }, [1]),
  power(2, { shape: [] }),
  {
    rule: ':Pow',
    label: 'an integer exponent',
    opsets: since(13),
    operands: [{ shape: [2, 3] }],
    write: (g, [x]) => g.op('Pow', [x!, g.scalar(3, 'int64')]),
  },
];

const sums = (
  [
    [[2, 3]],
    [[2, 3], [3]],
    [[2, 3], [2, 1], []],
    [['B', 'T', 2], [2], ['T', 1]],
  ] as readonly (readonly Shape[])[]
).map((shapes): Case => ({
  rule: ':Sum',
  label: show(...shapes),
  dims: DIMS,
  operands: shapes.map((shape) => ({ shape })),
  write: node('Sum'),
})); // prettier-ignore

export const elementwiseCases: readonly Case[] = [
  ...binary('Add'),
  ...binary('Sub'),
  ...binary('Mul'),
  ...binary('Div', 'apart'),
  ...pow,
  ...unary('Neg', { scales: ANY }),
  ...unary('Identity', { scales: ANY }),
  ...unary('Dropout', { scales: ANY }),
  {
    rule: ':Dropout',
    label: 'with ratio and training_mode = false',
    opsets: since(13),
    operands: [{ shape: [2, 3] }],
    write: (g, [x]) =>
      g.op('Dropout', [x!, g.scalar(0.5), g.constant({ type: 'bool', data: Uint8Array.of(0), shape: [] })]),
  },
  ...unary('Sqrt', { scales: ANY, draw: 'positive' }),
  ...unary('Reciprocal', { scales: ANY, draw: 'apart' }),
  ...unary('Log', { scales: ANY, draw: 'positive' }),
  ...unary('Relu', { scales: ANY, draw: 'apart' }),
  ...unary('Exp', { scales: [1e-3, 10], bends: 1 }),
  // At scale 1e3 these are flat everywhere: the derivative must be 0, not NaN.
  ...unary('Erf', { scales: [1e-3, 3, 1e3], draw: 'apart', bends: 0.5 }),
  ...unary('Tanh', { scales: [1e-3, 4, 1e3], draw: 'apart', bends: 0.5 }),
  ...unary('Sigmoid', { scales: [1e-3, 8, 1e3], draw: 'apart', bends: 0.5 }),
  ...unary('Abs', { scales: ANY, draw: 'apart' }),
  ...unary('Sin', { scales: [1e-3, 10], bends: 1 }),
  ...unary('Cos', { scales: [1e-3, 10], bends: 1 }),
  ...sums,
];
