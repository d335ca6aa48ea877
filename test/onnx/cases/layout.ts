import { withAxes } from '../../../src/onnx/rules/rule.js';
import type { Shape } from '../../../src/onnx/shape.js';
import { DIMS, node, show, type Case } from './case.js';

const one = (rule: string, shape: Shape, detail: string, write: Case['write'], opsets?: readonly number[]): Case => ({
  rule: `:${rule}`,
  label: `${show(shape)} ${detail}`,
  ...(opsets && { opsets }),
  dims: DIMS,
  operands: [{ shape }],
  write,
});

const END = Number.MAX_SAFE_INTEGER;

const reshape = (
  [
    [[2, 3, 4], [6, 4]],
    [[2, 3, 4], [0, -1]],
    [[2, 3, 4], [0, 0, 2, -1]],
    [[2, 3, 4], [-1]],
    [[6, 4], [3, -1, 4]],
    [[4, 3], [2, -1]],
    [[1], [1, 1, 1]],
    [[1, 1], []],
    [[], [1, -1]],
    [['B', 'T', 4], [-1, 4]],
    [['B', 'T', 4], [0, 0, 2, 2]],
    [['B', 'T', 4], [0, -1]],
    [['B', 4], [0, 2, -1]],
    [['B', 4], [-1, 2, 2]],
    [['B', 4], [-1, 2]],
  ] as const
).map(([shape, target]) => one('Reshape', shape, `to ${target.join()}`, (g, [x]) => g.op('Reshape', [x!, g.integers(target)]))); // prettier-ignore

const reshapeLike: Case = {
  rule: ':Reshape',
  label: 'to the shape of another tensor',
  dims: DIMS,
  operands: [{ shape: ['B', 4] }, { shape: ['B', 2, 2] }],
  write: (g, [x, y]) => g.op('Mul', [y!, g.op('Reshape', [x!, g.op('Shape', [y!])])]),
};

const reshapeByParts: Case = {
  rule: ':Reshape',
  label: 'to a shape put together at run time',
  opsets: [13, 17, 18, 20],
  dims: DIMS,
  operands: [{ shape: ['B', 'T', 6] }, { shape: [1, 'T', 1, 3] }],
  write(g, [x, y]) {
    const sizes = g.op('Slice', [g.op('Shape', [x!]), g.integers([0]), g.integers([2])]);
    return g.op('Mul', [y!, g.op('Reshape', [x!, g.op('Concat', [sizes, g.integers([-1, 3])], { axis: 0 })])]);
  },
};

const flatten = (
  [
    [[2, 3, 4], undefined],
    [[2, 3, 4], 0],
    [[2, 3, 4], 2],
    [[2, 3, 4], 3],
    [[2, 3, 4], -1],
    [[2, 1, 3, 2], -2],
    [[3], 0],
    [['B', 'T', 2], 2],
    [['B', 'T', 2], 1],
  ] as const
).map(([shape, axis]) => one('Flatten', shape, `axis ${axis ?? 'default'}`, node('Flatten', { axis })));

const squeeze = (
  [
    [[2, 1, 3], [1]],
    [[2, 1, 3, 1], [-1, 1]],
    [[2, 1, 3, 1], [3]],
    [[1], [0]],
    [['B', 1, 'T'], [1]],
  ] as const
).map(([shape, axes]) => one('Squeeze', shape, `axes ${axes.join()}`, (g, [x]) => withAxes(g, 'Squeeze', x!, axes))); // prettier-ignore

const unsqueeze = (
  [
    [[2, 3], [0]],
    [[2, 3], [-1]],
    [[2, 3], [1, 3]],
    [[2, 3], [-1, 0]],
    [[2, 3], [3, 0]],
    [[2, 3], [1, 0]],
    [[], [0]],
    [['B', 'T'], [1]],
  ] as const
).map(([shape, axes]) => one('Unsqueeze', shape, `axes ${axes.join()}`, (g, [x]) => withAxes(g, 'Unsqueeze', x!, axes))); // prettier-ignore

const transpose = (
  [
    [[2, 3], undefined],
    [[2, 3, 4], undefined],
    [[2, 3, 4], [1, 2, 0]],
    [[2, 3, 4], [2, 0, 1]],
    [[2, 1, 3, 2], [0, 2, 1, 3]],
    [[2, 1, 3, 2], [3, 0, 2, 1]],
    [[4], [0]],
    [['B', 'T', 2], [1, 2, 0]],
  ] as const
).map(([shape, perm]) => one('Transpose', shape, `perm ${perm?.join() ?? 'default'}`, node('Transpose', { perm }))); // prettier-ignore

