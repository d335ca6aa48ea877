/**
 * The paper's evaluation (§5.1, §5.3): kNN classification with majority vote over the 20 nearest training rows, of plain embeddings
 * and of FUNGI features side by side. One encoding pass serves every feature set and pool; every set gets the same PCA and L2.
 */
import type { OnProgress } from '../../core/progress.js';
import type { GradientEngine } from '../../engine/engine.js';
import type { FeatureOptions } from '../../features/spec.js';
import { majorityVote, type TieRule } from '../../retrieve/vote.js';
import type { LabelledItem } from '../data/labelled.js';
import { drawPools, type Pool } from '../data/pools.js';
import type { FeatureCacheOptions } from '../features/feature-cache.js';
import { FeatureRows, type Frozen, type SetRows } from '../features/feature-rows.js';
import { parseFeatureSets, type FeatureSet } from '../features/feature-sets.js';
import { nearestRows } from '../features/nearest.js';

export interface KnnOptions {
  readonly train: readonly LabelledItem[];
  readonly test: readonly LabelledItem[];
  /** E.g. embedding, kl, simclr, kl+simclr (each with the embedding), only:kl (without). */
  readonly features: readonly string[];
  /** @default all rows, seed 0 */
  readonly pools?: readonly Pool[];
  /** All rows of a pool that has fewer. @default 20 */
  readonly k?: number;
  /** P; PCA is skipped (centred only) when the pool has no more rows. @default 512 */
  readonly dims?: number;
  /** Who wins a tied vote. @default 'name', as scikit-learn has it for labels that are strings */
  readonly ties?: TieRule;
  /** Mode and projection. */
  readonly settings?: Omit<FeatureOptions, 'losses' | 'seed'>;
  /** Where features are kept for the next evaluation. */
  readonly cache?: FeatureCacheOptions | undefined;
  readonly onProgress?: OnProgress;
}

export interface TruncatedRows {
  readonly train: number;
  readonly test: number;
}

export interface KnnResult {
  readonly features: string;
  readonly seed: number;
  /** Null for the whole training set. */
  readonly shots: number | null;
  /** Rows in the pool. */
  readonly pool: number;
  /** P, or the set's own width where the pool was too small for a PCA. */
  readonly dims: number;
  /** For each test row whether the vote was right, and the vote. */
  readonly correct: readonly boolean[];
  readonly predicted: readonly string[];
  /** PCA, search and vote; the encoding is shared. */
  readonly seconds: number;
}

export interface KnnEvaluation {
  /** Pool by pool, in each the feature sets in the order asked for. */
  readonly results: readonly KnnResult[];
  /** Rows longer than the encoder reads, of those that any pool has and of the test rows. */
  readonly truncated: TruncatedRows;
  /** What the first pool's features are made with; made when asked for, where they all came from the cache. */
  readonly frozen: () => Promise<Frozen>;
}

/** @throws {FungiError} INVALID_ARGUMENT for a feature set that is unknown or given twice; INVALID_TEXT; STORAGE_FAILED */
export async function evaluateKnn(engine: GradientEngine, options: KnnOptions): Promise<KnnEvaluation> {
  const { train, test, settings, cache, onProgress } = options;
  const sets = parseFeatureSets(options.features);
  const labels = train.map(({ label }) => label);
  const pools = options.pools ?? drawPools(labels, { seeds: [0] });
  const rows = await FeatureRows.encode(engine, {
    train: train.map(({ input }) => input),
    test: test.map(({ input }) => input),
    losses: [...new Set(sets.flatMap((set) => set.losses))].map((name) => ({ name })),
    ...{ pools, settings, cache, onProgress },
  });
  try {
    const results: KnnResult[] = [];
    const total = pools.length * sets.length;
    const tell = (): void => onProgress?.({ stage: 'classify', done: results.length, total, unit: 'runs' });
    for (const [i, pool] of pools.entries()) {
      for (const set of sets) {
        tell();
        const known = results.find((each) => !drawsOn(set) && each.features === set.name && each.shots === null);
        results.push(
          known !== undefined && pool.shots === null
            ? { ...known, seed: pool.seed }
            : await classify(rows.of(set, i), { ...options, set, pool, labels: pool.rows.map((row) => labels[row]!) }),
        );
      }
    }
    tell();
    return { results, truncated: rows.truncated, frozen: () => rows.frozen(0) };
  } finally {
    await rows.close();
  }
}

/** Whether a set's features depend on the seed: an embedding alone does not. */
const drawsOn = ({ losses }: FeatureSet): boolean => losses.length > 0;

async function classify(
  rows: SetRows,
  {
    set,
    pool,
    labels,
    test,
    ...options
  }: KnnOptions & { readonly set: FeatureSet; readonly pool: Pool; readonly labels: readonly string[] },
): Promise<KnnResult> {
  const began = performance.now();
  const { predicted, dims } = await nearestVotes(rows, labels, options);
  return {
    features: set.name,
    seed: pool.seed,
    shots: pool.shots,
    pool: labels.length,
    dims,
    correct: predicted.map((label, row) => label === test[row]!.label),
    predicted,
    seconds: (performance.now() - began) / 1000,
  };
}

/**
 * PCA fitted on the pool, exact search, majority vote.
 *
 * @param labels of the pool [n]
 * @returns a label for each query, and P
 */
export async function nearestVotes(
  rows: SetRows,
  labels: readonly string[],
  { k = 20, dims = 512, ties = 'name' }: Pick<KnnOptions, 'k' | 'dims' | 'ties'> = {},
): Promise<{ readonly predicted: string[]; readonly dims: number }> {
  const { neighbours, reduced } = await nearestRows(rows, { k, dims });
  const predicted = neighbours.map((found) => {
    const labelled = found.map(({ row, distance }) => ({ label: labels[row]!, distance }));
    return majorityVote(labelled, ties).label;
  });
  return { predicted, dims: reduced.dims };
}
