/** How alike candidates are, from 0 to 1, in the order of the index's metric. Axes: c candidates of P dimensions. */
import type { Metric } from '../retrieve/distance.js';
import type { Candidate } from './candidate.js';

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
  const rows = candidates.map(({ vector }) => vector);
  const squares = Float64Array.from(rows, (row) => product(row, row));
  if (metric === 'cosine') {
    return {
      ofDistance: (distance) => 1 - distance / 2,
      between: (i, j) => {
        if (i === j) return 1;
        const scale = Math.sqrt(squares[i]! * squares[j]!);
        return scale === 0 ? 0.5 : (1 + product(rows[i]!, rows[j]!) / scale) / 2;
      },
    };
  }
  const scale = medianSquare(candidates);
  return {
    ofDistance: (distance) => Math.exp(-(distance * distance) / scale),
    between: (i, j) => {
      // Of float32 vectors in float64: what cancels leaves an error far below one of their own.
      const square = i === j ? 0 : squares[i]! + squares[j]! - 2 * product(rows[i]!, rows[j]!);
      return Math.exp(-Math.max(0, square) / scale);
    },
  };
}

/** Inner product. Four sums side by side: one would wait for itself at every step. */
function product(a: Float32Array, b: Float32Array): number {
  const whole = a.length - (a.length % 4);
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let j = 0; j < whole; j += 4) {
    s0 += a[j]! * b[j]!;
    s1 += a[j + 1]! * b[j + 1]!;
    s2 += a[j + 2]! * b[j + 2]!;
    s3 += a[j + 3]! * b[j + 3]!;
  }
  for (let j = whole; j < a.length; j++) s0 += a[j]! * b[j]!;
  return s0 + s1 + (s2 + s3);
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
  const out = new Float64Array(vector);
  for (let j = 0; j < out.length; j++) out[j]! /= norm;
  return out;
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
