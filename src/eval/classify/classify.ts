/**
 * The paper's way of judging features (§5.1, §5.3): a simple classifier on plain embeddings and on FUNGI features side by side. One
 * encoding pass serves every feature set and pool.
 */
import type { OnProgress } from '../../core/progress.js';
import type { GradientEngine } from '../../engine/engine.js';
import type { LabelledItem } from '../data/labelled.js';
import type { FeatureRows, Frozen, SetRows } from '../features/feature-rows.js';
import {
  poolTask,
  runPools,
  withPoolRows,
  type PoolRun,
  type PoolTask,
  type PoolTaskOptions,
} from '../features/pool-runs.js';

/** Gives each query a label, from a labelled pool of features. */
export interface Classifier {
  /** Whether the seed decides anything beside the features. */
  readonly seeded: boolean;
  /** Whether it takes sets that choose features, reduction and voters on the pool. @default false */
  readonly auto?: boolean;
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
  /** P, or what the reduction made of it: a PCA of too small a pool has the set's own width, an LDA less than there are labels. */
  readonly dims: number;
  /** What else the classifier measured, by name. */
  readonly measures?: Readonly<Record<string, number>>;
  /** What was done otherwise than asked for, and why. */
  readonly note?: string;
}

export interface ClassifyOptions extends PoolTaskOptions {
  readonly classifier: Classifier;
}

export interface TruncatedRows {
  readonly train: number;
  readonly test: number;
}

/** One feature set on one pool. */
export interface ClassifiedRun extends Classified, PoolRun {
  /** For each test row whether the prediction was right. */
  readonly correct: readonly boolean[];
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
  const task = poolTask(options);
  return withPoolRows(engine, task, async (rows) => ({
    runs: await classifyRows(rows, task),
    truncated: rows.truncated,
    frozen: () => rows.frozen(0),
  }));
}

/** Classification by features that are there: pool by pool, in each the feature sets in order. @throws {FungiError} as the classifier says */
export async function classifyRows(
  rows: FeatureRows,
  { train, test, classifier, sets, pools, onProgress }: PoolTask & { readonly classifier: Classifier },
): Promise<ClassifiedRun[]> {
  const truth = test.map(({ label }) => label);
  return runPools(rows, {
    ...{ sets, pools, seeded: classifier.seeded, auto: classifier.auto ?? false, stage: 'classify', onProgress },
    async measure(own, { rows: places, seed }) {
      const pool = places.map((row) => train[row]!);
      const found = await classifier.classify({ rows: own, pool, truth, seed, onProgress });
      return { ...found, correct: found.predicted.map((label, row) => label === truth[row]) };
    },
  });
}
