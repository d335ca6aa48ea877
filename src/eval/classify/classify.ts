/**
 * The paper's way of judging features (§5.1, §5.3): a simple classifier on plain embeddings and on FUNGI features side by side. One
 * encoding pass serves every feature set and pool.
 */
import type { OnProgress } from '../../core/progress.js';
import type { GradientEngine } from '../../engine/engine.js';
import type { FeatureOptions } from '../../features/spec.js';
import type { LabelledItem } from '../data/labelled.js';
import { drawPools, type Pool } from '../data/pools.js';
import type { FeatureCacheOptions } from '../features/feature-cache.js';
import { FeatureRows, type Frozen, type SetRows } from '../features/feature-rows.js';
import { parseFeatureSets, type FeatureSet } from '../features/feature-sets.js';

/** Gives each query a label, from a labelled pool of features. */
export interface Classifier {
  /** Whether the seed decides anything beside the features. */
  readonly seeded: boolean;
  /** @throws {FungiError} as the classifier says */
  classify(task: ClassifierTask): Promise<Classified>;
}

export interface ClassifierTask {
  readonly rows: SetRows;
  /** The pool's examples [n]. */
  readonly pool: readonly LabelledItem[];
  /** Of the queries [B]: for what needs no training, and may only use them to name its groups. */
  readonly truth: readonly string[];
  readonly seed: number;
  readonly onProgress?: OnProgress | undefined;
}

export interface Classified {
  /** A label for each query [B]. */
  readonly predicted: readonly string[];
  /** P, or the set's own width where the pool was too small for a PCA. */
  readonly dims: number;
  /** What else the classifier measured, by name. */
  readonly measures?: Readonly<Record<string, number>>;
}

export interface ClassifyOptions {
  readonly train: readonly LabelledItem[];
  readonly test: readonly LabelledItem[];
  readonly classifier: Classifier;
  /** E.g. embedding, kl, simclr, kl+simclr (each with the embedding), only:kl (without). */
  readonly features: readonly string[];
  /** @default all rows, seed 0 */
  readonly pools?: readonly Pool[];
  /** Mode and projection. */
  readonly settings?: Omit<FeatureOptions, 'losses' | 'seed'>;
  /** Where features are kept for the next evaluation. */
  readonly cache?: FeatureCacheOptions | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface TruncatedRows {
  readonly train: number;
  readonly test: number;
}

/** One feature set on one pool. */
export interface ClassifiedRun extends Classified {
  readonly features: string;
  readonly seed: number;
  /** Null for the whole training set. */
  readonly shots: number | null;
  /** Rows in the pool. */
  readonly pool: number;
  /** For each test row whether the prediction was right. */
  readonly correct: readonly boolean[];
  /** Reduction and classifier; the encoding is shared. */
  readonly seconds: number;
}

export interface ClassifyResult {
  /** Pool by pool, in each the feature sets in the order asked for. */
  readonly runs: readonly ClassifiedRun[];
  /** Rows longer than the encoder reads, of those that any pool has and of the test rows. */
  readonly truncated: TruncatedRows;
  /** What the first pool's features are made with; made when asked for, where they all came from the cache. */
  readonly frozen: () => Promise<Frozen>;
}

/**
 * @throws {FungiError} INVALID_ARGUMENT for a feature set that is unknown or given twice; INVALID_TEXT; STORAGE_FAILED; as the
 *   classifier says
 */
export async function classifyAll(engine: GradientEngine, options: ClassifyOptions): Promise<ClassifyResult> {
  const { train, test, classifier, settings, cache, onProgress } = options;
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
    const runs = await classifyRows(rows, { train, test, classifier, sets, pools, onProgress });
    return { runs, truncated: rows.truncated, frozen: () => rows.frozen(0) };
  } finally {
    await rows.close();
  }
}

export interface ClassifyRowsOptions extends Pick<ClassifyOptions, 'train' | 'test' | 'classifier' | 'onProgress'> {
  readonly sets: readonly FeatureSet[];
  readonly pools: readonly Pool[];
}

/** Classification by features that are there: pool by pool, in each the feature sets in order. @throws {FungiError} as the classifier says */
export async function classifyRows(
  rows: FeatureRows,
  { train, test, classifier, sets, pools, onProgress }: ClassifyRowsOptions,
): Promise<ClassifiedRun[]> {
  const truth = test.map(({ label }) => label);
  const runs: ClassifiedRun[] = [];
  const total = pools.length * sets.length;
  const tell = (): void => onProgress?.({ stage: 'classify', done: runs.length, total, unit: 'runs' });
  for (const [i, pool] of pools.entries()) {
    for (const set of sets) {
      tell();
      const same = runs.find(
        ({ features, shots }) => features === set.name && shots === null && !drawsOnSeed(set, classifier),
      );
      const task = { rows: rows.of(set, i), pool: pool.rows.map((row) => train[row]!), truth, seed: pool.seed };
      runs.push(
        pool.shots === null && same !== undefined
          ? { ...same, seed: pool.seed }
          : { features: set.name, shots: pool.shots, ...(await classified(classifier, { ...task, onProgress })) },
      );
    }
  }
  tell();
  return runs;
}

/** Embeddings know no seed. */
const drawsOnSeed = ({ losses }: FeatureSet, { seeded }: Classifier): boolean => seeded || losses.length > 0;

async function classified(
  classifier: Classifier,
  task: ClassifierTask,
): Promise<Omit<ClassifiedRun, 'features' | 'shots'>> {
  const began = performance.now();
  const found = await classifier.classify(task);
  return {
    ...found,
    seed: task.seed,
    pool: task.pool.length,
    correct: found.predicted.map((label, row) => label === task.truth[row]),
    seconds: (performance.now() - began) / 1000,
  };
}
