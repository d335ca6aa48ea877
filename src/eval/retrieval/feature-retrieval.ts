/** Retrieval by feature set: whole rankings of the pool, an example of the query's label being relevant. */
import { Rng } from '../../core/rng.js';
import type { GradientEngine } from '../../engine/engine.js';
import type { Metric } from '../../retrieve/distance.js';
import type { FeatureRows } from '../features/feature-rows.js';
import { reduceRows } from '../features/nearest.js';
import {
  poolTask,
  runPools,
  withPoolRows,
  type PoolRun,
  type PoolTask,
  type PoolTaskOptions,
} from '../features/pool-runs.js';
import type { Interval } from '../../core/wilson.js';
import { bootstrapMean, ofShares, pairedBootstrap, type PairedDifference } from '../measures/intervals.js';
import { labelRetrieval, type LabelRetrieval } from './label-retrieval.js';

interface RankOptions {
  /** P. @default 512 */
  readonly dims?: number;
  /** @default 'l2' */
  readonly metric?: Metric;
}

export interface FeatureRetrievalOptions extends PoolTaskOptions, RankOptions {}

/** One feature set on one pool. */
export interface RetrievalRun extends PoolRun {
  readonly dims: number;
  readonly retrieval: LabelRetrieval;
}

/** @throws {FungiError} INVALID_ARGUMENT for a feature set that is unknown or given twice; INVALID_TEXT; STORAGE_FAILED */
export async function retrieveAll(engine: GradientEngine, options: FeatureRetrievalOptions): Promise<RetrievalRun[]> {
  const task = poolTask(options);
  return withPoolRows(engine, task, (rows) => retrieveRows(rows, task));
}

/** Retrieval by features that are there: pool by pool, in each the feature sets in order. */
export async function retrieveRows(
  rows: FeatureRows,
  { train, test, sets, pools, dims = 512, metric = 'l2', onProgress }: PoolTask & RankOptions,
): Promise<RetrievalRun[]> {
  return runPools(rows, {
    ...{ sets, pools, seeded: false, stage: 'retrieve', onProgress },
    async measure(own, pool) {
      const labels = pool.rows.map((row) => train[row]!.label);
      const reduced = await reduceRows(own, { dims, labels });
      const retrieval = await labelRetrieval(
        {
          pool: { rows: reduced.pool, dims: reduced.dims, labels },
          queries: { rows: reduced.queries, dims: reduced.dims, labels: test.map(({ label }) => label) },
        },
        { metric, ...(onProgress && { onProgress }) },
      );
      return { dims: reduced.dims, retrieval };
    },
  });
}

/** One feature set on one pool: its scores as means over n queries. */
export type RetrievalRow = Omit<RetrievalRun, 'retrieval'> & Omit<LabelRetrieval, 'queries'> & { readonly n: number };

export const retrievalRows = (runs: readonly RetrievalRun[]): RetrievalRow[] =>
  runs.map(({ retrieval: { queries, ...scores }, ...run }) => ({ ...run, n: queries.length, ...scores }));

/** One feature set over all seeds: means, fractions of 1. Names and units are fixed: this is read by other programs. */
export interface RetrievalSummary extends Interval {
  readonly features: string;
  /** Null for the whole training set. */
  readonly shots: number | null;
  readonly dims: number;
  /** mAP; `low` and `high` are its 95 % interval over queries and, when there are several, over seeds (bootstrap). */
  readonly meanAveragePrecision: number;
  readonly meanReciprocalRank: number;
  /** k of what follows. */
  readonly depths: readonly number[];
  /** Of the pool's examples with the query's label, the share among the k nearest. */
  readonly recall: readonly number[];
  /** Queries with an example of their label among the k nearest. */
  readonly hit: readonly number[];
  /** In mAP over the plain embedding, on the same seeds and queries; absent where that was not asked for, and for itself. */
  readonly gain?: PairedDifference;
}

/** Of each feature set on each kind of pool, in the order of the runs. */
export function summariseRetrieval(runs: readonly RetrievalRun[]): RetrievalSummary[] {
  const kinds = [...new Set(runs.map(({ shots }) => shots))];
  return kinds.flatMap((shots) => summariseOne(runs.filter((run) => run.shots === shots)));
}

function summariseOne(runs: readonly RetrievalRun[]): RetrievalSummary[] {
  const names = [...new Set(runs.map(({ features }) => features))];
  const of = (name: string): readonly LabelRetrieval[] =>
    runs.filter(({ features }) => features === name).map(({ retrieval }) => retrieval);
  const precisions = (name: string): number[][] =>
    of(name).map(({ queries }) => queries.map(({ averagePrecision }) => averagePrecision));
  const rng = (): Rng => Rng.stream(0, 'retrieval-summary');
  const baseline = names.includes('embedding') ? precisions('embedding') : undefined;
  return names.map((features) => {
    const own = of(features);
    const { depths } = own[0]!;
    const over = (value: (retrieval: LabelRetrieval) => number): number =>
      own.reduce((sum, each) => sum + value(each), 0) / own.length;
    return {
      features,
      shots: runs[0]!.shots,
      dims: runs.find((run) => run.features === features)!.dims,
      meanAveragePrecision: over((each) => each.meanAveragePrecision),
      ...ofShares(bootstrapMean(precisions(features), rng())),
      meanReciprocalRank: over((each) => each.meanReciprocalRank),
      depths,
      recall: depths.map((_, i) => over(({ recall }) => recall[i]!)),
      hit: depths.map((_, i) => over(({ hit }) => hit[i]!)),
      ...(baseline !== undefined &&
        features !== 'embedding' && { gain: pairedBootstrap(baseline, precisions(features), rng()) }),
    };
  });
}
