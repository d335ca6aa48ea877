/** The paper's retrieval (§5.1): a reduction fitted on the pool, PCA unless told otherwise, and exact search. */
import { reducerFitter, type Reduction } from '../../reduce/fitter.js';
import type { Labels, Reducer } from '../../reduce/reducer.js';
import type { Metric } from '../../retrieve/distance.js';
import { ExactSearch, type Neighbour } from '../../retrieve/exact-search.js';
import type { SetRows } from './feature-rows.js';
import { gather, pieces } from './row-source.js';

/** Reduced features of a pool and of its queries. */
export interface Reduced {
  readonly reducer: Reducer;
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

export interface ReduceOptions {
  /** P */
  readonly dims: number;
  /** Of the pool's rows [n]: what learns of rows alone does not look at them. */
  readonly labels: Labels;
  /** @default PCA */
  readonly reduction?: Reduction | undefined;
}

/** A reduction fitted on the pool, and of both. @throws {FungiError} as the reduction says */
export async function reduceRows(
  { pool, queries, copies }: SetRows,
  { dims, labels, reduction = { kind: 'pca' } }: ReduceOptions,
): Promise<Reduced> {
  const fitter = reducerFitter(reduction, pool.width);
  let done = 0;
  for await (const piece of pieces(pool)) {
    const end = done + piece.length / pool.width;
    await fitter.add(piece, labels.slice(done, end), copies.slice(done, end));
    done = end;
  }
  const reducer = await fitter.fit(dims);
  const reduce = (piece: Float32Array): Promise<Float32Array> => reducer.transform(piece);
  return {
    reducer,
    dims: reducer.dims,
    pool: await gather(pool, reducer.dims, reduce),
    queries: await gather(queries, reducer.dims, reduce),
  };
}

export interface NearestOptions extends ReduceOptions {
  readonly k: number;
  /** @default the one that the reduction's vectors are made for */
  readonly metric?: Metric | undefined;
}

export async function nearestRows(rows: SetRows, { k, metric, ...options }: NearestOptions): Promise<Nearest> {
  const reduced = await reduceRows(rows, options);
  const { reducer, dims } = reduced;
  const search = await ExactSearch.create(reduced.pool, {
    ...{ rows: rows.pool.count, dims, metric: metric ?? reducer.metric },
  });
  return { neighbours: await search.search(reduced.queries, k), reduced };
}
