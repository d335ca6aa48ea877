/** Random cases of operators that reshape, reorder and repeat. */
import fc from 'fast-check';
import { withAxes } from '../../../src/onnx/rules/rule.js';
import { node, type Case } from '../cases/case.js';
import { axesOf, broadcasting, opset, permutation, shapeOf, symbolicShape } from './draw.js';
import { size, values, type Drawn, type Generators, type Symbolic } from './draw.js';

const drawn = ({ shape, dims }: Symbolic, detail: unknown, set: number, write: Case['write']): Drawn => ({
  detail: [shape, detail],
  opset: set,
  dims,
  operands: [{ shape }],
  write,
});

/** Neighbouring axes merged, a 1 put in, and at most one size left open: of shapes that are known, as a constant target needs. */
const reshape = shapeOf(1).chain((shape) =>
  fc
    .tuple(
      fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
      fc.nat(4),
      fc.option(fc.nat(4), { nil: undefined }),
      opset(),
    )
    .map(([joins, one, open, set]) => {
      const target: number[] = [];
      shape.forEach((dim, i) => target.push(i > 0 && joins[i] === true ? target.pop()! * dim : dim));
      target.splice(one % (target.length + 1), 0, 1);
      if (open !== undefined) target[open % target.length] = -1;
      return drawn({ shape, dims: {} }, target, set, (g, [x]) => g.op('Reshape', [x!, g.integers(target)]));
    }),
);

/** Splits the last axis and leaves the others as they are, whatever they are: heads. */
const reshapeTail = fc.tuple(symbolicShape(0, 2), size, size, opset()).map(([{ shape, dims }, a, b, set]) => {
  const target = [...shape.map(() => 0), a, -1];
  return drawn({ shape: [...shape, a * b], dims }, target, set, (g, [x]) => g.op('Reshape', [x!, g.integers(target)]));
});

const flatten = symbolicShape(1).chain((whole) =>
  fc
    .tuple(fc.integer({ min: -whole.shape.length, max: whole.shape.length }), opset())
    .map(([axis, set]) => drawn(whole, axis, set, node('Flatten', { axis }))),
);

/** Ones at the places of the axes that go. */
const squeeze = symbolicShape(1).chain((whole) =>
  fc.tuple(axesOf(whole.shape.length), opset()).map(([axes, set]) => {
    const rank = whole.shape.length;
    const gone = axes.map((axis) => (axis < 0 ? axis + rank : axis));
    const shape = whole.shape.map((dim, i) => (gone.includes(i) ? 1 : dim));
    return drawn({ ...whole, shape }, axes, set, (g, [x]) => withAxes(g, 'Squeeze', x!, axes));
  }),
);

const unsqueeze = fc.tuple(symbolicShape(0, 3), fc.integer({ min: 1, max: 2 })).chain(([whole, count]) =>
  fc.tuple(axesOf(whole.shape.length + count, count), opset()).map(([axes, set]) => {
    const named = axes.slice(0, count);
    return drawn(whole, named, set, (g, [x]) => withAxes(g, 'Unsqueeze', x!, named));
  }),
);

const transpose = symbolicShape(1).chain((whole) =>
  fc
    .tuple(fc.option(permutation(whole.shape.length), { nil: undefined }), opset())
    .map(([perm, set]) => drawn(whole, perm, set, node('Transpose', { perm }))),
);

/** To the shape of another tensor, which it is multiplied with. */
const expand = fc.tuple(broadcasting(2), opset()).map(([{ shapes, dims }, set]): Drawn => ({
  detail: shapes,
  opset: set,
  dims,
  operands: shapes.map((shape) => ({ shape })),
  write: (g, [x, y]) => g.op('Mul', [g.op('Expand', [x!, g.op('Shape', [y!])]), y!]),
})); // prettier-ignore

const tile = symbolicShape(1, 3).chain((whole) =>
  fc
    .tuple(
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: whole.shape.length, maxLength: whole.shape.length }),
      opset(),
    )
    .map(([repeats, set]) => drawn(whole, repeats, set, (g, [x]) => g.op('Tile', [x!, g.integers(repeats)]))),
);

const trilu = fc
  .tuple(symbolicShape(2), values(undefined, -2, -1, 0, 1, 2), fc.nat(1), opset(17))
  .map(([whole, k, upper, set]) =>
    drawn(whole, [k, upper], set, (g, [x]) =>
      g.op('Trilu', [x!, ...(k === undefined ? [] : [g.scalar(k, 'int64')])], { upper }),
    ),
  );

export const layout: Generators = {
  ':Reshape': fc.oneof(reshape, reshapeTail),
  ':Flatten': flatten,
  ':Squeeze': squeeze,
  ':Unsqueeze': unsqueeze,
  ':Transpose': transpose,
  ':Expand': expand,
  ':Tile': tile,
  ':Trilu': trilu,
};
