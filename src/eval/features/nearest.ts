/** The paper's retrieval (§5.1): a reduction fitted on the pool, PCA unless told otherwise, and exact search. */
import { reducerFitter, type Reduction } from '../../reduce/fitter.js';
import { ExactSearch, type Metric, type Neighbour } from '../../retrieve/exact-search.js';
import type { SetRows } from './feature-rows.js';
import { gather, pieces } from './row-source.js';

/** Reduced features of a pool and of its queries. */
export interface Reduced {
  /** P, or the features' own width where the pool was too small for a PCA. */
  readonly dims: number;
  /** [n,P] */
  readonly pool: Float32Array;
  /** [B,P] */
  readonly queries: Float32Array;
}

export interface Nearest {
  /** For each query its k nearest rows of the pool, nearest first. */
  readonly neighbours: readonly (readonly Neighbour[])[];
  readonly reduced: Reduced;
}

/** PCA, or another reduction, fitted on the pool, and of both. @param dims P */
export async function reduceRows(
  { pool, queries }: SetRows,
  dims: number,
  reduction: Reduction = { kind: 'pca' },
): Promise<Reduced> {
  const fitter = reducerFitter(reduction, pool.width);
  for await (const piece of pieces(pool)) await fitter.add(piece);
  const reducer = await fitter.fit(dims);
  const reduce = (piece: Float32Array): Promise<Float32Array> => reducer.transform(piece);
  return {
    dims: reducer.dims,
    pool: await gather(pool, reducer.dims, reduce),
    queries: await gather(queries, reducer.dims, reduce),
  };
}

export interface NearestOptions {
  readonly k: number;
  /** P */
  readonly dims: number;
  readonly metric?: Metric;
  /** @default PCA */
  readonly reduction?: Reduction | undefined;
}

export async function nearestRows(
  rows: SetRows,
  { k, dims, metric = 'l2', reduction }: NearestOptions,
): Promise<Nearest> {
  const reduced = await reduceRows(rows, dims, reduction);
  const search = await ExactSearch.create(reduced.pool, { rows: rows.pool.count, dims: reduced.dims, metric });
  return { neighbours: await search.search(reduced.queries, k), reduced };
}
