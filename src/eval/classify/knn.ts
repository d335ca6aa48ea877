/** kNN with majority vote (paper §5.1): PCA fitted on the pool unless told otherwise, exact search, k = 20. */
import type { Entries } from '../../reduce/random-matrix.js';
import { majorityVote, type TieRule } from '../../retrieve/vote.js';
import { nearestRows } from '../features/nearest.js';
import type { Classifier } from './classify.js';

export interface KnnOptions {
  /** All rows of a pool that has fewer. @default 20 */
  readonly k?: number;
  /** P; PCA is skipped (centred only) when the pool has no more rows. @default 512 */
  readonly dims?: number;
  /** Who wins a tied vote. @default 'name', as scikit-learn has it for labels that are strings */
  readonly ties?: TieRule;
  /** @default 'pca' */
  readonly reducer?: KnnReducer;
}

/** PCA; none; or a random projection with such entries, drawn with the run's seed (paper Tables 20 and 21). */
export type KnnReducer = 'pca' | 'none' | Entries;

const isRandom = (reducer: KnnReducer): reducer is Entries => reducer !== 'pca' && reducer !== 'none';

export const knnClassifier = ({ k = 20, dims = 512, ties = 'name', reducer = 'pca' }: KnnOptions = {}): Classifier => ({
  seeded: isRandom(reducer),
  async classify({ rows, pool, seed }) {
    const reduction = isRandom(reducer) ? ({ kind: 'random', entries: reducer, seed } as const) : { kind: reducer };
    const { neighbours, reduced } = await nearestRows(rows, { k, dims, reduction });
    const predicted = neighbours.map((found) => {
      const labelled = found.map(({ row, distance }) => ({ label: pool[row]!.label, distance }));
      return majorityVote(labelled, ties).label;
    });
    return { predicted, dims: reduced.dims };
  },
});
