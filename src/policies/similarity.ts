/** How alike candidates are, from 0 to 1, in the order of the index's metric. Axes: c candidates of P dimensions. */
import type { Candidate } from './candidate.js';

export type Metric = 'l2' | 'cosine';

/**
 * A positive semi-definite kernel, which a determinantal point process needs, and which falls with the metric's distance, so that the
 * most similar is the nearest.
 */
export interface Kernel {
  /** Of the query and a candidate at this distance. */
  readonly ofDistance: (distance: number) => number;
  /** Of two candidates, by place. */
  readonly between: (i: number, j: number) => number;
}

/**
 * Cosine: (1 + cos)/2. Euclidean: exp(−d²/s²), where s is the median distance of the candidates from the query, so that a policy's
 * weights mean the same whatever the scale of the features.
 */
export function kernelOf(candidates: readonly Candidate[], metric: Metric): Kernel {
  if (metric === 'cosine') {
    const rows = candidates.map(({ vector }) => unit(vector));
    return {
      ofDistance: (distance) => 1 - distance / 2,
      // Of unit vectors ‖u − v‖² = 2(1 − cos); a zero vector is at cosine 0 to everything.
      between: (i, j) => {
        const isApart = isZero(rows[i]!) || isZero(rows[j]!);
        return isApart && i !== j ? 0.5 : 1 - squaredDistance(rows[i]!, rows[j]!, Infinity) / 4;
      },
    };
  }
  const rows = candidates.map(({ vector }) => Float64Array.from(vector));
  const scale = medianSquare(candidates);
  return {
    ofDistance: (distance) => Math.exp(-(distance * distance) / scale),
    between: (i, j) => Math.exp(-squaredDistance(rows[i]!, rows[j]!, Infinity) / scale),
  };
}

/** As the exact search has it: Euclidean, or 1 − cosine, in float64. */
export function distanceBetween(a: Float32Array, b: Float32Array, metric: Metric): number {
  if (metric === 'l2') {
    let square = 0;
    for (let j = 0; j < a.length; j++) {
      const difference = a[j]! - b[j]!;
      square += difference * difference;
    }
    return Math.sqrt(square);
  }
  let [product, own, other] = [0, 0, 0];
  for (let j = 0; j < a.length; j++) {
    product += a[j]! * b[j]!;
    own += a[j]! * a[j]!;
    other += b[j]! * b[j]!;
  }
  return own * other === 0 ? 1 : Math.max(0, 1 - product / Math.sqrt(own * other));
}

/** Whether two candidates are at most `limit` apart. Their distances from the query rule most pairs out without a look at the vectors. */
export function distanceWithin(limit: number, metric: Metric): (a: Candidate, b: Candidate) => boolean {
  const isCosine = metric === 'cosine';
  // Of unit vectors the chord ‖u − v‖ = √(2(1 − cos)), for which the triangle inequality holds. A zero vector has no direction.
  const length = isCosine ? (distance: number): number => Math.sqrt(2 * distance) : (distance: number) => distance;
  const most = length(limit);
  const rows = new Map<number, Float64Array>();
  const rowOf = ({ row, vector }: Candidate): Float64Array => {
    const known = rows.get(row) ?? (isCosine ? unit(vector) : Float64Array.from(vector));
    rows.set(row, known);
    return known;
  };
  return (a, b) => {
    const [near, far] = [length(a.distance), length(b.distance)];
    if (Math.abs(near - far) > most + SLACK * Math.max(near, far, most)) return false;
    const [u, v] = [rowOf(a), rowOf(b)];
    if (isCosine && (isZero(u) || isZero(v))) return false;
    return squaredDistance(u, v, most * most) <= most * most;
  };
}

/** Relative rounding of distances that come from elsewhere. */
const SLACK = 1e-5;

const isZero = (vector: Float64Array): boolean => vector.every((value) => value === 0);

/** Ends early, with what it has, once it is above `limit`. Four sums side by side: one would wait for itself at every step. */
function squaredDistance(a: Float64Array, b: Float64Array, limit: number): number {
  const whole = a.length - (a.length % 4);
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let j = 0; j < whole; j += 4) {
    const d0 = a[j]! - b[j]!;
    const d1 = a[j + 1]! - b[j + 1]!;
    const d2 = a[j + 2]! - b[j + 2]!;
    const d3 = a[j + 3]! - b[j + 3]!;
    s0 += d0 * d0;
    s1 += d1 * d1;
    s2 += d2 * d2;
    s3 += d3 * d3;
    if ((j & 31) === 28 && s0 + s1 + s2 + s3 > limit) break;
  }
  let square = s0 + s1 + s2 + s3;
  if (square > limit) return square;
  for (let j = whole; j < a.length; j++) square += (a[j]! - b[j]!) ** 2;
  return square;
}

/** 1 where there is nothing to measure by. */
function medianSquare(candidates: readonly Candidate[]): number {
  const squares = candidates.map(({ distance }) => distance * distance).sort((a, b) => a - b);
  return squares[squares.length >> 1] || 1;
}

/** At length 1; a zero vector is at cosine 0 to everything. */
export function unit(vector: Float32Array): Float64Array {
  let square = 0;
  for (const value of vector) square += value * value;
  const norm = Math.sqrt(square) || 1;
  return Float64Array.from(vector, (value) => value / norm);
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
