/**
 * k-means (Lloyd 1982), begun with greedy k-means++ (Arthur & Vassilvitskii 2007). Axes: n rows of P dimensions, K clusters.
 *
 * The paper uses faiss, which by default runs 25 iterations once, from random rows, on a sample of 256·K rows where there are more. All
 * rows count here, and several runs.
 */
import { FungiError } from '../../core/errors.js';
import type { OnProgress } from '../../core/progress.js';
import { Rng } from '../../core/rng.js';
import { matmul, type LinalgOptions } from '../../runtime/linalg.js';
import { assertRows, type FeatureMatrix } from '../features/labelled-features.js';
import { seedCentres } from './seeding.js';

export interface KMeansOptions {
  /** K, at most n. */
  readonly clusters: number;
  readonly seed: number;
  /** Runs from different centres; the one of the lowest inertia counts. @default 3 */
  readonly restarts?: number;
  /** Of each run. @default 100 */
  readonly maxIterations?: number;
  readonly runtime?: LinalgOptions;
  /** Counts runs. */
  readonly onProgress?: OnProgress;
}

export interface Clustering {
  /** The cluster of each row [n]. */
  readonly clusters: Int32Array;
  /** Means of the clusters [K,P]. */
  readonly centres: Float64Array;
  /** Sum of the squared distances of the rows to their centres. */
  readonly inertia: number;
  readonly iterations: number;
  /** Whether the last iteration moved no row. */
  readonly converged: boolean;
}

interface Assignment {
  /** [n] */
  readonly clusters: Int32Array;
  /** Squared distance of each row to its centre [n]. */
  readonly squares: Float64Array;
}

const RESTARTS = 3;
const MAX_ITERATIONS = 100;
/** Rows whose distances to all centres are in memory at once. */
const BLOCK = 8192;

/**
 * The best of several runs; the first of equal ones.
 *
 * @throws {FungiError} INVALID_ARGUMENT when `clusters` is not from 1 to n, or `restarts` or `maxIterations` is not a positive integer;
 *   INVALID_VECTOR
 */
export async function kMeans(features: FeatureMatrix, options: KMeansOptions): Promise<Clustering> {
  const { clusters, seed, restarts = RESTARTS, maxIterations = MAX_ITERATIONS, runtime, onProgress } = options;
  const count = assertRows(features, 'row');
  assertWhole('clusters', clusters, count);
  assertWhole('restarts', restarts);
  assertWhole('iterations', maxIterations);
  const { dims } = features;
  const rows = new Float64Array(features.rows);
  const report = (done: number): void => onProgress?.({ stage: 'k-means', done, total: restarts, unit: 'runs' });
  report(0);
  let best: Clustering | undefined;
  for (let run = 0; run < restarts; run++) {
    const start = seedCentres(rows, dims, clusters, Rng.stream(seed, 'k-means', run));
    const found = await lloyd({ rows, dims }, start, maxIterations, runtime);
    if (best === undefined || found.inertia < best.inertia) best = found;
    report(run + 1);
  }
  return best!;
}

/**
 * One run: rows go to the nearest centre, the first among equals, and centres to the mean of their rows, until no row moves. A centre
 * without rows takes the row that is farthest from its own, as in scikit-learn.
 *
 * @param data rows in float64 [n,P]
 * @param start centres to begin with [K,P]
 */
export async function lloyd(
  data: { readonly rows: Float64Array; readonly dims: number },
  start: Float64Array,
  maxIterations: number,
  runtime?: LinalgOptions,
): Promise<Clustering> {
  const { rows, dims } = data;
  const lengths = squaresOf(rows, dims);
  const assign = (to: Float64Array): Promise<Assignment> => nearestCentres(data, lengths, to, runtime);
  let centres = start;
  let { clusters, squares } = await assign(centres);
  for (let iteration = 1; ; iteration++) {
    fillEmpty(clusters, squares, centres.length / dims);
    centres = meansOf(rows, clusters, centres, dims);
    const next = await assign(centres);
    const converged = next.clusters.every((cluster, i) => cluster === clusters[i]);
    ({ clusters, squares } = next);
    if (!converged && iteration < maxIterations) continue;
    const inertia = squares.reduce((sum, square) => sum + square, 0);
    return { clusters, centres, inertia, iterations: iteration, converged };
  }
}

/** @param lengths squared lengths of the rows [n] */
async function nearestCentres(
  { rows, dims }: { readonly rows: Float64Array; readonly dims: number },
  lengths: Float64Array,
  centres: Float64Array,
  runtime?: LinalgOptions,
): Promise<Assignment> {
  const count = rows.length / dims;
  const width = centres.length / dims;
  const centreLengths = squaresOf(centres, dims);
  const clusters = new Int32Array(count);
  const squares = new Float64Array(count);
  for (let from = 0; from < count; from += BLOCK) {
    const block = rows.subarray(from * dims, (from + BLOCK) * dims);
    const shape = { m: block.length / dims, k: dims, n: width, transB: true };
    const products = await matmul(block, centres, shape, runtime);
    for (let i = 0; i < shape.m; i++) {
      let nearest = 0;
      let least = Infinity;
      for (let c = 0; c < width; c++) {
        // ‖x − c‖² without ‖x‖², which is the same for every centre.
        const distance = centreLengths[c]! - 2 * products[i * width + c]!;
        if (distance < least) [nearest, least] = [c, distance];
      }
      clusters[from + i] = nearest;
      squares[from + i] = Math.max(0, least + lengths[from + i]!);
    }
  }
  return { clusters, squares };
}

/** Gives clusters without rows, if any, a row each from clusters of several, the farthest first. Changes both arrays. */
function fillEmpty(clusters: Int32Array, squares: Float64Array, width: number): void {
  const sizes = new Int32Array(width);
  for (const cluster of clusters) sizes[cluster]!++;
  const empty = [...sizes.keys()].filter((c) => sizes[c] === 0);
  if (empty.length === 0) return;
  const farthest = [...squares.keys()].sort((a, b) => squares[b]! - squares[a]!);
  for (const row of farthest) {
    if (empty.length === 0) return;
    if (sizes[clusters[row]!]! < 2) continue;
    sizes[clusters[row]!]!--;
    clusters[row] = empty.shift()!;
    squares[row] = 0;
  }
}

/** @param last what a centre stays at when it has no rows */
function meansOf(rows: Float64Array, clusters: Int32Array, last: Float64Array, dims: number): Float64Array {
  const means = new Float64Array(last.length);
  const sizes = new Int32Array(last.length / dims);
  clusters.forEach((cluster, i) => {
    sizes[cluster]!++;
    for (let j = 0, to = cluster * dims, at = i * dims; j < dims; j++) means[to + j]! += rows[at + j]!;
  });
  return means.map((sum, at) => {
    const size = sizes[Math.floor(at / dims)]!;
    return size === 0 ? last[at]! : sum / size;
  });
}

/** Squared length of each row [n]. */
function squaresOf(rows: Float64Array, dims: number): Float64Array {
  const squares = new Float64Array(rows.length / dims);
  for (let i = 0; i < squares.length; i++) {
    let square = 0;
    for (let at = i * dims; at < (i + 1) * dims; at++) square += rows[at]! * rows[at]!;
    squares[i] = square;
  }
  return squares;
}

function assertWhole(name: string, value: number, most = Infinity): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return;
  const range = most === Infinity ? 'a positive integer' : `from 1 to ${most}, the number of rows`;
  throw new FungiError('INVALID_ARGUMENT', `k-means: ${name} must be ${range}, got ${value}`);
}
