/** Shapes that a graph computes are known before a run where they are put together from known ones. */
import { describe, expect, it } from 'vitest';
import type { Attributes } from '../../src/onnx/attributes.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import type { Shape } from '../../src/onnx/shape.js';
import { inlineTensor } from '../../src/onnx/tensor.js';

const builder = (): { g: GraphBuilder; shape: string } => {
  const g = new GraphBuilder('shapes');
  return { g, shape: g.op('Shape', [g.input('x', 'float32', ['B', 'T', 4])]) };
};

const shapeOf = (write: (g: GraphBuilder, shape: string) => string): Shape | undefined => {
  const { g, shape } = builder();
  return g.shapeValue(write(g, shape));
};

describe('shapeValue', () => {
  it('reads constants and Shape', () => {
    expect(shapeOf((g) => g.integers([2, -1]))).toEqual([2, -1]);
    expect(shapeOf((_, shape) => shape)).toEqual(['B', 'T', 4]);
  });

  const part = (attributes: Attributes) => shapeOf((g) => g.op('Shape', ['x'], attributes));
  it.each([
    [{ start: 1 }, ['T', 4]],
    [{ end: 1 }, ['B']],
    [{ start: -2, end: -1 }, ['T']],
    [{ start: 0, end: 2 }, ['B', 'T']],
  ] as const)('reads a part of a shape, %o', (attributes, expected) => {
    expect(part(attributes)).toEqual(expected);
  });

  it('picks sizes out and puts them together', () => {
    const pick = (g: GraphBuilder, shape: string, at: number): string =>
      g.op('Unsqueeze', [g.op('Gather', [shape, g.scalar(at, 'int64')], { axis: 0 }), g.integers([0])]);
    expect(
      shapeOf((g, shape) => g.op('Concat', [pick(g, shape, 0), g.integers([-1]), pick(g, shape, -1)], { axis: 0 })),
    ).toEqual(['B', -1, 4]);
  });

  it.each([
    [[0], [2], ['B', 'T']],
    [[-1], [9], [4]],
    [[1], [Number.MAX_SAFE_INTEGER], ['T', 4]],
  ])('slices a shape from %j to %j', (starts, ends, expected) => {
    expect(shapeOf((g, shape) => g.op('Slice', [shape, g.integers(starts), g.integers(ends)]))).toEqual(expected);
  });

  it('takes a slice with steps for unknown rather than for another one', () => {
    const every = (g: GraphBuilder, shape: string, step: number): string =>
      g.op('Slice', [shape, g.integers([0]), g.integers([3]), g.integers([0]), g.integers([step])]);
    expect(shapeOf((g, shape) => every(g, shape, 2))).toBeUndefined();
    expect(shapeOf((g, shape) => every(g, shape, 1))).toEqual(['B', 'T', 4]);
  });

  /** How torch writes `expand(-1, n, -1)`: sizes where they are not −1, else those of the tensor. */
  it('chooses between sizes as exporters do', () => {
    const chosen = shapeOf((g, shape) => {
      const wanted = g.integers([-1, 7, -1]);
      const minus = g.op('ConstantOfShape', [g.integers([3])], {
        value: { tensor: inlineTensor('v', 'int64', BigInt64Array.of(-1n), [1]) },
      });
      return g.op('Where', [g.op('Equal', [wanted, minus]), shape, wanted]);
    });
    expect(chosen).toEqual(['B', 7, 4]);
  });

  it('takes a symbol for no negative number, and does not guess which number it is', () => {
    const where = (g: GraphBuilder, shape: string, than: number): string =>
      g.op('Where', [g.op('Equal', [shape, g.integers([than])]), g.integers([1]), shape]);
    expect(shapeOf((g, shape) => where(g, shape, -1))).toEqual(['B', 'T', 4]);
    expect(shapeOf((g, shape) => where(g, shape, 2))).toBeUndefined();
  });

  it('keeps symbols through products, sums and quotients that say what they are', () => {
    const by = (type: string, values: readonly number[]) => (g: GraphBuilder, shape: string) =>
      g.op(type, [shape, g.integers(values)]);
    expect(shapeOf(by('Mul', [1, 2, 3]))).toEqual(['B', 'T*2', 12]);
    expect(shapeOf(by('Add', [0, 1, 3]))).toEqual(['B', '(T+1)', 7]);
    expect(shapeOf(by('Sub', [0, 0, 3]))).toEqual(['B', 'T', 1]);
    expect(shapeOf(by('Sub', [0, 1, 0]))).toBeUndefined();
    expect(shapeOf(by('Div', [1, 1, 3]))).toEqual(['B', 'T', 1]);
    expect(shapeOf(by('Div', [2, 1, 1]))).toBeUndefined();
    expect(shapeOf(by('Mul', [-1, -1, -1]))).toBeUndefined();
    expect(shapeOf((g, shape) => g.op('Div', [by('Mul', [6, 6, 6])(g, shape), g.integers([6])]))).toEqual([
      'B',
      'T',
      4,
    ]);
  });

  it('knows remainders of numbers, with the sign of the divisor, and slices that they bound', () => {
    const remainder = (g: GraphBuilder, value: number): string => g.op('Mod', [g.integers([value]), g.integers([3])]);
    expect(shapeOf((g) => remainder(g, -1))).toEqual([2]);
    expect(shapeOf((g) => remainder(g, 7))).toEqual([1]);
    expect(shapeOf((g, shape) => g.op('Mod', [shape, g.integers([3])]))).toBeUndefined();
    expect(shapeOf((g) => g.op('Mod', [g.integers([7]), g.integers([0])]))).toBeUndefined();
    expect(shapeOf((g, shape) => g.op('Slice', [shape, g.integers([0]), remainder(g, -1)]))).toEqual(['B', 'T']);
    expect(shapeOf((g, shape) => g.op('Slice', [shape, g.integers([0]), shape]))).toBeUndefined();
  });

  it('takes a list for a list after a Reshape', () => {
    expect(shapeOf((g, shape) => g.op('Reshape', [shape, g.integers([-1])]))).toEqual(['B', 'T', 4]);
    expect(shapeOf((g, shape) => g.op('Reshape', [shape, g.integers([3, 1])]))).toBeUndefined();
  });

  it('says nothing of arithmetic, inputs and shapes that are not known', () => {
    expect(shapeOf((g, shape) => g.op('Mul', [shape, shape]))).toBeUndefined();
    expect(shapeOf((g) => g.input('sizes', 'int64', [2]))).toBeUndefined();
    expect(shapeOf((g) => g.op('Shape', [g.op('NoSuchOperator', ['x'])]))).toBeUndefined();
    expect(shapeOf((g, shape) => g.op('Concat', [shape, g.input('sizes', 'int64', [2])], { axis: 0 }))).toBeUndefined();
  });
});
