import { mean } from 'simple-statistics';
import { FungiError } from '../../core/errors.js';
import type { FeatureMatrix } from '../features/labelled-features.js';
import { rankings, type RankingOptions } from './rankings.js';
import { DIFFICULTIES, scoreRanking, type Difficulty, type QueryPrecision, type QueryTruth } from './revisited.js';

/** How all queries fared at one difficulty. */
export interface LandmarkScores {
  /** [q]; null for a query that wants no image. */
  readonly queries: readonly (QueryPrecision | null)[];
  /** Queries that the means are over. */
  readonly scored: number;
  /** mAP; null where no query is scored. */
  readonly meanAveragePrecision: number | null;
  /** mP@k by depth; null where no query is scored. */
  readonly meanPrecision: readonly number[] | null;
}

export interface LandmarkRetrieval extends Readonly<Record<Difficulty, LandmarkScores>> {
  readonly depths: readonly number[];
}

export interface LandmarkOptions extends Partial<RankingOptions> {
  /** k of mP@k. @default 1, 5, 10 */
  readonly depths?: readonly number[];
}

const DEPTHS = [1, 5, 10] as const;

/**
 * Retrieves images of a query's landmark from a database, scored by the revisited protocol.
 *
 * @param data features of the database's images [n,P] and of the query images [q,P], and the truth of each query [q]
 * @param options `metric` is `cosine` by default: the benchmark multiplies features of unit length
 * @throws {FungiError} INVALID_ARGUMENT when database or queries are empty or differ in width, there is not one truth a query, a truth
 *   names an image that the database lacks, or a depth is not a positive integer; INVALID_VECTOR
 */
export async function landmarkRetrieval(
  data: { readonly pool: FeatureMatrix; readonly queries: FeatureMatrix; readonly truths: readonly QueryTruth[] },
  options: LandmarkOptions = {},
): Promise<LandmarkRetrieval> {
  const { pool, queries, truths } = data;
  const { depths = DEPTHS, metric = 'cosine', ...rest } = options;
  assertTruths(truths, queries.rows.length / queries.dims, pool.rows.length / pool.dims);
  const scores: Record<Difficulty, (QueryPrecision | null)[]> = { easy: [], medium: [], hard: [] };
  for await (const ranking of rankings(pool, queries, { metric, ...rest })) {
    const truth = truths[scores.easy.length]!;
    for (const difficulty of DIFFICULTIES) scores[difficulty].push(scoreRanking(ranking, truth, difficulty, depths));
  }
  return {
    depths,
    easy: summarise(scores.easy, depths),
    medium: summarise(scores.medium, depths),
    hard: summarise(scores.hard, depths),
  };
}

function summarise(queries: readonly (QueryPrecision | null)[], depths: readonly number[]): LandmarkScores {
  const scored = queries.filter((query) => query !== null);
  if (scored.length === 0) return { queries, scored: 0, meanAveragePrecision: null, meanPrecision: null };
  return {
    queries,
    scored: scored.length,
    meanAveragePrecision: mean(scored.map(({ averagePrecision }) => averagePrecision)),
    meanPrecision: depths.map((_, at) => mean(scored.map(({ precision }) => precision[at]!))),
  };
}

function assertTruths(truths: readonly QueryTruth[], queries: number, images: number): void {
  if (truths.length !== queries) {
    throw new FungiError('INVALID_ARGUMENT', `${queries} queries, but ${truths.length} truths`);
  }
  truths.forEach((truth, q) => {
    const lacking = [...truth.easy, ...truth.hard, ...truth.junk].find((image) => !(image >= 0 && image < images));
    if (lacking === undefined) return;
    throw new FungiError('INVALID_ARGUMENT', `query ${q} names image ${lacking}, the pool has ${images}`);
  });
}
