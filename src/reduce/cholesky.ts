/** Cholesky factors of kernel matrices that may be singular. */
import { FungiError } from '../core/errors.js';
import { dot, fourDots, lowerInverse } from './triangular.js';

export interface PivotedCholesky {
  /** How many pivots were taken before every residual fell to the tolerance. */
  readonly rank: number;
  /** Rows taken, largest residual first [rank]. */
  readonly pivots: Int32Array;
  /** Lower-triangular L [rank,rank] with K[pivots,pivots] = L·Lᵀ. */
  readonly factor: Float64Array;
}

/**
 * Greedy pivoted Cholesky decomposition of a symmetric positive semi-definite `kernel` [m,m] (Harbrecht, Peters & Schneider 2012). Of
 * equal residuals the first row is taken.
 *
 * @param tolerance stops when no row's residual diagonal exceeds it: of a unit-diagonal K, the share of a row that the taken ones
 *   leave unexplained
 * @throws {FungiError} INVALID_ARGUMENT for another size, a tolerance below 0, or a diagonal that is not finite
 */
export function pivotedCholesky(kernel: Float64Array, m: number, tolerance: number): PivotedCholesky {
  if (kernel.length !== m * m || !(tolerance >= 0)) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `pivotedCholesky: ${kernel.length} values as ${m} × ${m}, tolerance ${tolerance}`,
    );
  }
  // Rows are swapped into pivot order as they are taken: rows k … m−1 of `l`, `residual` and `order` are the candidates.
  const l = new Float64Array(m * m);
  const order = Int32Array.from({ length: m }, (_, i) => i);
  const residual = Float64Array.from(order, (i) => kernel[i * m + i]!);
  if (!residual.every(Number.isFinite)) {
    throw new FungiError('INVALID_ARGUMENT', 'pivotedCholesky: the diagonal holds NaN or Infinity');
  }
  let rank = 0;
  for (; rank < m; rank++) {
    let best = rank;
    for (let i = rank + 1; i < m; i++) {
      const ahead = residual[i]! - residual[best]!;
      if (ahead > 0 || (ahead === 0 && order[i]! < order[best]!)) best = i;
    }
    if (!(residual[best]! > tolerance)) break;
    swapRows(l, m, rank, best, rank);
    swap(order, rank, best);
    swap(residual, rank, best);
    takePivot(kernel, l, order, residual, m, rank);
  }
  const factor = new Float64Array(rank * rank);
  for (let i = 0; i < rank; i++) factor.set(l.subarray(i * m, i * m + i + 1), i * rank);
  return { rank, pivots: order.slice(0, rank), factor };
}

/** Column `k` of L, for the pivot in row k and all candidates below it, and what it takes off their residuals. */
function takePivot(
  kernel: Float64Array,
  l: Float64Array,
  order: Int32Array,
  residual: Float64Array,
  m: number,
  k: number,
): void {
  const pivot = Math.sqrt(residual[k]!);
  const kernelRow = order[k]! * m;
  const sums = new Float64Array(4);
  l[k * m + k] = pivot;
  for (let first = k + 1; first < m; first += 4) {
    const rows = Math.min(4, m - first);
    if (rows === 4) fourDots(l, first * m, m, l, k * m, k, sums);
    else for (let r = 0; r < rows; r++) sums[r] = dot(l, (first + r) * m, l, k * m, k);
    for (let r = 0; r < rows; r++) {
      const i = first + r;
      const value = (kernel[kernelRow + order[i]!]! - sums[r]!) / pivot;
      l[i * m + k] = value;
      residual[i]! -= value * value;
    }
  }
}

function swap(values: Float64Array | Int32Array, i: number, j: number): void {
  const kept = values[i]!;
  values[i] = values[j]!;
  values[j] = kept;
}

function swapRows(l: Float64Array, m: number, i: number, j: number, count: number): void {
  for (let k = 0; k < count; k++) swap(l, i * m + k, j * m + k);
}

/**
 * L⁻ᵀ [n,n], upper triangular: for a row k of inner products with n vectors whose Gram matrix is L·Lᵀ, k·L⁻ᵀ are coordinates in an
 * orthonormal basis of their span, so that (kL⁻ᵀ)·(k′L⁻ᵀ) = k(LLᵀ)⁻¹k′.
 */
export function inverseTranspose(factor: Float64Array, n: number): Float64Array {
  const inverse = lowerInverse(factor, n);
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) out[j * n + i] = inverse[i * n + j]!;
  return out;
}
