import { DIMS, floatType, since, type Case } from './case.js';
import { one } from './layout.js';

const END = Number.MAX_SAFE_INTEGER;

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
    [[4, 5], [1, 0], [3, 2]],
    [[4, 5, 3], [1, -2], [3, END], [0, 2]],
    [[2, 1, 4, 3], [2, 1, 0], [3, 2, 1], [-1, 2, 1], [1, 1, 1]],
    [['B', 'T', 4], [0], [1], [1]],
    [['B', 'T', 4], [-1], [END], [1]],
    [['B', 'T', 4], [0], [END], [1]],
    [['B', 'T', 4], [1], [END], [1]],
    [['B', 'T', 4], [1], [3], [0]],
    [['B', 'T', 4], [0], [-1], [0]],
    [['B', 'T', 4], [-2], [-1], [0]],
    [['B', 'T', 4], [-9], [9], [0]],
    [['B', 'T', 4], [1, 0, 1], [2, 1, 3], [0, 1, 2]],
    [['B', 'T', 4], [5], [9], [0]],
    [[6], [0], [6], [0], [2]],
    [[2, 7], [1], [END], [1], [3]],
    [[5, 2], [-1], [-END], [0], [-1]],
    [[5, 2], [4], [0], [0], [-2]],
    [[2, 5, 3], [3], [0], [1], [-2]],
    [['B', 'T', 4], [-1], [-END], [0], [-1]],
    [['B', 'T', 4], [0], [END], [2], [2]],
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
  one('Pad', shape, `by ${pads.join()} with 3`, (g, [x]) => g.op('Pad', [x!, g.integers(pads), g.scalar(3, floatType(g, x!))])),
]); // prettier-ignore

/** Bounds of which only a run knows; the result's shape is told by adding a tensor of that shape. */
const sliceAtRunTime: readonly Case[] = (
  [
    [0, 1],
    [1, 2],
  ] as const
).map(([start, end]) => ({
  rule: ':Slice',
  label: `between bounds that are computed, after ${start === 0 ? 'constant' : 'computed'} ones`,
  opsets: since(13),
  dims: DIMS,
  operands: [{ shape: ['B', 'T', 3] }],
  write(g, [x]) {
    const shape = g.op('Shape', [x!]);
    const size = g.op('Slice', [shape, g.integers([1]), g.integers([2])]); // T = 2
    const from = start === 0 ? g.integers([0]) : g.op('Sub', [size, g.integers([1])]);
    const to = end === 1 ? g.op('Sub', [size, g.integers([1])]) : size;
    const cut = g.op('Slice', [x!, from, to, g.integers([1])]);
    return g.annotate(cut, g.known(x!).type, ['B', 1, 3]);
  },
}));

export const slicingCases: readonly Case[] = [...slice, sliceInside, ...sliceAtRunTime, ...pad];
