import type { Attributes } from '../../../src/onnx/attributes.js';
import { withAxes } from '../../../src/onnx/rules/rule.js';
import type { Shape } from '../../../src/onnx/shape.js';
import { DIMS, node, show, since, type Case, type Operand } from './case.js';

/** Shape and axes; without axes, all. */
const REDUCTIONS: readonly (readonly [Shape, (readonly number[] | undefined)?])[] = [
  [[4]],
  [[4], [0]],
  [[], undefined],
  [[2, 3]],
  [[2, 3], [-1]],
  [[2, 3], [0]],
  [[2, 1, 3], [1]],
  [[2, 3, 2], [0, 2]],
  [[2, 3, 2], [-1, 0]],
  [[2, 3, 2], [1, 2]],
  [[2, 1, 3, 2], [2]],
  [[2, 1, 3, 2], [3, 0]],
  [['B', 'T', 2], [-1]],
  [['B', 'T', 2], [1]],
  [['B', 'T', 2], [0, 1]],
  [['B', 2]],
]; // prettier-ignore

const ranges: readonly Omit<Operand, 'shape'>[] = [{}, { scale: 1e-3 }, { scale: 1e3 }];

function reduction(type: string, shape: Shape, axes: readonly number[] | undefined, keepdims: number | undefined, values: Omit<Operand, 'shape'>): Case {
  const attributes: Attributes = { keepdims };
  return {
    rule: `:${type}`,
    label: `${show(shape)} axes ${axes?.join() ?? 'all'} keepdims ${keepdims ?? 'default'} ${JSON.stringify(values)}`,
    dims: DIMS,
    operands: [{ shape, ...values }],
    write: (g, [x]) =>
      axes === undefined ? g.op(type, [x!], attributes) : withAxes(g, type, x!, axes, { ...(keepdims !== undefined && { keepdims }) }),
  };
} // prettier-ignore

function reductions(type: string, scaled: readonly Omit<Operand, 'shape'>[]): Case[] {
  const plain = scaled[0]!;
  return [
    ...REDUCTIONS.flatMap(([shape, axes]) => [0, 1].map((keep) => reduction(type, shape, axes, keep, plain))),
    reduction(type, [2, 3], [1], undefined, plain),
    ...scaled.slice(1).flatMap((values) => [0, 1].map((keep) => reduction(type, [3, 4], [1], keep, values))),
    ...emptyAxes(type, plain),
  ];
}

/** Where axes are an input they may be an empty list: all of them, or none when `noop_with_empty_axes` says so. */
function emptyAxes(type: string, values: Omit<Operand, 'shape'>): Case[] {
  const opsets = type === 'ReduceSum' ? since(13) : since(18);
  const operands = [{ shape: [2, 3], ...values }];
  return [
    {
      rule: `:${type}`,
      label: 'an empty list of axes reduces all',
      opsets,
      operands,
      write: (g, [x]) => g.op(type, [x!, g.integers([])], { keepdims: 0 }),
    },
    {
      rule: `:${type}`,
      label: 'noop_with_empty_axes, an empty list',
      opsets,
      operands,
      write: (g, [x]) => g.op(type, [x!, g.integers([])], { noop_with_empty_axes: 1 }),
    },
    {
      rule: `:${type}`,
      label: 'noop_with_empty_axes, no axes, no keepdims',
      opsets,
      operands,
      write: (g, [x]) => g.op(type, [x!], { noop_with_empty_axes: 1, keepdims: 0 }),
    },
  ];
}

/** Before operator set 13 the rule takes the last axis only. */
const SOFT: readonly (readonly [Shape, number | undefined, (readonly number[])?])[] = [
  [[5], -1],
  [[5], 0],
  [[2, 3], undefined],
  [[2, 3], -1],
  [[2, 3], 1],
  [[2, 3], 0, since(13)],
  [[2, 3, 4], undefined, since(13)],
  [[2, 3, 4], 1, since(13)],
  [[2, 3, 4], 0, since(13)],
  [[2, 3, 4], 2],
  [[2, 1, 3, 2], -1],
  [[2, 1, 3, 2], -2, since(13)],
  [[3, 1], -1],
  [['B', 2, 'T'], -1],
]; // prettier-ignore

const SOFT_VALUES: readonly Omit<Operand, 'shape'>[] = [
  { scale: 1e-3 },
  { scale: 10, bends: 1 },
  { offset: 300, bends: 1 },
  { offset: -1e3, bends: 1 },
];

const soft = (type: string): Case[] => [
  ...SOFT.map(([shape, axis, opsets]) => ({
    rule: `:${type}`,
    label: `${show(shape)} axis ${axis ?? 'default'}`,
    ...(opsets && { opsets }),
    dims: DIMS,
    operands: [{ shape, scale: 2, bends: 1 }],
    write: node(type, { axis }),
  })),
  ...SOFT_VALUES.map((values) => ({
    rule: `:${type}`,
    label: JSON.stringify(values),
    operands: [{ shape: [3, 4], ...values }],
    write: node(type, { axis: -1 }),
  })),
];

export const reductionCases: readonly Case[] = [
  ...reductions('ReduceSum', ranges),
  ...reductions('ReduceMean', ranges),
  ...reductions('ReduceLogSumExp', [
    { bends: 1 },
    { scale: 1e-3 },
    { scale: 20, bends: 1 },
    { offset: 300, bends: 1 },
    { offset: -1e3, bends: 1 },
  ]),
  ...reductions('ReduceMax', [{ bends: 1e-3 }, { scale: 1e-3, bends: 1e-6 }]),
  ...reductions('ReduceMin', [{ bends: 1e-3 }, { scale: 1e-3, bends: 1e-6 }]),
  ...reductions('ReduceL1', [{ draw: 'apart' }, { draw: 'apart', scale: 1e3 }]),
  ...reductions('ReduceL2', [{ draw: 'apart' }, { draw: 'apart', scale: 1e-3 }, { draw: 'apart', scale: 1e3 }]),
  ...reductions('ReduceSumSquare', ranges),
  ...soft('Softmax'),
  ...soft('LogSoftmax'),
];
