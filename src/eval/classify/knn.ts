/** kNN with majority vote (paper §5.1): PCA fitted on the pool, exact search, k = 20. */
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
}

export const knnClassifier = ({ k = 20, dims = 512, ties = 'name' }: KnnOptions = {}): Classifier => ({
  seeded: false,
  async classify({ rows, pool }) {
    const { neighbours, reduced } = await nearestRows(rows, { k, dims });
    const predicted = neighbours.map((found) => {
      const labelled = found.map(({ row, distance }) => ({ label: pool[row]!.label, distance }));
      return majorityVote(labelled, ties).label;
    });
    return { predicted, dims: reduced.dims };
  },
});
