/** Rows less a mean, along directions: what every fitted reduction does to a row. */
import { matmul, type LinalgOptions } from '../runtime/linalg.js';
import { countRows } from '../runtime/row-matrix.js';

/**
 * [n,F] → [n,F], each row less `mean`
 *
 * @throws {FungiError} INVALID_VECTOR for another width or a value that is not finite
 */
export function centre(rows: Float32Array, mean: Float32Array): Float32Array {
  const width = mean.length;
  countRows(rows, width, 'feature');
  const centred = new Float32Array(rows.length);
  for (let row = 0; row < rows.length; row += width) {
    for (let j = 0; j < width; j++) centred[row + j] = rows[row + j]! - mean[j]!;
  }
  return centred;
}

/** [n,F] → [n,P] @param directions [P,F] @throws {FungiError} as {@link centre} */
export async function centredProduct(
  rows: Float32Array,
  mean: Float32Array,
  directions: Float32Array,
  linalg: LinalgOptions,
): Promise<Float32Array> {
  const width = mean.length;
  const shape = { m: rows.length / width, k: width, n: directions.length / width, transB: true };
  return matmul(centre(rows, mean), directions, shape, linalg);
}

/** Rows of length `length`, in place; a row of zeros stays one. @param width of a row */
export function scaleRows(rows: Float32Array, width: number, length = 1): Float32Array {
  for (let row = 0; row < rows.length; row += width) {
    let square = 0;
    for (let j = row; j < row + width; j++) square += rows[j]! * rows[j]!;
    if (square === 0) continue;
    const by = length / Math.sqrt(square);
    for (let j = row; j < row + width; j++) rows[j]! *= by;
  }
  return rows;
}
