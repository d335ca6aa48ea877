import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { symmetricEigen } from '../../src/reduce/eigen.js';
import { checkPairs, matrixWith, symmetric } from './matrices.js';

describe('symmetricEigen', () => {
  it.each([1, 2, 3, 4, 5, 7, 8, 33, 100])('satisfies A v = λ v with orthonormal v, n = %i', (n) => {
    const a = symmetric(Rng.stream(n, 'eigen').uniform(n * n, 1), n);
    const { values, vectors } = symmetricEigen(a, n);
    checkPairs(a, n, values, vectors, 1e-14 * n);
    expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(
      Array.from({ length: n }, (_, i) => a[i * n + i]!).reduce((sum, value) => sum + value, 0),
      12,
    );
  });

  it.each([1e-300, 1e-8, 1, 1e8, 1e300])('does not depend on the scale, %d', (scale) => {
    const n = 24;
    const a = symmetric(Rng.stream(1, 'scale').uniform(n * n, 1), n).map((value) => value * scale);
    const { values, vectors } = symmetricEigen(a, n);
    checkPairs(a, n, values, vectors, 1e-13);
  });

  it.each<[string, (i: number) => number]>([
    ['identity', () => 1],
    ['zero', () => 0],
    ['two clusters', (i) => (i < 9 ? 2 : 0.5)],
    ['rank 3', (i) => (i < 3 ? 3 - i : 0)],
    ['graded over 200 orders of magnitude', (i) => 10 ** (-10 * i)],
    ['indefinite pairs', (i) => (i % 2 === 0 ? 1 : -1)],
  ])('finds a given spectrum: %s', (_, spectrum) => {
    const n = 21;
    const a = matrixWith(spectrum, n);
    const { values, vectors } = symmetricEigen(a, n);
    checkPairs(a, n, values, vectors, 1e-13);
    const expected = Array.from({ length: n }, (_, i) => spectrum(i)).sort((x, y) => y - x);
    values.forEach((value, i) => {
      expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-13);
    });
  });

  it('orders values downwards and makes the largest component of each vector positive', () => {
    const { values, vectors } = symmetricEigen(Float64Array.of(0, 2, 0, 2, 0, 0, 0, 0, -7), 3);
    expect([...values]).toEqual([expect.closeTo(2, 14), expect.closeTo(-2, 14), expect.closeTo(-7, 14)]);
    const half = Math.SQRT1_2;
    expect(vectors[0]).toBeCloseTo(half, 14);
    expect(vectors[1]).toBeCloseTo(half, 14);
    expect(vectors[8]).toBe(1);
  });

  it('is deterministic and leaves its input alone', () => {
    const a = symmetric(Rng.stream(2, 'eigen').uniform(400, 1), 20);
    const copy = a.slice();
    expect(symmetricEigen(a, 20)).toEqual(symmetricEigen(copy, 20));
    expect(a).toEqual(copy);
  });

  it('holds for any small integer matrix (property)', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 36, maxLength: 36 }),
        (n, entries) => {
          const a = symmetric(entries, n);
          const { values, vectors } = symmetricEigen(a, n);
          checkPairs(a, n, values, vectors, 1e-13);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('refuses a matrix of another size or with an entry that is not finite', () => {
    expect(() => symmetricEigen(new Float64Array(5), 2)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(() => symmetricEigen(Float64Array.of(1, NaN, NaN, 1), 2)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});
