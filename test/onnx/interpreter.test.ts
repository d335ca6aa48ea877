/** The interpreter against onnxruntime where no derivative rule leads: forward-only operators, and forms without a rule. */
import { describe, expect, it } from 'vitest';
import type { Attributes } from '../../src/onnx/attributes.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { inlineTensor } from '../../src/onnx/tensor.js';
import { float32, Session } from '../../src/runtime/session.js';
import { evaluate } from './interpreter.js';
import { erf } from './kernels/erf.js';
import { tabulate } from './value.js';
import { relativeError } from './vjp-check.js';

const FLOAT32 = 1e-5;
const SHAPE = [2, 3, 4];
const X = tabulate('float32', SHAPE, ([i, j, k]) => Math.fround(Math.sin(7 * i! + 3 * j! + 1.3 * k!)));

type Form = readonly [
  type: string,
  attributes: Attributes,
  opset: number,
  more?: (g: GraphBuilder) => readonly string[],
];

const ints =
  (...operands: readonly (readonly number[])[]) =>
  (g: GraphBuilder): string[] =>
    operands.map((values) => g.integers(values));

const FORMS: readonly Form[] = [
  ['Greater', {}, 17, (g) => [g.scalar(0.1)]],
  ['Shape', {}, 11],
  ['Shape', { start: 1 }, 17],
  ['Shape', { start: -2, end: -1 }, 17],
  ['Size', {}, 17],
  ['Cast', { to: 7 }, 17],
  ['Cast', { to: 9 }, 17],
  ['Cast', { to: 11 }, 17],
  ['Softmax', { axis: 1 }, 11],
  ['Softmax', { axis: 0 }, 11],
  ['Softmax', {}, 11],
  ['LogSoftmax', { axis: 1 }, 11],
  ['LayerNormalization', { axis: 1, epsilon: { float: 0.1 } }, 17, (g) => [g.scalar(2), g.scalar(1)]],
  ['LayerNormalization', { axis: -3 }, 17, (g) => [g.scalar(2)]],
  ['Slice', {}, 17, ints([3], [0], [2], [-1])],
  ['Slice', {}, 17, ints([0, -1], [2, -9], [1, 2], [1, -2])],
  ['Slice', {}, 17, ints([2], [1], [1])],
  ['Pad', {}, 13, ints([0, 1, 0, 1, -1, 2])],
  ['Reshape', {}, 17, ints([0, -1, 2])],
  ['Expand', {}, 17, ints([2, 1, 1, 4])],
  ['Flatten', { axis: -2 }, 17],
  ['Transpose', {}, 17],
  ['ReduceSum', { keepdims: 0 }, 17, ints([-1, 0])],
  ['ReduceMean', { axes: [1] }, 17],
];

/** Graphs of forward-only operators, whose shapes and types inference must know: [2, 3, 4] unless it says otherwise. */
const FLAT: readonly (readonly [label: string, opset: number, write: (g: GraphBuilder, x: string) => string])[] = [
  ['Less', 17, (g, x) => g.op('Less', [x, g.scalar(0.1)])],
  ['LessOrEqual', 17, (g, x) => g.op('LessOrEqual', [x, g.scalar(0)])],
  ['GreaterOrEqual', 17, (g, x) => g.op('GreaterOrEqual', [g.scalar(0), x])],
  ['Equal', 11, (g, x) => g.op('Equal', [x, g.op('Abs', [x])])],
  ['And', 17, (g, x) => g.op('And', [g.op('Less', [x, g.scalar(0.5)]), g.op('Greater', [x, g.scalar(-0.5)])])],
  ['Or', 17, (g, x) => g.op('Or', [g.op('Less', [x, g.scalar(-0.5)]), g.op('Greater', [x, g.scalar(0.5)])])],
  ['Xor', 17, (g, x) => g.op('Xor', [g.op('Less', [x, g.scalar(-0.5)]), g.op('Less', [x, g.scalar(0.5)])])],
  ['Not', 17, (g, x) => g.op('Not', [g.op('Less', [x, g.scalar(0)])])],
  ['IsNaN', 17, (g, x) => g.op('IsNaN', [g.op('Sqrt', [x])])],
  ['IsInf', 17, (g, x) => g.op('IsInf', [g.op('Div', [x, g.op('Mul', [g.op('Relu', [x]), g.scalar(1)])])])],
  ['Sign', 17, (g, x) => g.op('Sign', [x])],
  ['Floor', 17, (g, x) => g.op('Floor', [g.op('Mul', [x, g.scalar(3)])])],
  ['Ceil', 17, (g, x) => g.op('Ceil', [g.op('Mul', [x, g.scalar(3)])])],
  ['Round', 17, (g, x) => g.op('Round', [g.op('Mul', [x, g.scalar(3)])])],
  ['Round of halves', 17, (g, x) => g.op('Round', [g.op('Add', [g.op('Floor', [g.op('Mul', [x, g.scalar(4)])]), g.scalar(0.5)])])],
  ['ArgMax', 17, (g, x) => g.op('ArgMax', [x], { axis: 1 })],
  ['ArgMin without the axis', 17, (g, x) => g.op('ArgMin', [x], { axis: -1, keepdims: 0 })],
  ['ConstantOfShape, by default zeros', 17, (g, x) => g.op('ConstantOfShape', [g.op('Shape', [x])])],
  ['ConstantOfShape of integers', 17, (g, x) => g.op('ConstantOfShape', [g.op('Shape', [x])], { value: { tensor: inlineTensor('v', 'int64', BigInt64Array.of(7n), [1]) } })],
  ['Range to a size', 17, (g, x) => g.op('Range', [g.scalar(0, 'int64'), g.op('Gather', [g.op('Shape', [x]), g.scalar(2, 'int64')]), g.scalar(1, 'int64')])],
  ['Mod, with the sign of the divisor', 17, (g) => g.op('Mod', [g.integers([-5, 5, -6, 0]), g.integers([3])])],
  ['OneHot', 17, (g, x) => g.op('OneHot', [g.op('ArgMax', [x], { axis: -1 }), g.integers([4]), g.op('Cast', [g.integers([0, 1])], { to: 1 })])],
  ['OneHot of indices that count from the end', 17, (g) => g.op('OneHot', [g.integers([-1, 0, -3]), g.integers([3]), g.op('Cast', [g.integers([2, 5])], { to: 1 })])],
  ['CastLike to integers', 17, (g, x) => g.op('CastLike', [g.op('Mul', [x, g.scalar(3)]), g.scalar(1, 'int64')])],
  ['DequantizeLinear of int8 along the last axis', 17, (g) => g.op('DequantizeLinear', [g.constant({ type: 'int8', data: Int8Array.of(-128, 3, 0, 127, 5, -7), shape: [2, 3] }), g.constant({ type: 'float32', data: Float32Array.of(0.5, 0.25, 2), shape: [3] }), g.constant({ type: 'int8', data: Int8Array.of(1, -2, 0), shape: [3] })], { axis: -1 })],
  ['DequantizeLinear without a zero point', 13, (g) => g.op('DequantizeLinear', [g.constant({ type: 'uint8', data: Uint8Array.of(255, 3), shape: [2] }), g.scalar(0.5)])],
  ['Trilu of integers', 17, (g) => g.op('Trilu', [g.constant({ type: 'int64', data: BigInt64Array.from([1, 2, 3, 4, 5, 6].map(BigInt)), shape: [2, 3] })], { upper: 0 })],
  ['Where of integers', 17, (g, x) => g.op('Where', [g.op('Less', [x, g.scalar(0)]), g.scalar(3, 'int64'), g.scalar(4, 'int64')])],
]; // prettier-ignore

