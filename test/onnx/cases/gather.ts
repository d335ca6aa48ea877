import type { Shape } from '../../../src/onnx/shape.js';
import { DIMS, show, since, type Case } from './case.js';

/** Shape, axis, indices with their own shape. */
const FORMS: readonly (readonly [Shape, number, readonly number[], readonly number[]])[] = [
  [[5], 0, [2], []],
  [[5], 0, [3, 0], [2]],
  [[5], 0, [-1, 4, 4], [3]],
  [[2, 3], 0, [1], []],
  [[2, 3], 1, [-1], []],
  [[2, 3], 1, [0, 2, 0], [3]],
  [[2, 3], 0, [1, 0, 1, 1], [2, 2]],
  [[2, 4, 3], 1, [0], []],
  [[2, 4, 3], 1, [0], [1]],
  [[2, 4, 3], 1, [-2, 1], [1, 2]],
  [[2, 4, 3], -1, [2, 2, 0, 1], [2, 2]],
  [[2, 1, 4, 3], 0, [1], []],
  [['B', 'T', 4], 1, [0], []],
  [['B', 'T', 4], 1, [-1], [1]],
  [['B', 'T', 4], 1, [1, 0, 1], [3]],
  [['B', 'T', 4], 0, [2, -1], [2]],
  [['B', 'T', 4], 2, [3, 1], [2]],
]; // prettier-ignore

const constant = FORMS.map(([shape, axis, values, of]): Case => ({
  rule: ':Gather',
  label: `${show(shape)} axis ${axis} at ${values.join()} ${show(of)}`,
  dims: DIMS,
  operands: [{ shape }],
  write(g, [x]) {
    const data = BigInt64Array.from(values.map(BigInt));
    return g.op('Gather', [x!, g.constant({ type: 'int64', data, shape: of })], { axis });
  },
}));

/** Indices in 32 bits, and ones that depend on the data themselves: no derivative goes through them. */
const others: readonly Case[] = [
  {
    rule: ':Gather',
    label: 'at int32 indices',
    operands: [{ shape: [2, 3] }],
    write: (g, [x]) =>
      g.op('Gather', [x!, g.constant({ type: 'int32', data: Int32Array.of(2, -3), shape: [2] })], { axis: 1 }),
  },
  {
    rule: ':Gather',
    label: 'at the place of the greatest of another tensor',
    opsets: since(13),
    dims: DIMS,
    operands: [{ shape: ['B', 'T', 3] }, { shape: ['T', 2], bends: 1e-3 }],
    write(g, [x, y]) {
      const picked = g.op('Gather', [x!, g.op('ArgMax', [y!], { axis: 0, keepdims: 0 })], { axis: 1 });
      return g.op('Mul', [picked, g.op('ReduceMax', [y!], { keepdims: 0 })]);
    },
  },
  {
    rule: ':Gather',
    label: 'then broadcast, then summed',
    dims: DIMS,
    operands: [{ shape: ['B', 'T', 4] }, { shape: ['T', 1, 4] }],
    write: (g, [x, y]) => g.op('Mul', [g.op('Gather', [g.op('Tanh', [x!]), g.scalar(0, 'int64')], { axis: 1 }), y!]),
  },
];

export const gatherCases: readonly Case[] = [...constant, ...others];
