/** Sizes computed from symbolic ones: right for every size that a symbol may stand for, and equal where the computation is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { productDim, slicedDim, sumDim } from '../../src/onnx/rules/symbols.js';

const END = Number.MAX_SAFE_INTEGER;

describe('slicedDim', () => {
  it('counts what a slice of a list leaves, wherever it starts and ends', () => {
    const place = fc.oneof(fc.integer({ min: -7, max: 7 }), fc.constantFrom(END, -END));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), place, place, (size, start, end) => {
        expect(slicedDim(size, start, end, 1)).toBe(Array.from({ length: size }).slice(start, end).length);
      }),
    );
  });

  it.each([
    [6, 0, END, 2, 3],
    [7, 1, 6, 3, 2],
    [5, -1, -END, -1, 5],
    [5, 3, 0, -2, 2],
    [5, 9, 1, -1, 3],
    [1, -4, -6, -1, 1], // ONNX takes the first element for a start before it, backwards
  ])('of %d elements takes those from %d to %d in steps of %d', (size, start, end, step, expected) => {
    expect(slicedDim(size, start, end, step)).toBe(expected);
  });

  it('names what is left of a symbol, and tells where that is all or one', () => {
    expect(slicedDim('T', 0, END, 1)).toBe('T');
    expect(slicedDim('T', -END, 2 ** 31 - 1, 1)).toBe('T');
    expect(slicedDim('T', 0, 1, 1)).toBe(1);
    expect(slicedDim('T', -1, END, 1)).toBe(1);
    expect(slicedDim('T', 1, END, 1)).toBe('T[1:]');
    expect(slicedDim('T', 0, -1, 1)).toBe('T[:-1]');
    expect(slicedDim('T', -END, 2, 1)).toBe('T[:2]');
    expect(slicedDim('T', -1, -END, -1)).toBe('T');
    expect(slicedDim('T', 0, END, 2)).toBeUndefined();
  });

  it('does not count on an element that another slice may have taken away', () => {
    expect(slicedDim('T[1:]', 0, 1, 1)).toBe('T[1:][:1]');
    expect(slicedDim('T[1:]', -1, END, 1)).toBe('T[1:][-1:]');
  });
});

describe('sums and products', () => {
  it('are numbers of numbers', () => {
    expect(sumDim([1, 2, 3])).toBe(6);
    expect(productDim(2, 3)).toBe(6);
  });

  it('are the same in any order, and in any grouping of a sum', () => {
    expect(sumDim(['T', 1, 'S'])).toBe('(S+T+1)');
    expect(sumDim(['S', 'T', 1])).toBe('(S+T+1)');
    expect(sumDim([sumDim(['T', 1]), 'S'])).toBe('(S+T+1)');
    expect(sumDim([sumDim(['T', 1]), 1])).toBe('(T+2)');
    expect(sumDim(['T', 0])).toBe('T');
    expect(productDim(2, 'T')).toBe(productDim('T', 2));
    expect(productDim('T', 1)).toBe('T');
    expect(productDim(0, 'T')).toBe(0);
    expect(sumDim([productDim(sumDim(['T', 1]), 2), 1])).toBe('((T+1)*2+1)');
  });
});
