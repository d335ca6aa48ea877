/** Random cases of operators that act on each element alone. */
import fc from 'fast-check';
import type { Attributes } from '../../../src/onnx/attributes.js';
import { elementCode, type ElementType } from '../../../src/onnx/tensor.js';
import { floats, microsoft, node, type Case, type Operand } from '../cases/case.js';
import { broadcasting, opset, symbolicShape, values, type Drawn, type Generators } from './draw.js';

type Values = Omit<Operand, 'shape'>;

const APART: Values = { draw: 'apart', bends: 0.05 };
const POSITIVE: Values = { draw: 'positive' };
const SMOOTH: Values = { scale: 2, bends: 0.5 };
/** For operators that compare: steps far shorter than two drawn values lie apart. */
const ORDERED: Values = { bends: 1e-3 };

const unary = (of: Values, write: Case['write'], first = 11): fc.Arbitrary<Drawn> =>
  fc.tuple(symbolicShape(0), opset(first)).map(([{ shape, dims }, set]) => ({
    detail: shape,
    opset: set,
    dims,
    operands: [{ shape, ...of }],
    write,
  }));

/** With attributes that are floats, each drawn from its own few values or left out. */
const withFloats = (
  type: string,
  choices: Readonly<Record<string, readonly (number | undefined)[]>>,
  of: Values,
  domain = '',
): fc.Arbitrary<Drawn> =>
  fc
    .tuple(symbolicShape(0), opset(), fc.tuple(...Object.values(choices).map((choice) => values(...choice))))
    .map(([{ shape, dims }, set, picked]) => {
      const named = Object.keys(choices).map((name, i) => [name, picked[i]] as const);
      const attributes: Attributes = Object.fromEntries(
        named.map(([name, value]) => [name, value === undefined ? undefined : { float: value }]),
      );
      return {
        detail: [shape, named],
        opset: set,
        dims,
        operands: [{ shape, ...of }],
        write: node(type, attributes, domain),
      };
    });

const nary = (count: number, type: string, of: readonly Values[]): fc.Arbitrary<Drawn> =>
  fc.tuple(broadcasting(count), opset()).map(([{ shapes, dims }, set]) => ({
    detail: shapes,
    opset: set,
    dims,
    operands: shapes.map((shape, i) => ({ shape, ...of[Math.min(i, of.length - 1)] })),
    write: node(type),
  }));

const variadic = (type: string, of: Values): fc.Arbitrary<Drawn> =>
  fc.integer({ min: 1, max: 4 }).chain((count) => nary(count, type, [of]));

/** Negative bases where the exponent is whole. */
const pow = values(2, 3, 4, -1, 0.5, 1.7, -0.5).chain((exponent) =>
  unary(Number.isInteger(exponent) ? { draw: 'apart' } : POSITIVE, (g, [x], type) =>
    g.op('Pow', [x!, floats(g, type, [exponent], [])]),
  ).map((drawn) => ({ ...drawn, detail: [drawn.detail, exponent] })),
);

const clip = fc.tuple(values(undefined, -0.6, 0, -2), values(undefined, 0.1, 0.7, 2)).chain(([low, high]) =>
  unary({ draw: 'apart', ...ORDERED }, (g, [x], type) => {
    const bounds = [low, high].map((bound) => (bound === undefined ? '' : floats(g, type, [bound], [])));
    return g.op('Clip', [x!, ...(high === undefined ? (low === undefined ? [] : bounds.slice(0, 1)) : bounds)]);
  }).map((drawn) => ({ ...drawn, detail: [drawn.detail, low, high] })),
);

const where = fc.tuple(broadcasting(3), opset()).map(([{ shapes, dims }, set]): Drawn => ({
  detail: shapes,
  opset: set,
  dims,
  operands: shapes.map((shape, i) => ({ shape, ...(i === 0 && APART) })),
  write(g, [c, x, y], type) {
    const chosen = g.op('Where', [g.op('Less', [c!, floats(g, type, [0.1], [])]), x!, y!]);
    return g.op('Sub', [chosen, c!]);
  },
})); // prettier-ignore

