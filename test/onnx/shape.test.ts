import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { broadcast, broadcastAxes, normalAxis, showShape, type Dim, type Shape } from '../../src/onnx/shape.js';
import { broadcastShape, product } from './value.js';

const size = fc.integer({ min: 1, max: 4 });
const dim: fc.Arbitrary<Dim> = fc.oneof(size, fc.constantFrom('B', 'T'));
const shapes = fc.array(dim, { maxLength: 4 });

/** A shape and one that broadcasts to it: leading axes dropped, others kept or 1. */
const pair = fc
  .tuple(fc.array(dim, { maxLength: 4 }), fc.nat(4), fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }))
  .map(([to, dropped, ones]): [Shape, Shape] => [to.slice(dropped).map((d, i) => (ones[i] ? 1 : d)), to]);

describe('broadcast', () => {
  it('agrees with NumPy on numbers', () => {
    fc.assert(
      fc.property(fc.array(size, { maxLength: 4 }), fc.array(size, { maxLength: 4 }), (a, b) => {
        let expected: number[] | undefined;
        try {
          expected = broadcastShape(a, b);
        } catch {
          expected = undefined;
        }
        if (expected === undefined) expect(() => broadcast(a, b)).toThrow(showShape(a));
        else expect(broadcast(a, b)).toEqual(expected);
      }),
    );
  });

  it('is symmetric, and the same shape or a scalar changes nothing', () => {
    fc.assert(
      fc.property(pair, shapes, ([small, big], other) => {
        expect(broadcast(small, big)).toEqual(big);
        expect(broadcast(big, small)).toEqual(big);
        expect(broadcast(other, other)).toEqual(other);
        expect(broadcast([], other)).toEqual(other);
        expect(broadcast(other, [])).toEqual(other);
      }),
    );
  });

  it('takes a symbol with itself and with 1, and with nothing else', () => {
    expect(broadcast(['B', 1, 4], ['T', 1])).toEqual(['B', 'T', 4]);
    for (const other of [3, 'T'] as const) {
      expect(() => broadcast(['B', 4], [other, 4])).toThrow(
        expect.objectContaining({
          code: 'MODEL_UNSUPPORTED',
          message: expect.stringMatching(`\\[B, 4\\].*\\[${other}, 4\\]`) as string,
        }),
      );
    }
  });
});

describe('broadcastAxes', () => {
  it('names the axes whose sum leads from the broadcast shape back to the operand', () => {
    fc.assert(
      fc.property(pair, ([from, to]) => {
        const { leading, stretched } = broadcastAxes(from, to);
        const summed = to.map((d, i) => (stretched.includes(i) ? 1 : d)).filter((_, i) => !leading.includes(i));
        expect(summed).toEqual(from);
      }),
    );
  });

  it('sums over nothing where nothing was repeated', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        expect(broadcastAxes(shape, shape)).toEqual({ leading: [], stretched: [] });
      }),
    );
  });

  it('counts every repetition once', () => {
    fc.assert(
      fc.property(pair, ([from, to]) => {
        const sizes = (shape: Shape): number[] => shape.map((d) => (typeof d === 'number' ? d : 7));
        const { leading, stretched } = broadcastAxes(from, to);
        const repeated = product([...leading, ...stretched].map((axis) => sizes(to)[axis]!));
        expect(product(sizes(from)) * repeated).toBe(product(sizes(to)));
      }),
    );
  });
});

it('normalAxis counts negative axes from the end', () => {
  expect([0, 2, -1, -3].map((axis) => normalAxis(axis, 3))).toEqual([0, 2, 2, 0]);
});
