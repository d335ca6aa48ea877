/**
 * The paper's evaluation (§5.1, §5.3): kNN classification with majority vote over the 20 nearest training rows, of plain embeddings
 * and of FUNGI features side by side. One encoding pass serves every feature set and seed; every set gets the same PCA and L2.
 */
import type { OnProgress } from '../../core/progress.js';
import type { GradientEngine } from '../../engine/engine.js';
import type { FeatureArtefacts } from '../../features/frozen.js';
import type { FeatureOptions, FeatureSpec } from '../../features/spec.js';
import { majorityVote, type TieRule } from '../../retrieve/vote.js';
import type { LabelledItem } from '../data/labelled.js';
import { FeatureRows } from '../features/feature-rows.js';
import { parseFeatureSets } from '../features/feature-sets.js';
import { nearestRows } from '../features/nearest.js';

export interface KnnOptions {
  readonly train: readonly LabelledItem[];
  readonly test: readonly LabelledItem[];
  /** E.g. embedding, kl, simclr, kl+simclr (each with the embedding), only:kl (without). */
  readonly features: readonly string[];
  /** @default [0] */
  readonly seeds?: readonly number[];
  /** All rows of a pool that has fewer. @default 20 */
  readonly k?: number;
  /** P; PCA is skipped (centred only) when the pool has no more rows. @default 512 */
  readonly dims?: number;
  /** Who wins a tied vote. @default 'name', as scikit-learn has it for labels that are strings */
  readonly ties?: TieRule;
  /** Mode, projection and hyper-parameters; losses and seed come from above. */
  readonly settings?: Omit<FeatureOptions, 'losses' | 'seed'>;
  /** Rows of `train` that form the pool under a seed. @default all */
  readonly sample?: (seed: number) => readonly number[];
  /** Told, for each seed, what its features are made with. */
  readonly onArtefacts?: (spec: FeatureSpec, artefacts: FeatureArtefacts) => void;
  /** Told once how many rows were longer than the encoder reads, of those that any seed's pool has and of the test rows. */
  readonly onTruncated?: (rows: TruncatedRows) => void;
  readonly onProgress?: OnProgress;
}

export interface TruncatedRows {
  readonly train: number;
  readonly test: number;
}

export interface KnnResult {
  readonly features: string;
  readonly seed: number;
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

/** @throws {FungiError} INVALID_ARGUMENT for a feature set that is unknown or given twice; INVALID_TEXT */
export async function evaluateKnn(engine: GradientEngine, options: KnnOptions): Promise<KnnResult[]> {
  const { train, test, seeds = [0], sample, settings, onArtefacts, onProgress } = options;
  const sets = parseFeatureSets(options.features);
  const pools = seeds.map((seed) => sample?.(seed) ?? train.map((_, i) => i));
  const rows = await FeatureRows.encode(engine, {
    train: train.map(({ input }) => input),
    test: test.map(({ input }) => input),
    losses: [...new Set(sets.flatMap((set) => set.losses))],
    ...{ seeds, pools, settings, onArtefacts, onProgress },
  });
  options.onTruncated?.(rows.truncated);

  const results: KnnResult[] = [];
  const total = seeds.length * sets.length;
  const tell = (): void => onProgress?.({ stage: 'classify', done: results.length, total, unit: 'runs' });
  for (const [i, seed] of seeds.entries()) {
    const labels = pools[i]!.map((row) => train[row]!.label);
    for (const set of sets) {
      tell();
      const began = performance.now();
      const { pool, queries } = rows.of(set, i);
      const { predicted, dims } = await nearestVotes({ rows: pool, labels }, queries, options);
      results.push({
        features: set.name,
        seed,
        pool: labels.length,
        dims,
        correct: predicted.map((label, row) => label === test[row]!.label),
        predicted,
        seconds: (performance.now() - began) / 1000,
      });
    }
  }
  tell();
  return results;
}

/**
 * PCA fitted on the pool, exact search, majority vote.
 *
 * @param pool features [n,F] and their labels
 * @param queries [B,F]
 * @returns a label for each query, and P
 */
export async function nearestVotes(
  pool: { readonly rows: Float32Array; readonly labels: readonly string[] },
  queries: Float32Array,
  { k = 20, dims = 512, ties = 'name' }: Pick<KnnOptions, 'k' | 'dims' | 'ties'> = {},
): Promise<{ readonly predicted: string[]; readonly dims: number }> {
  const found = await nearestRows({ pool: pool.rows, queries }, pool.labels.length, { k, dims });
  const predicted = found.neighbours.map((neighbours) => {
    const labelled = neighbours.map(({ row, distance }) => ({ label: pool.labels[row]!, distance }));
    return majorityVote(labelled, ties).label;
  });
  return { predicted, dims: found.dims };
}
