import type { Shape } from '../../../src/onnx/shape.js';
import { inlineTensor } from '../../../src/onnx/tensor.js';
import { DIMS, floats, node, show, since, type Case } from './case.js';
import { PAIRS } from './elementwise.js';

/** Differences are taken over steps far shorter than two drawn values lie apart. */
const bends = 1e-3;

const TRIPLES: readonly (readonly Shape[])[] = [
  [[2, 3]],
  [[2, 3], [3], [2, 1]],
  [[], [3], [2, 3]],
  [['B', 'T', 2], [2], ['T', 1]],
]; // prettier-ignore

const extremes = ['Max', 'Min'].flatMap((type) =>
  [...PAIRS, ...TRIPLES].map((shapes): Case => ({
    rule: `:${type}`,
    label: show(...shapes),
    dims: DIMS,
    operands: shapes.map((shape) => ({ shape, bends })),
    write: node(type),
  })),
);

/** Values lie in ±[0.2, 1], the bounds between them. */
const clip = (label: string, write: Case['write'], shape: Shape = [3, 4]): Case => ({
  rule: ':Clip',
  label: `${show(shape)} ${label}`,
  dims: DIMS,
  operands: [{ shape, draw: 'apart', bends }],
  write,
});

const clips: readonly Case[] = [
  clip('without bounds', node('Clip')),
  clip('from below', (g, [x], type) => g.op('Clip', [x!, floats(g, type, [-0.5], [])])),
  clip('from above', (g, [x], type) => g.op('Clip', [x!, '', floats(g, type, [0.5], [])])),
  clip('on both sides', (g, [x], type) => g.op('Clip', [x!, floats(g, type, [-0.4], []), floats(g, type, [0.6], [])])),
  clip('at 0', (g, [x], type) => g.op('Clip', [x!, floats(g, type, [0], [])]), ['B', 'T', 2]),
  clip(
    'between bounds that are computed',
    (g, [x], type) => {
      const bound = g.op('Neg', [floats(g, type, [0.5], [])]);
      return g.op('Clip', [x!, bound, g.op('Neg', [bound])]);
    },
    [5],
  ),
];

/** Condition, branches. */
const WHERES: readonly (readonly [Shape, Shape, Shape])[] = [
  [[2, 3], [2, 3], [2, 3]],
  [[3], [2, 3], [2, 1]],
  [[2, 1], [3], []],
  [[], [2, 3], [2, 3]],
  [[2, 3], [], [3]],
  [[2, 1, 3], [4, 1], [3]],
  [['B', 'T', 1], ['B', 'T', 2], [2]],
  [['B', 1, 1], [1], ['B', 'T', 2]],
]; // prettier-ignore

const wheres = WHERES.map(([condition, a, b]): Case => ({
  rule: ':Where',
  label: show(condition, a, b),
  dims: DIMS,
  operands: [{ shape: condition, draw: 'apart' }, { shape: a }, { shape: b }],
  write(g, [c, x, y], type) {
    const chosen = g.op('Where', [g.op('Greater', [c!, floats(g, type, [0], [])]), x!, y!]);
    return g.op('Add', [chosen, c!]);
  },
})); // prettier-ignore

/** The mask of a Where may be put together from comparisons and logic, and its constants made by other forward-only operators. */
const masks: Case = {
  rule: ':Where',
  label: 'of a mask put together, the other branch infinite',
  opsets: since(13),
  operands: [{ shape: [3, 4], draw: 'apart' }],
  write(g, [x], type) {
    const at = (name: string, bound: number): string => g.op(name, [x!, floats(g, type, [bound], [])]);
    const inside = g.op('And', [at('GreaterOrEqual', -0.5), at('LessOrEqual', 0.5)]);
    const never = g.op('Or', [g.op('IsNaN', [x!]), g.op('Equal', [x!, floats(g, type, [7], [])])]);
    const mask = g.op('Xor', [g.op('And', [inside, g.op('Not', [never])]), at('Less', -9)]);
    const chosen = g.op('Where', [mask, g.op('Mul', [x!, x!]), g.op('Log', [floats(g, type, [0], [])])]);
    // −∞ as a result has no differences: it is taken out again.
    return g.op('Max', [chosen, floats(g, type, [-1], [])]);
  },
};

/** A causal mask as decoders draw it. */
const causal: Case = {
  rule: ':Where',
  label: 'of a triangle of ones',
  opsets: since(17),
  operands: [{ shape: [2, 3, 3] }],
  write(g, [x], type) {
    const one = inlineTensor('one', 'int64', BigInt64Array.of(1n), [1]);
    const ones = g.op('ConstantOfShape', [g.integers([3, 3])], { value: { tensor: one } });
    const mask = g.op('Cast', [g.op('Trilu', [ones], { upper: 0 })], { to: 9 });
    return g.op('Where', [mask, x!, floats(g, type, [-2], [])]);
  },
};

export const selectionCases: readonly Case[] = [...extremes, ...clips, ...wheres, masks, causal];
