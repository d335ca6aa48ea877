/** Who is whose neighbour in a pool: each row's k nearest others, by exact search. */
import type { ExactSearch } from '../retrieve/exact-search.js';

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
  /** Told of each piece of rows; what it throws ends the work. */
  readonly onRows?: ((done: number) => void) | undefined;
}

/** Rows whose neighbours are searched together: between pieces others have a turn. */
const TOGETHER = 256;

/**
 * @param search over the rows of `vectors`, numbered as they lie there
 * @param vectors [n,P]
 */
export async function neighbourGraph(
  search: ExactSearch,
  vectors: Float32Array,
  { k: wanted, onRows }: GraphOptions,
): Promise<NeighbourGraph> {
  const rows = search.size;
  const k = Math.max(0, Math.min(wanted, rows - 1));
  const dims = rows === 0 ? 0 : vectors.length / rows;
  const neighbours = new Int32Array(rows * k);
  const distances = new Float64Array(rows * k);
  for (let start = 0; k > 0 && start < rows; start += TOGETHER) {
    const end = Math.min(rows, start + TOGETHER);
    // One more than wanted, for the row itself is among them, unless as many others lie where it lies.
    const found = await search.search(vectors.subarray(start * dims, end * dims), k + 1);
    found.forEach((near, i) => {
      const others = near.filter(({ row }) => row !== start + i).slice(0, k);
      others.forEach(({ row, distance }, j) => {
        neighbours[(start + i) * k + j] = row;
        distances[(start + i) * k + j] = distance;
      });
    });
    onRows?.(end);
  }
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
