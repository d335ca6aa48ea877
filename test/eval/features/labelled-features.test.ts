import { describe, expect, it } from 'vitest';

import { assertFeatures, assertRows, classesOf, selectRows } from '../../../src/eval/features/labelled-features.js';

const features = (values: number[], dims: number, labels: string[]) => ({
  rows: Float32Array.from(values),
  dims,
  labels,
});
const invalid = (code: string, message: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string });

describe('labelled features', () => {
  it('are counted', () => {
    expect(assertFeatures(features([1, 2, 3, 4, 5, 6], 3, ['a', 'b']), 'row')).toBe(2);
    expect(assertRows(features([1, 2, 3, 4, 5, 6], 2, []), 'row')).toBe(3);
  });

  it.each([
    ['no rows', features([], 3, []), 'INVALID_ARGUMENT', /training row: there are none/],
    ['another number of labels', features([1, 2], 1, ['a']), 'INVALID_ARGUMENT', /2 vectors, but 1 labels/],
    [
      'half a row',
      features([1, 2, 3], 2, ['a', 'b']),
      'INVALID_VECTOR',
      /3 values are not made of training row vectors of 2/,
    ],
    ['no width', features([1, 2], 0, ['a']), 'INVALID_ARGUMENT', /positive integer, got 0/],
    ['NaN', features([1, 2, 3, NaN], 2, ['a', 'b']), 'INVALID_VECTOR', /training row 1 holds NaN at position 1/],
    ['infinity', features([1, -Infinity], 2, ['a']), 'INVALID_VECTOR', /training row 0 holds -Infinity at position 1/],
  ])('are refused with %s', (_, bad, code, message) => {
    expect(() => assertFeatures(bad, 'training row')).toThrow(invalid(code, message));
  });

  it('are selected by number, in the order asked for', () => {
    const all = features([1, 2, 3, 4, 5, 6], 2, ['a', 'b', 'c']);
    expect(selectRows(all, [2, 0, 2])).toEqual(features([5, 6, 1, 2, 5, 6], 2, ['c', 'a', 'c']));
    expect(() => selectRows(all, [3])).toThrow(invalid('INVALID_ARGUMENT', /no row 3: the features have 3/));
  });
});

describe('classes', () => {
  it('are sorted by code unit and numbered', () => {
    expect(classesOf(['b', 'B', 'a', 'b'])).toEqual({ names: ['B', 'a', 'b'], codes: Int32Array.of(2, 0, 1, 2) });
  });

  it('must be two', () => {
    expect(() => classesOf(['a', 'a'])).toThrow(invalid('INVALID_DATA', /two labels at least are needed, found 1/));
  });
});
