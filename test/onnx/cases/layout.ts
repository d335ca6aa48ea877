import { withAxes } from '../../../src/onnx/rules/rule.js';
import type { Shape } from '../../../src/onnx/shape.js';
import { DIMS, node, show, since, type Case } from './case.js';

export const one = (
  rule: string,
  shape: Shape,
  detail: string,
  write: Case['write'],
  opsets?: readonly number[],
): Case => ({
  rule: `:${rule}`,
  label: `${show(shape)} ${detail}`,
  ...(opsets && { opsets }),
  dims: DIMS,
  operands: [{ shape }],
  write,
});

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
  opsets: since(13),
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

const tile = (
  [
    [[3], [2]],
    [[2, 3], [1, 1]],
    [[2, 3], [2, 1]],
    [[2, 1, 3], [1, 4, 2]],
    [[1], [5]],
    [['B', 'T', 2], [1, 2, 3]],
    [['B', 4], [2, 1]],
  ] as const
).map(([shape, repeats]) => one('Tile', shape, `by ${repeats.join()}`, (g, [x]) => g.op('Tile', [x!, g.integers(repeats)]))); // prettier-ignore

/** As often as another tensor is long. */
const tileLike: Case = {
  rule: ':Tile',
  label: 'by a size of another tensor',
  opsets: since(17),
  dims: DIMS,
  operands: [{ shape: [1, 3] }, { shape: ['T', 3] }],
  write(g, [x, y]) {
    const counts = g.op('Concat', [g.op('Shape', [y!], { end: 1 }), g.integers([1])], { axis: 0 });
    return g.op('Mul', [y!, g.op('Tile', [x!, counts])]);
  },
};

const trilu = (
  [
    [[3, 3], undefined, 1],
    [[3, 3], undefined, 0],
    [[2, 3, 4], 1, 1],
    [[2, 3, 4], -1, 0],
    [['B', 'T', 4], 2, 0],
  ] as const
).map(([shape, k, upper]) => one('Trilu', shape, `upper ${upper} from ${k ?? 'the diagonal'}`, (g, [x]) => g.op('Trilu', [x!, ...(k === undefined ? [] : [g.scalar(k, 'int64')])], { upper }), since(17))); // prettier-ignore

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
  ...tile,
  tileLike,
  ...trilu,
];
