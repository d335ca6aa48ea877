/** Retrieval where an item is relevant to a query of its own label, measured over the whole ranking. */
import { mean } from 'simple-statistics';
import { FungiError } from '../../core/errors.js';
import { assertFeatures, type LabelledFeatures } from '../features/labelled-features.js';
import { averagePrecision, labelHitAt, recallAt, reciprocalRank, type OwnLabel } from '../measures/metrics.js';
import { rankings, type RankingOptions } from './rankings.js';

export interface LabelRetrievalOptions extends Partial<RankingOptions> {
  /** Depths for recall and hits. @default 1, 5, 10, 20 */
  readonly depths?: readonly number[];
}

/** Scores of one query. */
export interface QueryRetrieval {
  /** Items of the pool that have the query's label. Where there are none, all scores are 0. */
  readonly relevant: number;
  readonly averagePrecision: number;
  /** 1/rank of the first relevant item. */
  readonly reciprocalRank: number;
  /** Share of the relevant items among the k nearest, by depth. */
  readonly recall: readonly number[];
  /** Whether one of the k nearest is relevant, by depth. */
  readonly hit: readonly (0 | 1)[];
}

export interface LabelRetrieval {
  readonly depths: readonly number[];
  /** In the order of the queries, for tests that pair them [q]. */
  readonly queries: readonly QueryRetrieval[];
  /** Queries whose label no item of the pool has. */
  readonly withoutRelevant: number;
  /** Means over all queries: mAP, MRR, and recall and hits by depth. */
  readonly meanAveragePrecision: number;
  readonly meanReciprocalRank: number;
  readonly recall: readonly number[];
  readonly hit: readonly number[];
}

const DEPTHS = [1, 5, 10, 20] as const;

/**
 * Ranks the pool for each query.
 *
 * @param options `metric` is `l2` by default, as in the paper's classification (§5.1)
 * @throws {FungiError} INVALID_ARGUMENT when pool or queries are empty, differ in width, have no label a row, or a depth is not a
 *   positive integer; INVALID_VECTOR
 */
export async function labelRetrieval(
  data: { readonly pool: LabelledFeatures; readonly queries: LabelledFeatures },
  options: LabelRetrievalOptions = {},
): Promise<LabelRetrieval> {
  const { pool, queries } = data;
  assertFeatures(queries, 'query');
  return scoreAll(pool, queries, options, (ranking) => ranking);
}

/**
 * Ranks, for each item, all others: a pool that is its own queries.
 *
 * @throws {FungiError} as {@link labelRetrieval}, and INVALID_ARGUMENT for a single item
 */
export async function leaveOneOutRetrieval(
  features: LabelledFeatures,
  options: LabelRetrievalOptions = {},
): Promise<LabelRetrieval> {
  if (features.labels.length === 1) throw new FungiError('INVALID_ARGUMENT', 'one item has no others to be ranked');
  return scoreAll(features, features, options, (ranking, query) => ranking.filter((row) => row !== query));
}

async function scoreAll(
  pool: LabelledFeatures,
  queries: LabelledFeatures,
  { depths = DEPTHS, metric = 'l2', ...rest }: LabelRetrievalOptions,
  shown: (ranking: readonly number[], query: number) => readonly number[],
): Promise<LabelRetrieval> {
  assertFeatures(pool, 'pool row');
  const scores: QueryRetrieval[] = [];
  for await (const ranking of rankings(pool, queries, { metric, ...rest })) {
    const query = scores.length;
    const label = queries.labels[query]!;
    scores.push(
      scoreOne(
        shown(ranking, query).map((row) => pool.labels[row] === label),
        depths,
      ),
    );
  }
  return {
    depths,
    queries: scores,
    withoutRelevant: scores.filter(({ relevant }) => relevant === 0).length,
    meanAveragePrecision: mean(scores.map((score) => score.averagePrecision)),
    meanReciprocalRank: mean(scores.map((score) => score.reciprocalRank)),
    recall: depths.map((_, at) => mean(scores.map((score) => score.recall[at]!))),
    hit: depths.map((_, at) => mean(scores.map((score) => score.hit[at]!))),
  };
}

function scoreOne(own: OwnLabel, depths: readonly number[]): QueryRetrieval {
  const relevant = own.filter(Boolean).length;
  return {
    relevant,
    averagePrecision: averagePrecision(own, relevant),
    reciprocalRank: reciprocalRank(own),
    recall: depths.map((k) => recallAt(k, own, relevant)),
    hit: depths.map((k) => labelHitAt(k, own)),
  };
}
