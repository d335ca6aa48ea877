/** Retrieval by feature set: whole rankings of the pool, an example of the query's label being relevant. */
import { Rng } from '../../core/rng.js';
import type { OnProgress } from '../../core/progress.js';
import type { GradientEngine } from '../../engine/engine.js';
import type { FeatureOptions } from '../../features/spec.js';
import type { Metric } from '../../retrieve/exact-search.js';
import type { LabelledItem } from '../data/labelled.js';
import { drawPools } from '../data/pools.js';
import type { FeatureCacheOptions } from '../features/feature-cache.js';
import { FeatureRows } from '../features/feature-rows.js';
import { parseFeatureSets } from '../features/feature-sets.js';
import { reduceRows } from '../features/nearest.js';
import {
  bootstrapMean,
  ofShares,
  pairedBootstrap,
  type Interval,
  type PairedDifference,
} from '../measures/intervals.js';
import { labelRetrieval, type LabelRetrieval } from './label-retrieval.js';

export interface FeatureRetrievalOptions {
  readonly train: readonly LabelledItem[];
  readonly test: readonly LabelledItem[];
  readonly features: readonly string[];
  readonly seeds: readonly number[];
  /** P. @default 512 */
  readonly dims?: number;
  /** @default 'l2' */
  readonly metric?: Metric;
  readonly settings?: Omit<FeatureOptions, 'losses' | 'seed'>;
  readonly cache?: FeatureCacheOptions | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface RetrievalRun {
  readonly features: string;
  readonly seed: number;
  readonly dims: number;
  readonly retrieval: LabelRetrieval;
}

/** @throws {FungiError} INVALID_ARGUMENT for a feature set that is unknown or given twice; INVALID_TEXT; STORAGE_FAILED */
export async function retrieveAll(engine: GradientEngine, options: FeatureRetrievalOptions): Promise<RetrievalRun[]> {
  const { train, test, seeds, dims = 512, metric = 'l2', settings, cache, onProgress } = options;
  const sets = parseFeatureSets(options.features);
  const labels = { pool: train.map(({ label }) => label), queries: test.map(({ label }) => label) };
  const pools = drawPools(labels.pool, { seeds });
  const rows = await FeatureRows.encode(engine, {
    train: train.map(({ input }) => input),
    test: test.map(({ input }) => input),
    losses: [...new Set(sets.flatMap((set) => set.losses))].map((name) => ({ name })),
    ...{ pools, settings, cache, onProgress },
  });
  try {
    const runs: RetrievalRun[] = [];
    for (const [i, seed] of seeds.entries()) {
      for (const set of sets) {
        const same = runs.find(({ features }) => features === set.name && set.losses.length === 0);
        if (same !== undefined) {
          runs.push({ ...same, seed }); // an embedding knows no seed
          continue;
        }
        const reduced = await reduceRows(rows.of(set, i), dims);
        const retrieval = await labelRetrieval(
          {
            pool: { rows: reduced.pool, dims: reduced.dims, labels: labels.pool },
            queries: { rows: reduced.queries, dims: reduced.dims, labels: labels.queries },
          },
          { metric, ...(onProgress && { onProgress }) },
        );
        runs.push({ features: set.name, seed, dims: reduced.dims, retrieval });
      }
    }
    return runs;
  } finally {
    await rows.close();
  }
}

/** One feature set over all seeds: means, fractions of 1. Names and units are fixed: this is read by other programs. */
export interface RetrievalSummary extends Interval {
  readonly features: string;
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

export function summariseRetrieval(runs: readonly RetrievalRun[]): RetrievalSummary[] {
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
