/** Rows of vectors in one flat array, checked where they come in: the native kernels would carry a NaN along silently. */
import { FungiError } from '../core/errors.js';

/**
 * How many rows of `width` values there are.
 *
 * @param what names the rows in the error, e.g. "query"
 * @param first number of the first row, for the error
 * @throws {FungiError} INVALID_VECTOR when they do not fill whole rows, or hold a value that is not finite
 */
export function countRows(values: Float32Array, width: number, what: string, first = 0): number {
  const rows = values.length / width;
  if (!Number.isInteger(rows)) {
    throw new FungiError('INVALID_VECTOR', `${values.length} values are not made of ${what} vectors of ${width}`, {
      details: { width, values: values.length },
    });
  }
  const bad = firstNotFinite(values);
  if (bad >= 0) {
    const row = first + Math.floor(bad / width);
    throw new FungiError('INVALID_VECTOR', `${what} ${row} holds ${values[bad]!} at position ${bad % width}`, {
      details: { row, position: bad % width },
    });
  }
  return rows;
}

/** Its place, or -1. A plain loop: searches and fits come through here with every row. */
function firstNotFinite(values: Float32Array): number {
  for (let at = 0; at < values.length; at++) if (!Number.isFinite(values[at]!)) return at;
  return -1;
}

/** [n,a] and [n,b] beside each other: [n,a+b]. */
export function beside(one: Float32Array, a: number, other: Float32Array, b: number): Float32Array {
  const out = new Float32Array(one.length + other.length);
  for (let row = 0; row * (a + b) < out.length; row++) {
    out.set(one.subarray(row * a, (row + 1) * a), row * (a + b));
    out.set(other.subarray(row * b, (row + 1) * b), row * (a + b) + a);
  }
  return out;
}
