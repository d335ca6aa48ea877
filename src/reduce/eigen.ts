/** Eigenvalues and eigenvectors of a whole symmetric matrix, in float64 and without native code. */
import { FungiError } from '../core/errors.js';
import { implicitQl } from './implicit-ql.js';
import { orthogonalFactor, tridiagonalise } from './tridiagonal.js';

export interface Eigenpairs {
  /** Eigenvalues, descending [P]. */
  readonly values: Float64Array;
  /** Row i is the unit eigenvector of values[i], its largest-magnitude component positive [P,n]. */
  readonly vectors: Float64Array;
}

/**
 * All eigenpairs of a symmetric `matrix` [n,n], of which the lower triangle is read. Deterministic; about 9·n³ operations on one core.
 *
 * @throws {FungiError} INVALID_ARGUMENT when the matrix has another size or an entry that is not finite
 */
export function symmetricEigen(matrix: Float64Array, n: number): Eigenpairs {
  if (matrix.length !== n * n) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `symmetricEigen: the matrix holds ${matrix.length} values, not ${n} × ${n}`,
    );
  }
  const scale = powerOfTwoScale(matrix);
  const a = matrix.map((value) => value / scale);
  const { diagonal, offDiagonal, halfSquares } = tridiagonalise(a, n);
  const columns = orthogonalFactor(a, n, halfSquares);
  implicitQl(diagonal, offDiagonal, columns, n);

  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => diagonal[j]! - diagonal[i]! || i - j);
  const vectors = a; // its contents are spent
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < n; i++) vectors[i * n + k] = columns[k * n + order[i]!]!;
  }
  fixSigns(vectors, n, n);
  return { values: Float64Array.from(order, (i) => diagonal[i]! * scale), vectors };
}

/**
 * The power of two just below the largest magnitude, 1 for zeros: dividing by it is exact, and squares of what is left neither
 * overflow nor vanish.
 *
 * @throws {FungiError} INVALID_ARGUMENT when an entry is not finite
 */
export function powerOfTwoScale(matrix: Float64Array): number {
  let largest = 0;
  for (const value of matrix) {
    if (!Number.isFinite(value)) throw new FungiError('INVALID_ARGUMENT', `the matrix holds ${value}`);
    largest = Math.max(largest, Math.abs(value));
  }
  return largest === 0 ? 1 : 2 ** Math.max(-1022, Math.floor(Math.log2(largest)));
}

/** Turns each of `count` rows [n] so that its largest-magnitude component (the first of equals) is positive. */
export function fixSigns(rows: Float64Array, count: number, n: number): void {
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * n, (i + 1) * n);
    let largest = 0;
    for (const value of row) if (Math.abs(value) > Math.abs(largest)) largest = value;
    if (largest < 0) for (let j = 0; j < n; j++) row[j] = -row[j]!;
  }
}
