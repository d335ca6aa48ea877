/** The interpreter against onnxruntime where no derivative rule leads: forward-only operators, and forms without a rule. */
import { describe, expect, it } from 'vitest';
import type { Attributes } from '../../src/onnx/attributes.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
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

describe('the interpreter', () => {
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
