/** A protocol over pools: one encoding pass for all of them, then every feature set on every pool. */
import type { GradientEngine } from '../../engine/engine.js';
import type { LabelledItem } from '../data/labelled.js';
import { drawPools, type Pool } from '../data/pools.js';
import { FeatureRows, type FeatureRowsOptions, type SetRows } from './feature-rows.js';
import { assertNoAuto, parseFeatureSets, type FeatureSet } from './feature-sets.js';

/** What a protocol is asked for. */
export interface PoolTaskOptions extends Pick<FeatureRowsOptions, 'settings' | 'cache' | 'onProgress'> {
  readonly train: readonly LabelledItem[];
  readonly test: readonly LabelledItem[];
  /** E.g. embedding, kl, simclr, kl+simclr (each with the embedding), only:kl (without). */
  readonly features: readonly string[];
  /** @default all rows, seed 0 */
  readonly pools?: readonly Pool[];
}

export interface PoolTask extends Pick<PoolTaskOptions, 'train' | 'test' | 'onProgress'> {
  readonly sets: readonly FeatureSet[];
  readonly pools: readonly Pool[];
}

/** @throws {FungiError} INVALID_ARGUMENT for a feature set that is unknown or given twice */
export function poolTask<T extends PoolTaskOptions>(options: T): T & PoolTask {
  const labels = options.train.map(({ label }) => label);
  const pools = options.pools ?? drawPools(labels, { seeds: [0] });
  return { ...options, sets: parseFeatureSets(options.features), pools };
}

type Texts = readonly { readonly input: string }[];

/** Does `work` with the rows of all sets and pools. @throws {FungiError} INVALID_TEXT; OP_UNSUPPORTED; STORAGE_FAILED */
export async function withPoolRows<T>(
  engine: GradientEngine,
  task: Omit<PoolTask, 'train' | 'test'> &
    Pick<PoolTaskOptions, 'settings' | 'cache'> &
    Record<'train' | 'test', Texts>,
  work: (rows: FeatureRows) => Promise<T>,
): Promise<T> {
  const [train, test] = [task.train, task.test].map((rows) => rows.map(({ input }) => input)) as [string[], string[]];
  const rows = await FeatureRows.encode(engine, { ...task, train, test, losses: lossesOf(task.sets) });
  try {
    return await work(rows);
  } finally {
    await rows.close();
  }
}

/** Of all sets, each once. */
export const lossesOf = (sets: readonly FeatureSet[]) =>
  [...new Set(sets.flatMap((set) => set.losses))].map((name) => ({ name }));

/** One feature set on one pool. */
export interface PoolRun {
  readonly features: string;
  readonly seed: number;
  /** Null for the whole training set. */
  readonly shots: number | null;
  /** Rows in the pool. */
  readonly pool: number;
  /** Of what was measured; the encoding is shared. */
  readonly seconds: number;
}

export interface PoolRunsOptions<T> extends Pick<PoolTask, 'sets' | 'pools' | 'onProgress'> {
  /** Whether the seed decides anything beside the features. */
  readonly seeded: boolean;
  /** Names what is done in the progress. */
  readonly stage: string;
  /** Whether sets that choose for themselves can be measured. @default false */
  readonly auto?: boolean;
  readonly measure: (rows: SetRows, pool: Pool) => Promise<T>;
}

/** Pool by pool, in each the feature sets in order. What no seed changes is measured once for all seeds. */
export async function runPools<T extends object>(
  rows: FeatureRows,
  { sets, pools, seeded, stage, auto = false, onProgress, measure }: PoolRunsOptions<T>,
): Promise<(T & PoolRun)[]> {
  if (!auto) assertNoAuto(sets, stage);
  const runs: (T & PoolRun)[] = [];
  const tell = (): void => onProgress?.({ stage, done: runs.length, total: pools.length * sets.length, unit: 'runs' });
  for (const [i, pool] of pools.entries()) {
    for (const set of sets) {
      tell();
      // Embeddings know no seed.
      const once = !seeded && set.losses.length === 0 && pool.shots === null;
      const same = once ? runs.find(({ features, shots }) => features === set.name && shots === null) : undefined;
      if (same !== undefined) {
        runs.push({ ...same, seed: pool.seed });
        continue;
      }
      const began = performance.now();
      const measured = await measure(rows.of(set, i), pool);
      const run = { features: set.name, seed: pool.seed, shots: pool.shots, pool: pool.rows.length };
      runs.push({ ...measured, ...run, seconds: (performance.now() - began) / 1000 });
    }
  }
  tell();
  return runs;
}
