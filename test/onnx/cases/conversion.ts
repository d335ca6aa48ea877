import { SHAPES } from './elementwise.js';
import { elementCode } from '../../../src/onnx/tensor.js';
import { DIMS, since, show, type Case } from './case.js';

const [FLOAT, DOUBLE, INT64, BOOL] = [1, 11, 7, 9] as const;

const cast: readonly Case[] = [
  ...SHAPES.map((shape): Case => ({
    rule: ':Cast',
    label: `float32 ↔ float64 ${show(shape)}`,
    dims: DIMS,
    operands: [{ shape }],
    write(g, [x], type) {
      const there = g.op('Cast', [x!], { to: type === 'float32' ? DOUBLE : FLOAT });
      return g.op('Cast', [g.op('Mul', [there, there])], { to: type === 'float32' ? FLOAT : DOUBLE });
    },
  })),
  {
    rule: ':Cast',
    label: 'to its own type',
    operands: [{ shape: [2, 3] }],
    write: (g, [x], type) => g.op('Cast', [x!], { to: type === 'float32' ? FLOAT : DOUBLE }),
  },
  ...[INT64, BOOL].map((to): Case => {
    return {
      rule: ':Cast',
      label: `through ${to === INT64 ? 'integers' : 'booleans'}, which are constant between their steps`,
      operands: [{ shape: [7], draw: 'positive', scale: 0.2, offset: 3.4, bends: 0.1 }],
      write(g, [x], type) {
        const steps = g.op('Cast', [g.op('Cast', [x!], { to })], { to: type === 'float32' ? FLOAT : DOUBLE });
        return g.op('Mul', [steps, x!]);
      },
    };
  }),
];

/** To half precision and back: the cotangent takes the same way, in the type of each tensor. onnxruntime rounds on that way. */
const halves = (['float16', 'bfloat16'] as const).flatMap((half) =>
  [...SHAPES.slice(0, 4), ['B', 'T', 2] as const].map((shape): Case => ({
    rule: ':Cast',
    label: `to ${half} and back ${show(shape)}`,
    opsets: since(13),
    ...(half === 'bfloat16' && { onnxruntime: false }),
    dims: DIMS,
    operands: [{ shape, draw: 'apart' }],
    float32Tolerance: 2e-3,
    write(g, [x], type) {
      const there = g.op('Cast', [x!], { to: elementCode(half) });
      return g.op('Cast', [g.op('Tanh', [there])], { to: elementCode(type) });
    },
  })),
);

const likes: readonly Case[] = SHAPES.map((shape) => ({
  rule: ':CastLike',
  label: `float32 ↔ float64 ${show(shape)}`,
  opsets: since(17),
  dims: DIMS,
  operands: [{ shape }],
  write(g, [x], type) {
    const other = g.scalar(1, type === 'float32' ? 'float64' : 'float32');
    const there = g.op('CastLike', [x!, other]);
    return g.op('CastLike', [g.op('Mul', [there, there]), g.scalar(1, type)]);
  },
}));

/** Weights in bytes are no obstacle to a derivative for what they are multiplied with. */
const dequantized: readonly Case[] = [false, true].map((perColumn) => ({
  rule: ':MatMul',
  label: `with a weight in bytes, ${perColumn ? 'a scale for each column' : 'one scale'}`,
  opsets: since(13),
  operands: [{ shape: [2, 3] }],
  write(g, [x], type) {
    const bytes = g.constant({ type: 'uint8', data: Uint8Array.of(1, 128, 250, 7, 90, 255), shape: [3, 2] });
    const [scales, zeros] = perColumn
      ? [
          [0.01, 0.02],
          [128, 100],
        ]
      : [[0.01], [128]];
    const shape = perColumn ? [2] : [];
    const scale = g.constant({ type: 'float32', data: Float32Array.from(scales), shape });
    const zero = g.constant({ type: 'uint8', data: Uint8Array.from(zeros), shape });
    const weight = g.op('DequantizeLinear', [bytes, scale, zero], { axis: 1 });
    return g.op('MatMul', [x!, type === 'float32' ? weight : g.op('Cast', [weight], { to: DOUBLE })]);
  },
}));

export const conversionCases: readonly Case[] = [...cast, ...halves, ...likes, ...dequantized];
