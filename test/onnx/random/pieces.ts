/** Random cases of operators that cut, frame, join and pick. */
import fc from 'fast-check';
import { floatType } from '../cases/case.js';
import {
  axesOf,
  axisOf,
  opset,
  shapeOf,
  size,
  symbolic,
  symbolicShape,
  values,
  type Drawn,
  type Generators,
} from './draw.js';

const place = fc.integer({ min: -6, max: 6 });

/** Over several axes, anywhere: before the start, beyond the end, or nothing at all. Steps along one axis. */
const slice = symbolicShape(1).chain(({ shape, dims }) =>
  fc.tuple(axesOf(shape.length), fc.infiniteStream(place), values(1, 1, 2, 3, -1, -2), opset()).map(([axes, places, step, set]): Drawn => {
    const [first] = axes as [number];
    // How many elements a step leaves of a symbol is not known before a run.
    const stepped = step !== 1 && typeof shape.at(first) === 'number';
    const named = stepped ? [first] : axes;
    const [starts, ends] = [named, named].map((list) => list.map(() => places.next().value as number)) as [number[], number[]];
    const ranges = [starts, ends, named, ...(stepped ? [[step]] : [])];
    return {
      detail: [shape, ranges],
      opset: set,
      dims,
      operands: [{ shape }],
      write: (g, [x]) => g.op('Slice', [x!, ...ranges.map((range) => g.integers(range))]),
    };
  }),
); // prettier-ignore

/** Amounts on both sides of each axis; negative ones crop, and leave an element at least. */
const pad = shapeOf(1).chain((shape) =>
  fc.tuple(fc.array(fc.tuple(fc.integer({ min: -2, max: 2 }), fc.integer({ min: -2, max: 2 })), { minLength: shape.length, maxLength: shape.length }), fc.boolean(), opset()).map(([amounts, filled, set]): Drawn => {
    const kept = amounts.map(([before, after], i): [number, number] => (before + after + shape[i]! < 1 || -before >= shape[i]! || -after >= shape[i]! ? [1, 0] : [before, after]));
    const pads = [...kept.map(([before]) => before), ...kept.map(([, after]) => after)];
    return {
      detail: [shape, pads, filled],
      opset: set,
      operands: [{ shape }],
      write: (g, [x]) => g.op('Pad', [x!, g.integers(pads), ...(filled ? [g.scalar(2, floatType(g, x!))] : [])]),
    };
  }),
); // prettier-ignore

/** Parts that differ along one axis, each of a known size there or a symbol of its own. */
const concat = symbolicShape(1).chain(({ shape, dims }) =>
  fc
    .tuple(axisOf(shape.length), fc.array(fc.tuple(size, fc.boolean()), { minLength: 1, maxLength: 4 }), opset())
    .map(([axis, parts, set]): Drawn => {
      const along = axis < 0 ? axis + shape.length : axis;
      const shapes = parts.map(([length, named], i) => shape.with(along, named ? `part${i}of${length}` : length));
      return {
        detail: [shapes, parts, axis],
        opset: set,
        dims: { ...dims, ...Object.fromEntries(parts.map(([length], i) => [`part${i}of${length}`, length])) },
        operands: shapes.map((of) => ({ shape: of })),
        write: (g, x) => g.op('Concat', x, { axis }),
      };
    }),
);

/** Named sizes or equal ones, as the operator set has it; some parts stay unused. */
const split = fc.tuple(symbolicShape(1), fc.array(size, { minLength: 1, maxLength: 4 })).chain(([whole, drawn]) =>
  fc
    .tuple(axisOf(whole.shape.length), fc.boolean(), opset(), fc.subarray(drawn.map((_, i) => i), { minLength: 1 }))
    .map(([axis, equal, set, used]): Drawn => {
      const sizes = equal ? drawn.map(() => drawn[0]!) : drawn;
      const along = axis < 0 ? axis + whole.shape.length : axis;
      const shape = whole.shape.with(along, sizes.reduce((a, b) => a + b, 0)); // prettier-ignore
      return {
        detail: [shape, sizes, equal, axis, used],
        opset: set,
        dims: whole.dims,
        operands: [{ shape }],
        write(g, [x]) {
          const outputs = sizes.map((_, i) => `${x!}/part${i}`);
          const attributes = { axis, ...(!equal && set < 13 && { split: sizes }), ...(equal && set >= 18 && { num_outputs: sizes.length }) };
          g.op('Split', [x!, ...(!equal && set >= 13 ? [g.integers(sizes)] : [])], attributes, { outputs });
          const scaled = used.map((i) => g.op('Mul', [outputs[i]!, g.scalar(i + 2, floatType(g, x!))]));
          return g.op('Concat', scaled, { axis });
        },
      };
    }),
); // prettier-ignore

/** Indices of rank 0 to 2, from either end, some of them twice. */
const gather = shapeOf(1).chain((shape) =>
  fc
    .tuple(symbolic(shape), axisOf(shape.length), shapeOf(0, 2), fc.infiniteStream(fc.nat(7)), opset())
    .map(([{ shape: source, dims }, axis, of, stream, set]): Drawn => {
      const count = of.reduce((a, b) => a * b, 1);
      const length = shape.at(axis)!;
      const indices = Array.from({ length: count }, () => ((stream.next().value as number) % (2 * length)) - length);
      return {
        detail: [source, axis, of, indices],
        opset: set,
        dims,
        operands: [{ shape: source }],
        write(g, [x]) {
          const data = BigInt64Array.from(indices.map(BigInt));
          return g.op('Gather', [x!, g.constant({ type: 'int64', data, shape: of })], { axis });
        },
      };
    }),
);

export const pieces: Generators = {
  ':Slice': slice,
  ':Pad': pad,
  ':Concat': concat,
  ':Split': split,
  ':Gather': gather,
};
