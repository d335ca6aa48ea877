/** Retrieval as an index that chooses for itself has it: features, reduction and voters from the pool, examples and voters at their own shares. */
import { AutoFitter, chosenRows, type AutoChoice } from '../../auto/auto-fitter.js';
import type { FeatureBlock } from '../../auto/columns.js';
import { queriesAt } from '../../reduce/shares.js';
import { StandIn } from '../../reduce/stand-in.js';
import { ExactSearch, type Neighbour } from '../../retrieve/exact-search.js';
import type { SetRows } from './feature-rows.js';
import type { Nearest, ReduceOptions } from './nearest.js';
import { gather, pieces } from './row-source.js';

export interface AutoNearest extends Nearest {
  /** For each query those that vote. */
  readonly voters: readonly (readonly Neighbour[])[];
  /** Undefined where labels tell nothing. */
  readonly choice: AutoChoice | undefined;
}

export interface AutoNearestOptions extends Omit<ReduceOptions, 'reduction'> {
  /** Examples that are shown, and that vote where there is no choice. */
  readonly k: number;
  readonly seed: number;
}

/** @param blocks of the rows @throws {FungiError} as the fitter does */
export async function autoNearest(
  { pool, queries, copies }: SetRows,
  blocks: readonly FeatureBlock[],
  { k, dims, labels, seed }: AutoNearestOptions,
): Promise<AutoNearest> {
  const fitter = new AutoFitter({ blocks, dims, seed });
  let done = 0;
  for await (const piece of pieces(pool)) {
    const end = done + piece.length / pool.width;
    await fitter.add(piece, labels.slice(done, end), copies.slice(done, end));
    done = end;
  }
  const { reducer, choice, blocks: chosen } = await fitter.fit();
  const reduce = (piece: Float32Array): Promise<Float32Array> => reducer.transform(chosenRows(piece, blocks, chosen));
  const [stored, asked] = [await gather(pool, reducer.dims, reduce), await gather(queries, reducer.dims, reduce)];
  const metric = reducer instanceof StandIn ? reducer.metric : 'product'; // as an index does
  const search = await ExactSearch.create(stored, { rows: pool.count, dims: reducer.dims, metric });
  const at = (share: number): Float32Array =>
    reducer instanceof StandIn
      ? asked
      : queriesAt(share, asked, { supervised: reducer.supervised.dims, unsupervised: reducer.unsupervised.dims });
  const { selection, vote } = choice?.shares ?? { selection: 0, vote: 0 };
  const shown = at(selection);
  return {
    neighbours: await search.search(shown, k),
    voters: await search.search(at(vote), choice?.k ?? k),
    reduced: { reducer, dims: reducer.dims, pool: stored, queries: shown },
    choice,
  };
}
