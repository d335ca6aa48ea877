/**
 * Householder reduction of a symmetric matrix to tridiagonal form, A = Q T Qᵀ (Golub & Van Loan, Matrix Computations 4th ed.,
 * §8.3.1). Written for speed in plain JavaScript: row order, one sweep over the matrix per reflector, rows taken in small groups so
 * that what they share is loaded once.
 */

export interface Tridiagonal {
  /** Diagonal of T [n]. */
  readonly diagonal: Float64Array;
  /** offDiagonal[i] couples i−1 and i; offDiagonal[0] is 0. [n] */
  readonly offDiagonal: Float64Array;
  /** Half the squared length of reflector i, 0 where there is none [n]; its vector lies in row i of the reduced matrix. */
  readonly halfSquares: Float64Array;
}

/** A squared length below this is rounding noise of a matrix whose largest entry is 1; a reflector made from it would not be orthogonal. */
const NEGLIGIBLE = 1e-280;

/**
 * Reduces `a` [n,n] (largest entry about 1, lower triangle read) in place: afterwards row i holds the vector uᵢ [i] of the reflector
 * Hᵢ = I − uᵢuᵢᵀ/hᵢ, and Q = Hₙ₋₁ ⋯ H₁.
 */
export function tridiagonalise(a: Float64Array, n: number): Tridiagonal {
  const diagonal = new Float64Array(n);
  const offDiagonal = new Float64Array(n);
  const halfSquares = new Float64Array(n);
  let u = new Float64Array(n); // previous reflector, whose update A −= u qᵀ + q uᵀ is still pending
  let v = new Float64Array(n); // reflector being made
  const q = new Float64Array(n);
  const p = new Float64Array(n);
  for (let i = n - 1; i >= 0; i--) {
    const row = a.subarray(i * n, i * n + n);
    for (let j = 0; j <= i; j++) row[j]! -= u[i]! * q[j]! + q[i]! * u[j]!;
    diagonal[i] = row[i]!;
    if (i === 0) break;

    let tail = 0;
    for (let j = 0; j < i - 1; j++) tail += row[j]! * row[j]!;
    const last = row[i - 1]!;
    const reflect = tail > NEGLIGIBLE;
    const length = reflect ? -Math.sign(last || 1) * Math.sqrt(tail + last * last) : last;
    const h = reflect ? length * (length - last) : 0;
    offDiagonal[i] = length;
    halfSquares[i] = h;
    row[i - 1] = last - length;
    for (let j = 0; j < i; j++) v[j] = reflect ? row[j]! : 0;

    updateAndMultiply(a, n, i, u, q, v, p);
    let projection = 0;
    for (let j = 0; j < i; j++) projection += v[j]! * p[j]!;
    const inverse = reflect ? 1 / h : 0;
    const shift = (projection * inverse * inverse) / 2;
    for (let j = 0; j < i; j++) q[j] = p[j]! * inverse - shift * v[j]!;
    [u, v] = [v, u];
  }
  return { diagonal, offDiagonal, halfSquares };
}

/** On the leading [m,m] lower triangle: A −= u qᵀ + q uᵀ, then p = A v. Both in one pass, two rows at a time. */
function updateAndMultiply(
  a: Float64Array,
  n: number,
  m: number,
  u: Float64Array,
  q: Float64Array,
  v: Float64Array,
  p: Float64Array,
): void {
  const first = m % 2;
  if (first === 1) {
    a[0]! -= 2 * u[0]! * q[0]!;
    p[0] = a[0]! * v[0]!;
  }
  for (let r = first; r < m; r += 2) {
    const row0 = r * n;
    const row1 = row0 + n;
    const u0 = u[r]!;
    const u1 = u[r + 1]!;
    const q0 = q[r]!;
    const q1 = q[r + 1]!;
    const v0 = v[r]!;
    const v1 = v[r + 1]!;
    let sum0 = 0;
    let sum1 = 0;
    for (let j = 0; j < r; j++) {
      const uj = u[j]!;
      const qj = q[j]!;
      const vj = v[j]!;
      const x0 = a[row0 + j]! - u0 * qj - q0 * uj;
      const x1 = a[row1 + j]! - u1 * qj - q1 * uj;
      a[row0 + j] = x0;
      a[row1 + j] = x1;
      sum0 += x0 * vj;
      sum1 += x1 * vj;
      p[j]! += x0 * v0 + x1 * v1;
    }
    const a00 = a[row0 + r]! - 2 * u0 * q0;
    const a10 = a[row1 + r]! - u1 * q0 - q1 * u0;
    const a11 = a[row1 + r + 1]! - 2 * u1 * q1;
    a[row0 + r] = a00;
    a[row1 + r] = a10;
    a[row1 + r + 1] = a11;
    p[r] = sum0 + a00 * v0 + a10 * v1;
    p[r + 1] = sum1 + a10 * v0 + a11 * v1;
  }
}

