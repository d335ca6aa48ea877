/** Random cases of reductions, soft maxima and normalisations. */
import fc from 'fast-check';
import { withAxes } from '../../../src/onnx/rules/rule.js';
import { node, type Operand } from '../cases/case.js';
import {
  axesOf,
  axisOf,
  opset,
  symbolic,
  symbolicShape,
  shapeOf,
  values,
  type Drawn,
  type Generators,
} from './draw.js';

type Values = Omit<Operand, 'shape'>;

const reduction = (type: string, of: Values): fc.Arbitrary<Drawn> =>
  symbolicShape(1).chain(({ shape, dims }) =>
    fc
      .tuple(fc.option(axesOf(shape.length), { nil: undefined }), fc.nat(1), opset())
      .map(([axes, keepdims, set]): Drawn => ({
        detail: [shape, axes, keepdims],
        opset: set,
        dims,
        operands: [{ shape, ...of }],
        write: (g, [x]) =>
          axes === undefined ? g.op(type, [x!], { keepdims }) : withAxes(g, type, x!, axes, { keepdims }),
      })),
  );

/** Before operator set 13 along the last axis, the only one that means the same there. */
const soft = (type: string): fc.Arbitrary<Drawn> =>
  symbolicShape(1).chain(({ shape, dims }) =>
    fc.tuple(axisOf(shape.length), opset()).map(([drawn, set]): Drawn => {
      const axis = set < 13 ? -1 : drawn;
      return {
        detail: [shape, axis],
        opset: set,
        dims,
        operands: [{ shape, scale: 2, bends: 1 }],
        write: node(type, { axis }),
      };
    }),
  );

/** Two elements of one row are always one deviation off their mean: ε must not be small beside it, or all derivatives cancel. */
const epsilon = values(0.1, 0.5).map((value) => ({ float: value }));

/** Vectors γ, β, … along the last axis, which inference may know or not. */
const norm = (type: string, vectors: readonly number[], first: number): fc.Arbitrary<Drawn> =>
  fc
    .tuple(symbolicShape(1), values(...vectors), opset(first), epsilon)
    .map(([{ shape, dims }, count, set, eps]): Drawn => ({
      detail: [shape, count, eps],
      opset: set,
      dims,
      operands: [shape, ...Array.from({ length: count }, () => shape.slice(-1))].map((of) => ({ shape: of })),
      write: node(type, { axis: -1, epsilon: eps }),
    }));

/** The skip may lack the batch; the sum may be used beside the norm. */
const skip = (type: string, vectors: readonly number[]): fc.Arbitrary<Drawn> =>
  shapeOf(2, 3)
    .chain(symbolic)
    .chain(({ shape, dims }) =>
      fc
        .tuple(values(...vectors), fc.boolean(), fc.boolean(), opset(), epsilon)
        .map(([count, short, withSum, set, eps]): Drawn => {
          const residual = short && shape.length === 3 ? shape.slice(1) : shape;
          return {
            detail: [shape, residual, count, withSum, eps],
            opset: set,
            dims,
            operands: [shape, residual, ...Array.from({ length: count }, () => shape.slice(-1))].map((of) => ({
              shape: of,
            })),
            write(g, x) {
              const outputs = [`${x[0]!}/y`, ...(withSum ? ['', '', `${x[0]!}/sum`] : [])];
              const y = g.op(type, x, { epsilon: eps }, { domain: 'com.microsoft', outputs });
              return withSum ? g.op('Add', [y, outputs[3]!]) : y;
            },
          };
        }),
    );

const ORDERED: Values = { bends: 1e-3 };

export const reductions: Generators = {
  ':ReduceSum': reduction('ReduceSum', {}),
  ':ReduceMean': reduction('ReduceMean', {}),
  ':ReduceLogSumExp': reduction('ReduceLogSumExp', { scale: 2, bends: 1 }),
  ':ReduceMax': reduction('ReduceMax', ORDERED),
  ':ReduceMin': reduction('ReduceMin', ORDERED),
  ':ReduceL1': reduction('ReduceL1', { draw: 'apart' }),
  ':ReduceL2': reduction('ReduceL2', { draw: 'apart', bends: 0.2 }),
  ':ReduceSumSquare': reduction('ReduceSumSquare', {}),
  ':Softmax': soft('Softmax'),
  ':LogSoftmax': soft('LogSoftmax'),
  ':LayerNormalization': norm('LayerNormalization', [1, 2], 17),
  ':RMSNormalization': norm('RMSNormalization', [1], 23),
  ':SimplifiedLayerNormalization': norm('SimplifiedLayerNormalization', [1], 11),
  'com.microsoft:SkipLayerNormalization': skip('SkipLayerNormalization', [1, 2, 3]),
  'com.microsoft:SkipSimplifiedLayerNormalization': skip('SkipSimplifiedLayerNormalization', [1, 2]),
};