const expand = (
  [
    [[3], [2, 3]],
    [[2, 1], [2, 4]],
    [[3, 1], [1, 4]],
    [[2, 3], [1]],
    [[2, 3], []],
    [[], [2, 2]],
    [[1], [3]],
    [[2, 1, 2], [2, 2, 3, 1]],
    [['B', 1], [1, 4]],
    [['B', 1], [2, 1, 1]],
  ] as const
).map(([shape, target]) => one('Expand', shape, `to ${target.join()}`, (g, [x]) => g.op('Expand', [x!, g.integers(target)]))); // prettier-ignore

const expandLike: Case = {
  rule: ':Expand',
  label: 'to the shape of another tensor',
  dims: DIMS,
  operands: [{ shape: ['T', 1] }, { shape: ['B', 'T', 2] }],
  write: (g, [x, y]) => g.op('Mul', [y!, g.op('Expand', [x!, g.op('Shape', [y!])])]),
};

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
  write: (g, [x]) => g.op('Concat', [x!, g.op('Expand', [g.scalar(2, type(g, x!)), g.integers([2, 2])]), x!], { axis: 1 }),
}; // prettier-ignore

const type = (g: Parameters<Case['write']>[0], x: string): 'float32' | 'float64' =>
  g.known(x).type === 'float64' ? 'float64' : 'float32';

/** Starts, ends, axes, steps. */
const slice = (
  [
    [[5], [1], [3]],
    [[5, 2], [1], [4]],
    [[5, 2], [1], [4], [0]],
    [[2, 5], [1], [4], [1]],
    [[2, 5], [-3], [-1], [-1]],
    [[2, 5], [2], [END], [1]],
    [[2, 5], [-END], [2], [1]],
    [[2, 5], [0], [1], [1]],
    [[2, 5], [4], [5], [1], [1]],
    [[2, 1, 3, 2], [1], [3], [2]],
    [[2, 3], [0], [END], [0]],
    [['B', 'T', 4], [1], [3], [2]],
    [['B', 4], [0], [1], [-1]],
  ] as const
).map(([shape, ...range]) => one('Slice', shape, range.map((r) => `[${r.join()}]`).join(' '), (g, [x]) => g.op('Slice', [x!, ...range.map((r) => g.integers(r))]))); // prettier-ignore

/** Cotangents that pass a Slice on the way back go on through rules that need to know their shape. */
const sliceInside: Case = {
  rule: ':Slice',
  label: 'behind a broadcast, with a broadcast after it',
  dims: DIMS,
  operands: [{ shape: ['B', 4] }, { shape: [4] }, { shape: [1, 2] }],
  write: (g, [x, y, z]) => {
    const sum = g.op('Sqrt', [g.op('Exp', [g.op('Add', [x!, y!])])]);
    return g.op('Mul', [g.op('Slice', [sum, g.integers([1]), g.integers([3]), g.integers([1])]), z!]);
  },
};

/** All starts, then all ends; negative ones crop. */
const pad = (
  [
    [[3], [1, 2]],
    [[2, 3], [0, 1, 2, 0]],
    [[2, 4], [0, -1, 0, -2]],
    [[2, 4], [1, -1, 0, 3]],
    [[2, 1, 3, 2], [0, 1, 0, 0, 0, 2, 0, 1]],
    [['B', 3], [0, 1, 0, 1]],
  ] as const
).flatMap(([shape, pads]) => [
  one('Pad', shape, `by ${pads.join()}`, (g, [x]) => g.op('Pad', [x!, g.integers(pads)])),
  one('Pad', shape, `by ${pads.join()} with 3`, (g, [x]) => g.op('Pad', [x!, g.integers(pads), g.scalar(3, type(g, x!))])),
]); // prettier-ignore

export const layoutCases: readonly Case[] = [
  ...reshape,
  reshapeLike,
  reshapeByParts,
  ...flatten,
  ...squeeze,
  one('Squeeze', [2, 1, 3, 1], 'without axes', node('Squeeze')),
  ...unsqueeze,
  ...transpose,
  ...expand,
  expandLike,
  ...concat,
  concatTwice,
  ...slice,
  sliceInside,
  ...pad,
];
