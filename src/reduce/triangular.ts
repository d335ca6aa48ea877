/** Triangular kernels in float64. Everything runs along rows, several at a time, so that what is shared is loaded once. */

/**
 * Cholesky factor L of G + shift·I for a symmetric positive semi-definite `g` [n,n] (lower triangle read). With a shift of a few
 * n·ε·‖G‖ the factor exists whatever rounding did to G.
 */
export function cholesky(g: Float64Array, n: number, shift = 0): Float64Array {
  const l = new Float64Array(n * n);
  const sums = new Float64Array(4);
  for (let first = 0; first < n; first += 4) {
    const end = Math.min(first + 4, n);
    for (let j = 0; j < first && end === first + 4; j++) {
      fourDots(l, first * n, n, l, j * n, j, sums);
      const pivot = l[j * n + j]!;
      for (let r = 0; r < 4; r++) l[(first + r) * n + j] = (g[(first + r) * n + j]! - sums[r]!) / pivot;
    }
    for (let i = first; i < end; i++) {
      const row = i * n;
      for (let j = end === first + 4 ? first : 0; j < i; j++) {
        l[row + j] = (g[row + j]! - dot(l, row, l, j * n, j)) / l[j * n + j]!;
      }
      l[row + i] = Math.sqrt(g[row + i]! + shift - dot(l, row, l, row, i));
    }
  }
  return l;
}

/** Inner product of a[atA …] and b[atB …] over `count` entries. */
export function dot(a: Float64Array, atA: number, b: Float64Array, atB: number, count: number): number {
  let even = 0;
  let odd = 0;
  let k = 0;
  for (; k + 1 < count; k += 2) {
    even += a[atA + k]! * b[atB + k]!;
    odd += a[atA + k + 1]! * b[atB + k + 1]!;
  }
  if (k < count) even += a[atA + k]! * b[atB + k]!;
  return even + odd;
}

/** out[r] = inner product of the row at `at` + r·stride of `a` with b[atB …], over `count` entries, r = 0 … 3. */
export function fourDots(
  a: Float64Array,
  at: number,
  stride: number,
  b: Float64Array,
  atB: number,
  count: number,
  out: Float64Array,
): void {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  const at1 = at + stride;
  const at2 = at1 + stride;
  const at3 = at2 + stride;
  for (let k = 0; k < count; k++) {
    const x = b[atB + k]!;
    s0 += a[at + k]! * x;
    s1 += a[at1 + k]! * x;
    s2 += a[at2 + k]! * x;
    s3 += a[at3 + k]! * x;
  }
  out[0] = s0;
  out[1] = s1;
  out[2] = s2;
  out[3] = s3;
}

/** L⁻¹ [n,n] of a lower-triangular L [n,n], by forward substitution on whole rows, four at a time. */
export function lowerInverse(l: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = i * n;
    let k = 0;
    for (; k + 3 < i; k += 4) {
      const r0 = k * n;
      const r1 = r0 + n;
      const r2 = r1 + n;
      const r3 = r2 + n;
      const c0 = l[row + k]!;
      const c1 = l[row + k + 1]!;
      const c2 = l[row + k + 2]!;
      const c3 = l[row + k + 3]!;
      for (let j = 0; j < k + 4; j++) {
        inverse[row + j]! -=
          c0 * inverse[r0 + j]! + c1 * inverse[r1 + j]! + c2 * inverse[r2 + j]! + c3 * inverse[r3 + j]!;
      }
    }
    for (; k < i; k++) {
      const c = l[row + k]!;
      for (let j = 0; j <= k; j++) inverse[row + j]! -= c * inverse[k * n + j]!;
    }
    const pivot = 1 / l[row + i]!;
    for (let j = 0; j < i; j++) inverse[row + j]! *= pivot;
    inverse[row + i] = pivot;
  }
  return inverse;
}