describe('the interpreter', () => {
  it.each(FLAT)(
    'computes as onnxruntime does, in the shape and type that is inferred: %s, operator set %d',
    async (_, opset, write) => {
      const g = new GraphBuilder('forms', opset);
      const made = write(g, g.input('x', 'float32', SHAPE));
      const [expected] = evaluate(g, [made], { x: X });
      expect(g.info(made)).toEqual({ type: expected!.type, shape: expected!.shape });
      g.output(g.op('Cast', [made], { to: 1 }), 'float32', expected!.shape, 'y');
      const session = await Session.load(g.build(), 'forms', { threads: 1 });
      const { y } = await session.run({ x: float32(Float32Array.from(X.data), SHAPE) }, ['y']);
      expect(y.shape).toEqual(expected!.shape);
      expect(relativeError(y.data as Float32Array, expected!.data)).toBeLessThan(FLOAT32);
      await session.release();
    },
  );

  const forms = FORMS.map((form) => [`${form[0]} ${JSON.stringify(form[1])}, operator set ${form[2]}`, form] as const);
  it.each(forms)('computes as onnxruntime does %s', async (_, [type, attributes, opset, more]) => {
    const g = new GraphBuilder('forms', opset);
    const made = g.op(type, [g.input('x', 'float32', SHAPE), ...(more?.(g) ?? [])], attributes);
    g.output(g.op('Cast', [made], { to: 1 }), 'float32', evaluate(g, [made], { x: X })[0]!.shape, 'y');
    const session = await Session.load(g.build(), 'forms', { threads: 1 });
    const { y } = await session.run({ x: float32(Float32Array.from(X.data), SHAPE) }, ['y']);
    const [expected] = evaluate(g, ['y'], { x: X });
    expect(y.shape).toEqual(expected!.shape);
    expect(relativeError(y.data as Float32Array, expected!.data)).toBeLessThan(FLOAT32);
    await session.release();
  });

  it('knows the error function to the last digits (Abramowitz & Stegun, table 7.1)', () => {
    const table = [
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
      [2, 0.9953222650189527],
      [3, 0.9999779095030014],
      [4, 0.9999999845827421],
    ] as const;
    for (const [x, y] of table) {
      expect(Math.abs(erf(x) - y)).toBeLessThan(1e-15);
      expect(erf(-x)).toBe(-erf(x));
    }
    expect([erf(0), erf(7), erf(-1e3)]).toEqual([0, 1, -1]);
  });

  it('refuses operands of different types, and axes in the form of another operator set, as onnxruntime does', () => {
    const g = new GraphBuilder('forms', 17);
    g.input('x', 'float32', SHAPE);
    expect(() => evaluate(g, [g.op('Add', ['x', g.scalar(1, 'float64')])], { x: X })).toThrow('float32, float64');
    expect(() => evaluate(g, [g.op('ReduceSum', ['x'], { axes: [0] })], { x: X })).toThrow('wrong form');
    expect(() => evaluate(g, [g.op('ReduceMean', ['x', g.integers([0])])], { x: X })).toThrow('wrong form');
  });
});
