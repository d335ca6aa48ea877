/** Symmetric matrices with known properties, and what must hold of their eigenpairs. Plain loops, to check the kernels against. */
import { expect } from 'vitest';
import { Rng } from '../../src/core/rng.js';

/** The symmetric [n,n] matrix with these lower-triangle entries. */
export function symmetric(entries: ArrayLike<number>, n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return entries[i >= j ? i * n + j : j * n + i]!;
  });
}

/** Σ λ_i q_i q_iᵀ for a random orthonormal q: three random reflections of the axes. */
export function matrixWith(spectrum: (i: number) => number, n: number): Float64Array {
  let a: Float64Array = Float64Array.from({ length: n * n }, (_, at) =>
    at % (n + 1) === 0 ? spectrum(at / (n + 1)) : 0,
  );
  for (const name of ['a', 'b', 'c']) {
    const v = Rng.stream(9, 'reflection', name).uniform(n, 1);
    const square = v.reduce((sum, value) => sum + value * value, 0);
    const h = Float64Array.from({ length: n * n }, (_, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      return (i === j ? 1 : 0) - (2 * v[i]! * v[j]!) / square;
    });
    a = product(product(h, a, n), h, n);
  }
  return symmetric(a, n);
}

/** a·b [n,n], by definition. */
export function product(a: Float64Array, b: Float64Array, n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, at) => {
    let sum = 0;
    for (let k = 0; k < n; k++) sum += a[Math.floor(at / n) * n + k]! * b[k * n + (at % n)]!;
    return sum;
  });
}

/** ‖A v − λ v‖∞ ≤ tolerance·‖A‖, vᵢ·vⱼ = δᵢⱼ within tolerance, λ descending, largest component positive. */
export function checkPairs(
  a: Float64Array,
  n: number,
  values: Float64Array,
  vectors: Float64Array,
  tolerance: number,
): void {
  const norm = Math.max(Number.MIN_VALUE, ...a.map(Math.abs));
  let residual = 0;
  let overlap = 0;
  values.forEach((value, i) => {
    const v = vectors.subarray(i * n, (i + 1) * n);
    for (let r = 0; r < n; r++) {
      let image = 0;
      for (let k = 0; k < n; k++) image += (a[r * n + k]! / norm) * v[k]!;
      residual = Math.max(residual, Math.abs(image - (value / norm) * v[r]!));
    }
    for (let j = 0; j <= i; j++) {
      const inner = v.reduce((sum, x, k) => sum + x * vectors[j * n + k]!, 0);
      overlap = Math.max(overlap, Math.abs(inner - (i === j ? 1 : 0)));
    }
    if (i > 0) expect(value).toBeLessThanOrEqual(values[i - 1]!);
    expect(v.reduce((best, x) => (Math.abs(x) > Math.abs(best) ? x : best), 0)).toBeGreaterThan(0);
  });
  expect(residual).toBeLessThan(tolerance);
  expect(overlap).toBeLessThan(tolerance);
}
