/** The paper's retrieval (§5.1): PCA fitted on the pool, exact search. */
import { PcaFitter } from '../../reduce/pca.js';
import { ExactSearch, type Metric, type Neighbour } from '../../retrieve/exact-search.js';
import type { SetRows } from './feature-rows.js';

export interface Nearest {
  /** For each query its k nearest rows of the pool, nearest first. */
  readonly neighbours: readonly (readonly Neighbour[])[];
  /** P, or the features' own width where the pool was too small for a PCA. */
  readonly dims: number;
  /** Reduced pool [n,P] and queries [B,P]. */
  readonly reduced: SetRows;
}

/** @param n rows of the pool */
export async function nearestRows(
  { pool, queries }: SetRows,
  n: number,
  { k, dims, metric = 'l2' }: { readonly k: number; readonly dims: number; readonly metric?: Metric },
): Promise<Nearest> {
  const fitter = new PcaFitter(pool.length / n);
  await fitter.add(pool);
  const reducer = await fitter.fit(dims);
  const reduced = { pool: await reducer.transform(pool), queries: await reducer.transform(queries) };
  const search = await ExactSearch.create(reduced.pool, { rows: n, dims: reducer.dims, metric });
  return { neighbours: await search.search(reduced.queries, k), dims: reducer.dims, reduced };
}
