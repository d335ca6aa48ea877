/** Who is whose neighbour in a pool: each row's k nearest others, by exact search. */
import { searchEach, type PacedSearch } from './paced-search.js';

/** Axes: n rows, k neighbours of each. */
export interface NeighbourGraph {
  /** n */
  readonly rows: number;
  /** Neighbours of each row: n − 1 where there are no more. */
  readonly k: number;
  /** Row numbers, nearest first, among equals the earlier row; never the row itself [n,k]. */
  readonly neighbours: Int32Array;
  /** [n,k] */
  readonly distances: Float64Array;
}

export interface GraphOptions {
  readonly k: number;
  /** Told of rows whose neighbours are known. */
  readonly onRows?: ((done: number) => void) | undefined;
}

/** Rows between two that are told of. */
const TOLD_EVERY = 256;

/**
 * @param paced search over the rows of `vectors`, numbered as they lie there
 * @param vectors [n,P]
 */
export async function neighbourGraph(
  paced: PacedSearch,
  vectors: Float32Array,
  { k: wanted, onRows }: GraphOptions,
): Promise<NeighbourGraph> {
  const rows = paced.search.size;
  const k = Math.max(0, Math.min(wanted, rows - 1));
  const neighbours = new Int32Array(rows * k);
  const distances = new Float64Array(rows * k);
  if (k === 0) return { rows, k, neighbours, distances };
  // One more than wanted, for the row itself is among them, unless as many others lie where it lies.
  await searchEach(paced, vectors, k + 1, (near, own) => {
    const others = near.filter(({ row }) => row !== own).slice(0, k);
    others.forEach(({ row, distance }, j) => {
      neighbours[own * k + j] = row;
      distances[own * k + j] = distance;
    });
    if (own + 1 === rows || (own + 1) % TOLD_EVERY === 0) onRows?.(own + 1);
  });
  return { rows, k, neighbours, distances };
}

/** The neighbours of a row, nearest first. */
export function neighboursOf({ k, neighbours }: NeighbourGraph, row: number): Int32Array {
  return neighbours.subarray(row * k, (row + 1) * k);
}

/** Their distances. */
export function distancesOf({ k, distances }: NeighbourGraph, row: number): Float64Array {
  return distances.subarray(row * k, (row + 1) * k);
}
