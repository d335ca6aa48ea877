/** kNN with majority vote (paper §5.1): a reduction fitted on the pool, PCA unless told otherwise, exact search, k = 20. */
import type { AutoChoice } from '../../auto/auto-fitter.js';
import { FungiError } from '../../core/errors.js';
import type { Reduction } from '../../reduce/fitter.js';
import type { Metric } from '../../retrieve/distance.js';
import type { Neighbour } from '../../retrieve/exact-search.js';
import { majorityVote, type TieRule } from '../../retrieve/vote.js';
import { autoNearest } from '../features/auto-nearest.js';
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
    auto: true,
    async classify({ rows, pool, truth, seed }) {
      const labels = pool.map(({ label }) => label);
      const voteOf = (found: readonly Neighbour[], tie: TieRule): string =>
        majorityVote(
          found.map(({ row, distance }) => ({ label: labels[row]!, distance })),
          tie,
        ).label;
      if (rows.choosable !== undefined) {
        const { voters, neighbours, reduced, choice } = await autoNearest(rows, rows.choosable, {
          k,
          dims,
          labels,
          seed,
        });
        return {
          // Chosen for this rule: an index answers so.
          ...{ predicted: voters.map((found) => voteOf(found, 'nearest')), dims: reduced.dims },
          measures: { ...shownMeasures(k, neighbours, labels, truth), ...(choice && choiceMeasures(choice)) },
          note: choice === undefined ? reduced.reducer.instead! : choiceText(choice),
        };
      }
      const reduction = reductionOf(reducer, shrinkage, seed);
      const { neighbours, reduced } = await nearestRows(rows, { k, dims, labels, reduction, metric });
      const { shrinkage: taken, instead } = reduced.reducer;
      return {
        ...{ predicted: neighbours.map((found) => voteOf(found, ties)), dims: reduced.dims },
        measures: {
          ...shownMeasures(k, neighbours, labels, truth),
          ...(taken !== undefined && { shrinkage: taken }),
        },
        ...(instead !== undefined && { note: instead }),
      };
    },
  };
}

function shownMeasures(
  k: number,
  neighbours: readonly (readonly Neighbour[])[],
  labels: readonly string[],
  truth: readonly string[],
) {
  const own = ownLabels(
    truth,
    neighbours.map((found) => found.map(({ row }) => labels[row]!)),
  );
  return {
    labelHit: mean(own.map((each) => labelHitAt(k, each))),
    sameLabel: mean(own.map((each) => sameLabelShareAt(k, each))),
  };
}

const choiceMeasures = ({ shrinkage, k, shares, losses }: AutoChoice) => ({
  ...{ shrinkage, voters: k, voteShare: shares.vote, selectionShare: shares.selection, losses: losses.length },
});

const choiceText = ({ losses, shrinkage, shares, k, expected: { accuracy, embedding } }: AutoChoice): string =>
  [
    `chosen on the pool: ${['embedding', ...losses].join('+')}, shrinkage ${shrinkage}, labels at ${shares.selection} of what is shown and ${shares.vote} of what votes`,
    `${k} ${k === 1 ? 'voter' : 'voters'}; on its own rows ${(100 * accuracy).toFixed(1)} %, the plain embedding ${(100 * embedding).toFixed(1)} %`,
  ].join(', ');

function reductionOf(reducer: KnnReducer, shrinkage: KnnOptions['shrinkage'], seed: number): Reduction {
  if (reducer === 'pca' || reducer === 'none') return { kind: reducer };
  if (reducer === 'lda' || reducer === 'blend') return { kind: reducer, shrinkage, seed };
  return { kind: 'random', entries: reducer, seed };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
