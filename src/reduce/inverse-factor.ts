/** The inverse Cholesky factor of a Gram matrix, by halves, so that matrix products do nearly all of the work. */
import { matmul, type LinalgOptions } from '../runtime/linalg.js';
import { cholesky, lowerInverse } from './triangular.js';

/** Up to this size plain loops are as fast as products. */
const LEAF = 96;

/**
 * L⁻¹ [n,n] where L Lᵀ = G + shift·I, for a symmetric positive semi-definite `g` [n,n]. With halves 1 and 2,
 * L₂₁ = G₂₁L₁₁⁻ᵀ, L₂₂L₂₂ᵀ = G₂₂ − L₂₁L₂₁ᵀ and (L⁻¹)₂₁ = −L₂₂⁻¹L₂₁L₁₁⁻¹.
 */
export async function inverseFactor(
  g: Float64Array,
  n: number,
  shift: number,
  linalg: LinalgOptions = {},
): Promise<Float64Array> {
  if (n <= LEAF) return lowerInverse(cholesky(g, n, shift), n);
  const upper = n >> 1;
  const lower = n - upper;
  const inverse11 = await inverseFactor(block(g, n, 0, upper, 0, upper), upper, shift, linalg);
  const below = block(g, n, upper, n, 0, upper);
  const l21 = await matmul(below, inverse11, { m: lower, k: upper, n: upper, transB: true }, linalg);
  const rest = block(g, n, upper, n, upper, n);
  const explained = await matmul(l21, l21, { m: lower, k: upper, n: lower, transB: true }, linalg);
  for (let i = 0; i < rest.length; i++) rest[i]! -= explained[i]!;
  const inverse22 = await inverseFactor(rest, lower, shift, linalg);
  const half = await matmul(inverse22, l21, { m: lower, k: lower, n: upper }, linalg);
  const inverse21 = await matmul(half, inverse11, { m: lower, k: upper, n: upper }, linalg);

  const out = new Float64Array(n * n);
  for (let i = 0; i < upper; i++) out.set(inverse11.subarray(i * upper, (i + 1) * upper), i * n);
  for (let i = 0; i < lower; i++) {
    const row = (upper + i) * n;
    for (let j = 0; j < upper; j++) out[row + j] = -inverse21[i * upper + j]!;
    out.set(inverse22.subarray(i * lower, (i + 1) * lower), row + upper);
  }
  return out;
}

/** Rows top … bottom−1 and columns left … right−1 of `a` [·,n]. */
function block(a: Float64Array, n: number, top: number, bottom: number, left: number, right: number): Float64Array {
  const width = right - left;
  const out = new Float64Array((bottom - top) * width);
  for (let i = top; i < bottom; i++) out.set(a.subarray(i * n + left, i * n + right), (i - top) * width);
  return out;
}
