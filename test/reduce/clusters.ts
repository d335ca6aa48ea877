/** Rows of known classes. */
import { Rng } from '../../src/core/rng.js';

export interface ClusterOptions {
  readonly classes: number;
  /** Rows of each class. */
  readonly each: number;
  readonly width: number;
  /** Half the range around the class's mean. */
  readonly noise: number;
  readonly seed?: number;
  /** Mean of a class, zeros beyond its end. @default random */
  readonly at?: (c: number) => readonly number[];
}

/** Classes in turn: row i is of class i mod C. */
export function clusters({ classes, each, width, noise, seed = 0, at }: ClusterOptions): {
  rows: Float32Array;
  labels: string[];
} {
  const rows = Rng.stream(seed, 'clusters').uniform(classes * each * width, noise);
  const labels = Array.from({ length: classes * each }, (_, row) => `class ${row % classes}`);
  labels.forEach((_, row) => {
    const mean = at?.(row % classes) ?? Rng.stream(seed, 'mean', row % classes).uniform(width, 2);
    for (let j = 0; j < width; j++) rows[row * width + j]! += mean[j] ?? 0;
  });
  return { rows, labels };
}

/** Inner products of all rows [n,n]. */
export function dots(rows: Float32Array, width: number): Float64Array {
  const n = rows.length / width;
  return Float64Array.from({ length: n * n }, (_, at) => {
    let sum = 0;
    for (let j = 0; j < width; j++) sum += rows[Math.floor(at / n) * width + j]! * rows[(at % n) * width + j]!;
    return sum;
  });
}
