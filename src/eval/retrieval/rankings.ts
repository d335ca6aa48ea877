/** Rankings of a whole pool. Axes: n rows of the pool, q queries, P dimensions. */
import { FungiError } from '../../core/errors.js';
import type { OnProgress } from '../../core/progress.js';
import type { Metric } from '../../retrieve/distance.js';
import { ExactSearch } from '../../retrieve/exact-search.js';
import type { LinalgOptions } from '../../runtime/linalg.js';
import { assertRows, type FeatureMatrix } from '../features/labelled-features.js';

export interface RankingOptions {
  readonly metric: Metric;
  readonly runtime?: LinalgOptions;
  /** Counts queries. */
  readonly onProgress?: OnProgress;
}

/** Places of rankings that are in memory at once. */
const PLACES = 2 ** 19;
/** What the search takes at a time. */
const MOST_QUERIES = 32;

/**
 * For each query in turn, all rows of the pool, nearest first; among equals the earlier row. A few queries are ranked at a time, so
 * that memory grows with n, not with n·q.
 *
 * @throws {FungiError} INVALID_ARGUMENT when pool or queries are empty, or differ in width; INVALID_VECTOR
 */
export async function* rankings(
  pool: FeatureMatrix,
  queries: FeatureMatrix,
  { metric, runtime, onProgress }: RankingOptions,
): AsyncGenerator<readonly number[]> {
  const rows = assertRows(pool, 'pool row');
  const total = assertRows(queries, 'query');
  const { dims } = pool;
  if (queries.dims !== dims) {
    throw new FungiError('INVALID_ARGUMENT', `queries have ${queries.dims} values, rows of the pool ${dims}`);
  }
  const search = await ExactSearch.create(pool.rows, { rows, dims, metric, ...(runtime && { runtime }) });
  const report = (done: number): void => onProgress?.({ stage: 'rank', done, total, unit: 'rows' });
  const step = Math.min(MOST_QUERIES, Math.max(1, Math.floor(PLACES / rows)));
  report(0);
  for (let from = 0; from < total; from += step) {
    const some = queries.rows.subarray(from * dims, Math.min(total, from + step) * dims);
    for (const neighbours of await search.search(some, rows)) yield neighbours.map(({ row }) => row);
    report(Math.min(total, from + step));
  }
}