/** Rows of {@link orthogonalFactor} are padded to a multiple of this, so that loops over row groups need no remainder. */
export const ROW_GROUP = 4;

/**
 * Q [n padded to ROW_GROUP, n] of the reduction that {@link tridiagonalise} left in `a`, two reflectors at a time:
 * H₂H₁Q = Q − u₁b₁ − u₂b₂ with b₁ = u₁ᵀQ/h₁ and b₂ = (u₂ᵀQ − (u₂·u₁)b₁)/h₂.
 */
export function orthogonalFactor(a: Float64Array, n: number, halfSquares: Float64Array): Float64Array {
  const q = new Float64Array(Math.ceil(n / ROW_GROUP) * ROW_GROUP * n);
  const u1 = new Float64Array(n + ROW_GROUP);
  const u2 = new Float64Array(n + ROW_GROUP);
  const b1 = new Float64Array(n);
  const b2 = new Float64Array(n);
  for (let i = 0; i < n; i++) q[i * n + i] = 1;
  for (let i = 1; i < n; i += 2) {
    const next = Math.min(i + 1, n - 1);
    const size = next + 1; // the two reflectors change the leading [size,size] block only
    const inverse1 = halfSquares[i]! === 0 ? 0 : 1 / halfSquares[i]!;
    const inverse2 = next === i || halfSquares[next]! === 0 ? 0 : 1 / halfSquares[next]!;
    let overlap = 0;
    for (let k = 0; k < size; k++) {
      u1[k] = k < i ? a[i * n + k]! : 0;
      u2[k] = k < next ? a[next * n + k]! : 0;
      overlap += u1[k]! * u2[k]!;
    }
    multiplyRows(q, n, size, u1, u2, b1, b2);
    for (let j = 0; j < size; j++) {
      b1[j]! *= inverse1;
      b2[j] = (b2[j]! - overlap * b1[j]!) * inverse2;
    }
    subtractOuter(q, n, size, u1, u2, b1, b2);
  }
  return q;
}

/** b1 = u1ᵀQ and b2 = u2ᵀQ over the leading [size,size] block. */
function multiplyRows(
  q: Float64Array,
  n: number,
  size: number,
  u1: Float64Array,
  u2: Float64Array,
  b1: Float64Array,
  b2: Float64Array,
): void {
  b1.fill(0, 0, size);
  b2.fill(0, 0, size);
  for (let k = 0; k < size; k += ROW_GROUP) {
    const row0 = k * n;
    const row1 = (k + 1) * n;
    const row2 = (k + 2) * n;
    const row3 = (k + 3) * n;
    const c0 = u1[k]!;
    const c1 = u1[k + 1]!;
    const c2 = u1[k + 2]!;
    const c3 = u1[k + 3]!;
    const d0 = u2[k]!;
    const d1 = u2[k + 1]!;
    const d2 = u2[k + 2]!;
    const d3 = u2[k + 3]!;
    for (let j = 0; j < size; j++) {
      const x0 = q[row0 + j]!;
      const x1 = q[row1 + j]!;
      const x2 = q[row2 + j]!;
      const x3 = q[row3 + j]!;
      b1[j]! += c0 * x0 + c1 * x1 + c2 * x2 + c3 * x3;
      b2[j]! += d0 * x0 + d1 * x1 + d2 * x2 + d3 * x3;
    }
  }
}

/** Q −= u1 b1 + u2 b2 over the leading [size,size] block. */
function subtractOuter(
  q: Float64Array,
  n: number,
  size: number,
  u1: Float64Array,
  u2: Float64Array,
  b1: Float64Array,
  b2: Float64Array,
): void {
  for (let k = 0; k < size; k += 2) {
    const row0 = k * n;
    const row1 = (k + 1) * n;
    const c0 = u1[k]!;
    const c1 = u1[k + 1]!;
    const d0 = u2[k]!;
    const d1 = u2[k + 1]!;
    for (let j = 0; j < size; j++) {
      const x = b1[j]!;
      const y = b2[j]!;
      q[row0 + j]! -= c0 * x + d0 * y;
      q[row1 + j]! -= c1 * x + d1 * y;
    }
  }
}
