/** Many searches among the rows of a pool, some at a time. Axes: n rows of P dimensions, Q queries. */
import type { Metric } from '../retrieve/distance.js';
import { ExactSearch, type Neighbour } from '../retrieve/exact-search.js';
import { COMPARED_TOGETHER, KEEPING } from '../retrieve/pieces.js';
import type { Pace } from './pace.js';

export interface PacedSearch {
  readonly search: ExactSearch;
  /** P */
  readonly dims: number;
  readonly pace: Pace;
}

/** Values of the rows that are scored in one product. */
const SCORED_TOGETHER = 2 ** 19;
/** Queries that are searched together: more are no faster. */
const MOST_TOGETHER = 32;

/** @param vectors [n,P], kept: they must not change afterwards */
export async function pacedSearch(
  vectors: Float32Array,
  { rows, dims, metric }: { readonly rows: number; readonly dims: number; readonly metric: Metric },
  pace: Pace,
): Promise<PacedSearch> {
  const segment = Math.max(1, Math.floor(SCORED_TOGETHER / dims));
  return { search: await ExactSearch.create(vectors, { rows, dims, metric, segment }), dims, pace };
}

/**
 * The k nearest rows of each query, as {@link ExactSearch.search} has them.
 *
 * @param queries [Q,P]
 * @param found is told of each query's, in their order
 */
export async function searchEach(
  { search, dims, pace }: PacedSearch,
  queries: Float32Array,
  k: number,
  found: (near: readonly Neighbour[], query: number) => void,
): Promise<void> {
  const count = queries.length / dims;
  // The search keeps about so many rows of each query, and computes the distances of these. Where it keeps more, for many lie where
  // others do, it rests by itself.
  const kept = 2 * k + 64;
  const fitting = Math.floor(COMPARED_TOGETHER / (kept * (dims + KEEPING)));
  const rest = (): Promise<void> => pace.rest();
  const together = Math.min(MOST_TOGETHER, Math.max(1, fitting));
  for (let start = 0; start < count; start += together) {
    const near = await search.search(queries.subarray(start * dims, (start + together) * dims), k, { rest });
    near.forEach((each, i) => {
      found(each, start + i);
    });
    await rest();
  }
}
