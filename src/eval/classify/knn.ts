/** kNN with majority vote (paper §5.1): a reduction fitted on the pool, PCA unless told otherwise, exact search, k = 20. */
import { FungiError } from '../../core/errors.js';
import type { Reduction } from '../../reduce/fitter.js';
import type { Metric } from '../../retrieve/distance.js';
import { majorityVote, type TieRule } from '../../retrieve/vote.js';
import { nearestRows } from '../features/nearest.js';
import { labelHitAt, ownLabels, sameLabelShareAt } from '../measures/metrics.js';
import type { Classifier } from './classify.js';
import type { KnnReducer } from './knn-reducers.js';

export interface KnnOptions {
  /** All rows of a pool that has fewer. @default 20 */
  readonly k?: number | undefined;
  /** P; PCA is skipped (centred only) when the pool has no more rows. @default 512 */
  readonly dims?: number | undefined;
  /** Who wins a tied vote. @default 'name', as scikit-learn has it for labels that are strings */
  readonly ties?: TieRule | undefined;
  /** @default 'pca' */
  readonly reducer?: KnnReducer | undefined;
  /** Of lda and blend; `auto` chooses on the pool, with the run's seed. @default 'auto' */
  readonly shrinkage?: number | 'auto' | undefined;
  /** @default the one that the reducer's vectors are made for: cosine of lda with three labels or more and of blend, else l2 */
  readonly metric?: Metric | undefined;
}

/** @throws {FungiError} INVALID_ARGUMENT for a shrinkage where nothing is shrunk */
export function knnClassifier(options: KnnOptions = {}): Classifier {
  const { k = 20, dims = 512, ties = 'name', reducer = 'pca', shrinkage, metric } = options;
  const supervised = reducer === 'lda' || reducer === 'blend';
  if (shrinkage !== undefined && !supervised) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `${reducer} shrinks no scatter: there is nothing for shrinkage ${shrinkage}`,
      {
        hint: 'Reduce by lda or blend, or leave the shrinkage out.',
      },
    );
  }
  return {
    seeded: reducer !== 'pca' && reducer !== 'none' && (!supervised || (shrinkage ?? 'auto') === 'auto'),
    async classify({ rows, pool, truth, seed }) {
      const labels = pool.map(({ label }) => label);
      const reduction = reductionOf(reducer, shrinkage, seed);
      const { neighbours, reduced } = await nearestRows(rows, { k, dims, labels, reduction, metric });
      const predicted = neighbours.map((found) => {
        const labelled = found.map(({ row, distance }) => ({ label: labels[row]!, distance }));
        return majorityVote(labelled, ties).label;
      });
      const own = ownLabels(
        truth,
        neighbours.map((found) => found.map(({ row }) => labels[row]!)),
      );
      const { shrinkage: taken, instead } = reduced.reducer;
      return {
        ...{ predicted, dims: reduced.dims },
        measures: {
          labelHit: mean(own.map((each) => labelHitAt(k, each))),
          sameLabel: mean(own.map((each) => sameLabelShareAt(k, each))),
          ...(taken !== undefined && { shrinkage: taken }),
        },
        ...(instead !== undefined && { note: instead }),
      };
    },
  };
}

function reductionOf(reducer: KnnReducer, shrinkage: KnnOptions['shrinkage'], seed: number): Reduction {
  if (reducer === 'pca' || reducer === 'none') return { kind: reducer };
  if (reducer === 'lda' || reducer === 'blend') return { kind: reducer, shrinkage, seed };
  return { kind: 'random', entries: reducer, seed };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
