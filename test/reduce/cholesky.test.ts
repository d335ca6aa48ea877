import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { inverseTranspose, pivotedCholesky } from '../../src/reduce/cholesky.js';
import { inverseFactor } from '../../src/reduce/inverse-factor.js';
import { cholesky, lowerInverse } from '../../src/reduce/triangular.js';
import { matrixWith, product } from './matrices.js';

/** Kernel of m points in d dimensions, at unit length: K_ij = x_i·x_j. */
function kernelOf(points: readonly (readonly number[])[]): Float64Array {
  const m = points.length;
  return Float64Array.from({ length: m * m }, (_, at) => {
    const [x, y] = [points[Math.floor(at / m)]!, points[at % m]!];
    const dot = (a: readonly number[], b: readonly number[]): number =>
      a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
  });
}

const points = (m: number, d: number, seed = 1): number[][] => {
  const rng = Rng.stream(seed, 'points');
  return Array.from({ length: m }, () => Array.from(rng.uniform(d, 1)));
};

describe('pivotedCholesky', () => {
  it.each([1, 2, 5, 6, 23])('factors a regular kernel of %i rows in pivot order', (m) => {
    const kernel = kernelOf(points(m, m + 3));
    const { rank, pivots, factor } = pivotedCholesky(kernel, m, 1e-12);
    expect(rank).toBe(m);
    expect([...pivots].sort((a, b) => a - b)).toEqual(Array.from({ length: m }, (_, i) => i));
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < m; j++) {
        let sum = 0;
        for (let k = 0; k < m; k++) sum += factor[i * m + k]! * factor[j * m + k]!;
        expect(Math.abs(sum - kernel[pivots[i]! * m + pivots[j]!]!)).toBeLessThan(1e-13);
        if (j > i) expect(factor[i * m + j]).toBe(0);
      }
    }
  });

  it('stops at the rank, and takes one of equal rows', () => {
    const three = points(3, 8);
    const kernel = kernelOf([...three, ...three, ...three]);
    const { rank, pivots } = pivotedCholesky(kernel, 9, 1e-10);
    expect(rank).toBe(3);
    expect(new Set([...pivots].map((pivot) => pivot % 3)).size).toBe(3);
    expect(pivots[0]).toBe(0);
  });

  it('leaves no residual above the tolerance', () => {
    const m = 40;
    const kernel = kernelOf(points(m, 12).map((x) => x.map((value, i) => value * 0.3 ** i)));
    const tolerance = 1e-3;
    const { rank, pivots, factor } = pivotedCholesky(kernel, m, tolerance);
    expect(rank).toBeLessThan(m);
    const inverse = inverseTranspose(factor, rank);
    for (let i = 0; i < m; i++) {
      let explained = 0;
      for (let c = 0; c < rank; c++) {
        let sum = 0;
        for (let r = 0; r < rank; r++) sum += kernel[i * m + pivots[r]!]! * inverse[r * rank + c]!;
        explained += sum * sum;
      }
      expect(1 - explained).toBeLessThan(tolerance + 1e-12);
    }
  });

  it('gives rank 0 for zeros and refuses what is no kernel', () => {
    expect(pivotedCholesky(new Float64Array(9), 3, 0)).toMatchObject({ rank: 0 });
    const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error;
    expect(() => pivotedCholesky(new Float64Array(8), 3, 0)).toThrow(refused);
    expect(() => pivotedCholesky(new Float64Array(4), 2, -1)).toThrow(refused);
    expect(() => pivotedCholesky(Float64Array.of(1, 0, 0, NaN), 2, 0)).toThrow(refused);
  });
});

describe('inverseTranspose', () => {
  it('makes k·W isometric: (kW)·(k′W) is the inner product itself for vectors in the span (property)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 1000 }), (m, seed) => {
        const d = m + 2;
        const x = points(m, d, seed);
        const unit = x.map((row) => row.map((value) => value / Math.hypot(...row)));
        const { rank, pivots, factor } = pivotedCholesky(kernelOf(x), m, 1e-9);
        const w = inverseTranspose(factor, rank);
        const inSpan = [seed, seed + 1].map((s) => {
          const weights = Rng.stream(s, 'weights').uniform(m, 1);
          return unit[0]!.map((_, j) => unit.reduce((sum, row, i) => sum + weights[i]! * row[j]!, 0));
        });
        const mapped = inSpan.map((v) =>
          Array.from({ length: rank }, (_, c) => {
            let sum = 0;
            for (let r = 0; r < rank; r++) {
              const k = unit[pivots[r]!]!.reduce((inner, value, j) => inner + value * v[j]!, 0);
              sum += k * w[r * rank + c]!;
            }
            return sum;
          }),
        );
        const dot = (a: readonly number[], b: readonly number[]): number =>
          a.reduce((sum, value, i) => sum + value * b[i]!, 0);
        expect(dot(mapped[0]!, mapped[1]!)).toBeCloseTo(dot(inSpan[0]!, inSpan[1]!), 5);
      }),
      { numRuns: 60 },
    );
  });
});

describe('triangular kernels', () => {
  it.each([1, 3, 4, 5, 9, 16, 31])('invert each other, n = %i', (n) => {
    const a = matrixWith((i) => 1 / (i + 1), n);
    const l = cholesky(a, n);
    const lt = Float64Array.from(l, (_, at) => l[(at % n) * n + Math.floor(at / n)]!);
    product(l, lt, n).forEach((value, at) => {
      expect(Math.abs(value - a[at]!)).toBeLessThan(1e-14);
    });
    product(lowerInverse(l, n), l, n).forEach((value, at) => {
      expect(Math.abs(value - (at % (n + 1) === 0 ? 1 : 0))).toBeLessThan(1e-11);
    });
  });

  it('exist for a singular matrix with a shift', () => {
    const l = cholesky(new Float64Array(16).fill(1), 4, 1e-12);
    expect(l.every(Number.isFinite)).toBe(true);
    expect(l[5]).toBeCloseTo(Math.sqrt(2e-12), 8);
  });

  it.each([1, 96, 97, 250])('come out the same by halves, n = %i', async (n) => {
    const a = matrixWith((i) => 1 / (i + 1), n);
    const whole = lowerInverse(cholesky(a, n, 1e-9), n);
    const halves = await inverseFactor(a, n, 1e-9);
    whole.forEach((value, at) => {
      if (Math.abs(value - halves[at]!) > 1e-10) throw new Error(`entry ${at}: ${value} and ${halves[at]!}`);
    });
  });
});