const cast = values<ElementType>('float32', 'float64', 'float16', 'bfloat16').chain((through) =>
  unary(
    {},
    (g, [x], type) => {
      const there = g.op('Cast', [x!], { to: elementCode(through) });
      return g.op('Cast', [g.op('Sin', [there])], { to: elementCode(type) });
    },
    13,
  ).map((drawn) => ({
    ...drawn,
    detail: [drawn.detail, through],
    // onnxruntime rounds on the way, and has next to nothing for bfloat16.
    ...(through === 'float16' && { float32Tolerance: 5e-3 }),
    ...(through === 'bfloat16' && { onnxruntime: false }),
  })),
);

const castLike = unary({}, (g, [x], type) => {
  const there = g.op('CastLike', [x!, g.scalar(1, type === 'float32' ? 'float64' : 'float32')]);
  return g.op('CastLike', [g.op('Mul', [there, there]), x!]);
}, 17); // prettier-ignore

/** Fused forms with a bias along the last axis; FastGelu may lack it. */
const biased = (type: string, optional: boolean): fc.Arbitrary<Drawn> =>
  fc.tuple(symbolicShape(1), opset(), fc.boolean()).map(([{ shape, dims }, set, without]) => {
    const vectors = optional && without ? [] : [shape.slice(-1)];
    return {
      detail: [shape, vectors],
      opset: set,
      dims,
      operands: [shape, ...vectors].map((of) => ({ shape: of, ...SMOOTH })),
      float32Tolerance: 1e-4,
      write: microsoft(type),
    };
  });

const gelu = values(undefined, 'none', 'tanh').chain((approximate) =>
  unary(SMOOTH, node('Gelu', { approximate }), 20).map((drawn) => ({ ...drawn, detail: [drawn.detail, approximate] })),
);

const SLOPES = [undefined, 0.1, 0.3, 1.5];

export const elementwise: Generators = {
  ':Add': nary(2, 'Add', [{}]),
  ':Sub': nary(2, 'Sub', [{}]),
  ':Mul': nary(2, 'Mul', [{}]),
  ':Div': nary(2, 'Div', [{}, APART]),
  ':Sum': variadic('Sum', {}),
  ':Max': variadic('Max', ORDERED),
  ':Min': variadic('Min', ORDERED),
  ':Pow': pow,
  ':Clip': clip,
  ':Where': where,
  ':Cast': cast,
  ':CastLike': castLike,
  ':Neg': unary({}, node('Neg')),
  ':Identity': unary({}, node('Identity')),
  ':Dropout': unary({}, node('Dropout')),
  ':Abs': unary(APART, node('Abs')),
  ':Sqrt': unary(POSITIVE, node('Sqrt')),
  ':Reciprocal': unary({ draw: 'apart', bends: 0.2 }, node('Reciprocal')),
  ':Exp': unary(SMOOTH, node('Exp')),
  ':Log': unary(POSITIVE, node('Log')),
  ':Erf': unary(SMOOTH, node('Erf')),
  ':Tanh': unary(SMOOTH, node('Tanh')),
  ':Sigmoid': unary(SMOOTH, node('Sigmoid')),
  ':Sin': unary(SMOOTH, node('Sin')),
  ':Cos': unary(SMOOTH, node('Cos')),
  ':Relu': unary(APART, node('Relu')),
  ':LeakyRelu': withFloats('LeakyRelu', { alpha: SLOPES }, APART),
  ':Elu': withFloats('Elu', { alpha: SLOPES }, APART),
  ':Selu': withFloats('Selu', { alpha: SLOPES, gamma: [undefined, 0.8] }, APART),
  ':HardSigmoid': withFloats('HardSigmoid', { alpha: SLOPES, beta: [undefined, 0.4] }, { scale: 2, ...ORDERED }),
  ':HardSwish': unary({ scale: 5, ...ORDERED }, node('HardSwish'), 17),
  ':Softplus': unary({ scale: 4, bends: 0.5 }, node('Softplus')),
  ':Mish': unary({ scale: 4, bends: 0.5 }, node('Mish'), 18),
  ':Softsign': unary(APART, node('Softsign')),
  ':Gelu': gelu,
  'com.microsoft:Gelu': unary(SMOOTH, microsoft('Gelu')),
  'com.microsoft:BiasGelu': biased('BiasGelu', false),
  'com.microsoft:FastGelu': biased('FastGelu', true),
  'com.microsoft:QuickGelu': withFloats('QuickGelu', { alpha: [undefined, 1, 0.3] }, SMOOTH, 'com.microsoft'),
};
