/** Distances between features, in float64: by them the exact search orders, and policies compare candidates. */

export type Metric = 'l2' | 'cosine';

/** What rows may be searched by. `product` is 1 − q·x: the cosine distance where lengths say what they are to say already. */
export type SearchMetric = Metric | 'product';

/** Euclidean, 1 − cosine or 1 − product. A zero vector is at cosine 0 to everything. */
export function distanceBetween(a: Float32Array, b: Float32Array, metric: SearchMetric): number {
  if (metric === 'l2') return euclidean(a, b);
  return metric === 'product' ? productDistance(a, b) : cosineDistance(a, b, squareOf(a) * squareOf(b));
}

export function squareOf(vector: Float32Array | Float64Array): number {
  let square = 0;
  for (const value of vector) square += value * value;
  return square;
}

export function euclidean(a: Float32Array, b: Float32Array): number {
  let square = 0;
  for (let j = 0; j < a.length; j++) {
    const difference = a[j]! - b[j]!;
    square += difference * difference;
  }
  return Math.sqrt(square);
}

/** @param squares product of the squared lengths; its root is exact for equal vectors, which makes their distance 0 */
export function cosineDistance(a: Float32Array, b: Float32Array, squares: number): number {
  return squares === 0 ? 1 : Math.max(0, 1 - productOf(a, b) / Math.sqrt(squares));
}

/** Below 0 where the product is above 1. */
export const productDistance = (a: Float32Array, b: Float32Array): number => 1 - productOf(a, b);

function productOf(a: Float32Array, b: Float32Array): number {
  let product = 0;
  for (let j = 0; j < a.length; j++) product += a[j]! * b[j]!;
  return product;
}
