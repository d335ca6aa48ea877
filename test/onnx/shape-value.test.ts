/** Shapes that a graph computes are known before a run where they are put together from known ones. */
import { describe, expect, it } from 'vitest';
import type { Attributes } from '../../src/onnx/attributes.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import type { Shape } from '../../src/onnx/shape.js';

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

  it('says nothing of arithmetic, inputs and shapes that are not known', () => {
    expect(shapeOf((g, shape) => g.op('Mul', [shape, shape]))).toBeUndefined();
    expect(shapeOf((g) => g.input('sizes', 'int64', [2]))).toBeUndefined();
    expect(shapeOf((g) => g.op('Shape', [g.op('NoSuchOperator', ['x'])]))).toBeUndefined();
    expect(shapeOf((g, shape) => g.op('Concat', [shape, g.input('sizes', 'int64', [2])], { axis: 0 }))).toBeUndefined();
  });
});
