import type { Shape } from '../../../src/onnx/shape.js';
import { DIMS, floatType, node, show, since, type Case } from './case.js';

const concat = (
  [
    [0, [[2, 3], [1, 3]]],
    [1, [[2, 3], [2, 1], [2, 2]]],
    [-1, [[2, 1, 3], [2, 1, 2]]],
    [0, [[2], [1]]],
    [2, [[2, 1, 1, 2], [2, 1, 3, 2]]],
    [0, [[2, 3]]],
    [1, [['B', 2], ['B', 1]]],
    [-1, [['B', 'T', 2], ['B', 'T', 2]]],
    [0, [['B', 2], ['B', 2]]],
    [1, [['B', 1, 2], ['B', 'T', 2]]],
    [1, [['B', 'T', 2], ['B', 1, 2], ['B', 'T', 2], ['B', 3, 2]]],
    [0, [['T']]],
  ] as const
).map(([axis, shapes]): Case => ({
  rule: ':Concat',
  label: `${show(...shapes)} axis ${axis}`,
  dims: DIMS,
  operands: shapes.map((shape) => ({ shape })),
  write: node('Concat', { axis }),
})); // prettier-ignore

const concatTwice: Case = {
  rule: ':Concat',
  label: 'a tensor with itself and a constant',
  operands: [{ shape: [2, 3] }],
  write: (g, [x]) => g.op('Concat', [x!, g.op('Expand', [g.scalar(2, floatType(g, x!)), g.integers([2, 2])]), x!], { axis: 1 }),
}; // prettier-ignore

interface Form {
  readonly shape: Shape;
  readonly axis?: number;
  readonly sizes?: readonly number[];
  /** Of the outputs used. */
  readonly used: readonly number[];
  readonly count: number;
}

/** Splits, then multiplies what is used by different numbers and joins it. */
function split({ shape, axis, sizes, used, count }: Form, form: 'attribute' | 'input' | 'num_outputs' | 'equal'): Case {
  const opsets = {
    attribute: [11],
    input: since(13),
    num_outputs: since(18),
    equal: [11, 13, 17],
  };
  return {
    rule: ':Split',
    label: `${show(shape)} axis ${axis ?? 'default'} by ${form} ${sizes?.join() ?? count}, of which ${used.join()} is used`,
    opsets: opsets[form],
    dims: DIMS,
    operands: [{ shape }],
    write(g, [x]) {
      const outputs = Array.from({ length: count }, (_, i) => `${x!}/part${i}`);
      const more = form === 'input' ? [g.integers(sizes!)] : [];
      const attributes = {
        axis,
        ...(form === 'attribute' && { split: sizes }),
        ...(form === 'num_outputs' && { num_outputs: count }),
      };
      g.op('Split', [x!, ...more], attributes, { outputs });
      const scaled = used.map((i) => g.op('Mul', [outputs[i]!, g.scalar(i + 1, floatType(g, x!))]));
      return g.op('Concat', scaled, { axis: axis ?? 0 });
    },
  };
}

const NAMED: readonly Form[] = [
  { shape: [5], sizes: [2, 3], used: [0, 1], count: 2 },
  { shape: [2, 6], axis: 1, sizes: [1, 2, 3], used: [0, 1, 2], count: 3 },
  { shape: [2, 6], axis: -1, sizes: [1, 2, 3], used: [1], count: 3 },
  { shape: ['B', 'T', 6], axis: 2, sizes: [4, 2], used: [1], count: 2 },
  { shape: ['B', 'T', 6], axis: -1, sizes: [3, 3], used: [0, 1], count: 2 },
];
const EQUAL: readonly Form[] = [
  { shape: [4], used: [0, 1], count: 2 },
  { shape: [2, 6], axis: 1, used: [0, 2], count: 3 },
  { shape: ['B', 'T', 6], axis: -1, used: [1], count: 2 },
];
const UNEVEN: readonly Form[] = [
  { shape: [5], used: [0, 1], count: 2 },
  { shape: [2, 7], axis: 1, used: [0, 2], count: 3 },
];

export const joiningCases: readonly Case[] = [
  ...concat,
  concatTwice,
  ...NAMED.flatMap((form) => [split(form, 'attribute'), split(form, 'input')]),
  ...EQUAL.flatMap((form) => [split(form, 'equal'), split(form, 'num_outputs')]),
  ...UNEVEN.map((form) => split(form, 'num_outputs')),
];
