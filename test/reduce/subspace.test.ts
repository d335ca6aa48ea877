import { describe, expect, it } from 'vitest';
import { symmetricEigen } from '../../src/reduce/eigen.js';
import { leadingEigen } from '../../src/reduce/subspace.js';
import { checkPairs, matrixWith } from './matrices.js';

const n = 120;
const P = 20; // 33 rows iterate: far from the whole problem

describe('leadingEigen', () => {
  it.each<[string, (i: number) => number]>([
    ['power law', (i) => (i + 1) ** -1.5],
    ['exponential', (i) => Math.exp(-i / 3)],
    ['linear', (i) => 1 - i / n],
    ['identity', () => 1],
    ['rank below P', (i) => (i < 7 ? 1 / (i + 1) : 0)],
    ['rank P', (i) => (i < P ? 1 : 0)],
    ['cluster across the cut', (i) => (i < 10 ? 1 : i < 60 ? 0.5 : 0.01)],
    ['one spike', (i) => (i === 0 ? 1 : 1e-10)],
    ['tiny', (i) => 1e-290 / (i + 1)],
    ['huge', (i) => 1e290 / (i + 1)],
  ])('agrees with the full solver: %s', async (_, spectrum) => {
    const a = matrixWith(spectrum, n);
    const found = await leadingEigen(a, n, P);
    expect(found.converged).toBe(true);
    expect(found.residual).toBeLessThanOrEqual(1e-8);
    checkPairs(a, n, found.values, found.vectors, 1e-7);
    const full = symmetricEigen(a, n);
    found.values.forEach((value, i) => {
      expect(Math.abs(value - full.values[i]!) / full.values[0]!).toBeLessThan(1e-8);
    });
  });

  it('meets the tolerance asked for, and returns orthonormal rows even when it gives up', async () => {
    const a = matrixWith((i) => (i === 0 ? 1e3 : 1 + 1e-4 * Math.sin(i)), n);
    const loose = await leadingEigen(a, n, P, { tolerance: 1e-4 });
    expect(loose.residual).toBeLessThanOrEqual(1e-4);
    const hopeless = await leadingEigen(a, n, P, { tolerance: 1e-15 });
    expect(hopeless.converged).toBe(false);
    checkPairs(a, n, hopeless.values, hopeless.vectors, 1e-6);
  });

  it('gives the same bits for the same seed, and the same space for another', async () => {
    const a = matrixWith((i) => 2 ** -i, n);
    const first = await leadingEigen(a, n, 5, { seed: 1 });
    expect(await leadingEigen(a, n, 5, { seed: 1 })).toEqual(first);
    const other = await leadingEigen(a, n, 5, { seed: 2 });
    other.vectors.forEach((value, i) => {
      expect(value).toBeCloseTo(first.vectors[i]!, 6);
    });
  });

  it('finds P orthonormal vectors where most rows and columns are zero', async () => {
    const a = new Float64Array(n * n);
    for (let i = 0; i < 5; i++) a[i * (n + 1)] = 5 - i;
    const { values, vectors, converged } = await leadingEigen(a, n, P);
    expect(converged).toBe(true);
    checkPairs(a, n, values, vectors, 1e-7);
    expect(values[4]).toBeCloseTo(1, 12);
  });

  // The first polynomial turns all rows towards the few large directions: their Gram matrix is singular but for its shift.
  it.each([3, 8, 12, 20])(
    'orthonormalises rows that became nearly parallel: %i large, the others alike',
    async (large) => {
      const size = 500;
      const a = new Float64Array(size * size);
      for (let i = 0; i < size; i++) a[i * (size + 1)] = i < large ? 20 / (i + 1) : 0.3 * (i + 1) ** -0.05;
      const { values, residual, converged } = await leadingEigen(a, size, 200);
      expect(converged).toBe(true);
      expect(residual).toBeLessThanOrEqual(1e-8);
      const exact = Float64Array.from({ length: size }, (_, i) => a[i * (size + 1)]!)
        .sort()
        .reverse();
      values.forEach((value, i) => {
        expect(Math.abs(value - exact[i]!)).toBeLessThan(1e-7);
      });
    },
  );

  it('takes the zero matrix, and P up to n', async () => {
    const zero = await leadingEigen(new Float64Array(n * n), n, P);
    expect(zero.values.every((value) => value === 0)).toBe(true);
    const a = matrixWith((i) => 1 / (i + 1), 12);
    const all = await leadingEigen(a, 12, 12);
    expect(all).toMatchObject({ ...symmetricEigen(a, 12), converged: true });
  });

  it.each([
    ['a wrong size', new Float64Array(8), 3, 1],
    ['no pair', new Float64Array(9), 3, 0],
    ['more pairs than there are', new Float64Array(9), 3, 4],
    ['infinity', Float64Array.of(Infinity), 1, 1],
  ])('refuses %s', async (_, matrix, size, count) => {
    await expect(leadingEigen(matrix, size, count)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
