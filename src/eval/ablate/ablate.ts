/**
 * The paper's ablations (§5.4, Appendix C) on any labelled texts: kNN accuracy of features made and reduced in other ways than the
 * default one. Levels of one layer share an encoding pass, all share a feature cache, and no run is made twice.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FungiError } from '../../core/errors.js';
import type { Json } from '../../core/fingerprint.js';
import type { OnProgress } from '../../core/progress.js';
import type { GradientEngine } from '../../engine/engine.js';
import type { TieRule } from '../../retrieve/vote.js';
import { classifyRows, type ClassifiedRun, type TruncatedRows } from '../classify/classify.js';
import { knnClassifier } from '../classify/knn.js';
import type { LabelledItem } from '../data/labelled.js';
import { drawPools, type Pool } from '../data/pools.js';
import type { FeatureCacheOptions } from '../features/feature-cache.js';
import { FeatureRows } from '../features/feature-rows.js';
import type { FeatureSet } from '../features/feature-sets.js';
import { measureThroughput } from '../features/throughput.js';
import {
  assertReducible,
  featuresKey,
  mostFeatures,
  levelSettings,
  runKey,
  type AblationBase,
  type LevelSettings,
} from './level-settings.js';
import type { Level } from './levels.js';

/** An engine whose gradient is that of one layer. */
export interface LayerEngine {
  readonly engine: GradientEngine;
  /** All that tells it from others, as a feature cache has it. */
  readonly encoder: Json;
  close(): Promise<void>;
}

export interface AblateOptions {
  readonly train: readonly LabelledItem[];
  readonly test: readonly LabelledItem[];
  /** The default setting is the first. */
  readonly levels: readonly Level[];
  readonly base: AblationBase;
  /** By the names that levels have; called once for each layer that some level has, the default one first. */
  readonly openLayer: (layer: string) => Promise<LayerEngine>;
  readonly seeds: readonly number[];
  /** @default 20 */
  readonly k?: number;
  /** @default 'name' */
  readonly ties?: TieRule;
  /** Kept for the next evaluation; absent: features live as long as the call. */
  readonly cache?: Pick<FeatureCacheOptions, 'folder' | 'log'> | undefined;
  /** Texts to time features on; none: nothing is timed. */
  readonly timed?: readonly string[];
  readonly onProgress?: OnProgress | undefined;
}

/** One feature set at one level. */
export interface AblationRun {
  readonly level: Level;
  readonly features: string;
  /** One a seed. */
  readonly runs: readonly ClassifiedRun[];
  /** Equal for runs that are the same. */
  readonly key: string;
  /** To make the features of a text, when that was timed. */
  readonly secondsPerText: number | null;
}

export interface FailedLevel {
  readonly level: Level;
  readonly error: FungiError;
}

export interface Ablation {
  /** In the order of the levels, of each its feature sets. */
  readonly runs: readonly AblationRun[];
  readonly failed: readonly FailedLevel[];
  readonly truncated: TruncatedRows;
}

/** What a level's own setting may bring about; anything else would befall all of them. */
const LEVEL_FAILURES = [
  'INVALID_ARGUMENT',
  'INVALID_VECTOR',
  'MODEL_UNSUPPORTED',
  'OP_UNSUPPORTED',
  'RUNTIME_FAILED',
  'TARGET_NOT_FOUND',
] as const;

interface Plan {
  readonly level: Level;
  readonly settings: LevelSettings;
}

/**
 * @throws {FungiError} before the work: INVALID_ARGUMENT for a level whose settings contradict each other, or that reduces nothing by a
 *   random projection; later: what the default setting fails of, INVALID_TEXT, STORAGE_FAILED. What another level fails of is in the result.
 */
export async function ablate(options: AblateOptions): Promise<Ablation> {
  const { levels, base } = options;
  const plans = levels.map((level) => ({ level, settings: checked(level, base) }));
  const scratch = options.cache === undefined ? await mkdtemp(join(tmpdir(), 'fungi-ablate-')) : undefined;
  try {
    return await new AblationWork(plans, options, options.cache ?? { folder: scratch! }).run();
  } finally {
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
  }
}

function checked(level: Level, base: AblationBase): LevelSettings {
  try {
    return levelSettings(level.values, base);
  } catch (error) {
    if (!FungiError.is(error, 'INVALID_ARGUMENT')) throw error;
    throw new FungiError('INVALID_ARGUMENT', `${level.name}: ${error.message}`, { cause: error });
  }
}

class AblationWork {
  private readonly pools: readonly Pool[];
  private readonly failed = new Map<Level, FungiError>();
  private readonly runs = new Map<string, readonly ClassifiedRun[]>();
  private readonly seconds = new Map<string, number>();
  private defaultEncoder: Json = null;
  private truncated: TruncatedRows = { train: 0, test: 0 };
  private done = 0;

  constructor(
    private readonly plans: readonly Plan[],
    private readonly options: AblateOptions,
    private readonly cache: Pick<FeatureCacheOptions, 'folder' | 'log'>,
  ) {
    const labels = options.train.map(({ label }) => label);
    this.pools = drawPools(labels, { seeds: options.seeds });
  }

  async run(): Promise<Ablation> {
    const layers = [...new Set(this.plans.map(({ settings }) => settings.layer))];
    for (const [i, layer] of layers.entries()) {
      const own = this.plans.filter(({ settings }) => settings.layer === layer);
      const where = layers.length === 1 ? '' : `layer ${i + 1} of ${layers.length}: `;
      await this.attempt(own, () => this.runLayer(layer, own, where));
    }
    return {
      runs: this.plans.flatMap(({ level, settings }) => (this.failed.has(level) ? [] : this.runsOf(level, settings))),
      failed: this.plans.flatMap(({ level }) => {
        const error = this.failed.get(level);
        return error === undefined ? [] : [{ level, error }];
      }),
      truncated: this.truncated,
    };
  }

  /** As far as widths are known before there are features. @param width D */
  private assertReducible(width: number): void {
    for (const { settings } of this.plans) {
      for (const set of settings.sets) {
        assertReducible(settings, set, mostFeatures(settings, set, width, this.options.train.length));
      }
    }
  }

  private runsOf(level: Level, settings: LevelSettings): AblationRun[] {
    return settings.sets.map((set) => {
      const key = runKey(settings, set);
      const secondsPerText = this.seconds.get(featuresKey(settings, set)) ?? null;
      return { level, features: set.name, runs: this.runs.get(key)!, key, secondsPerText };
    });
  }

  /** Runs a step for some levels: what it fails of is theirs, unless the default setting is among them. */
  private async attempt(plans: readonly Plan[], step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      const isOwn = LEVEL_FAILURES.some((code) => FungiError.is(error, code));
      if (!isOwn || plans.some(({ level }) => level.isDefault)) throw error;
      for (const { level } of plans) this.failed.set(level, error as FungiError);
    }
  }

  private async runLayer(layer: string, plans: readonly Plan[], where: string): Promise<void> {
    const { train, test } = this.options;
    const opened = await this.options.openLayer(layer);
    const { engine, encoder } = opened;
    try {
      if (plans[0]!.level.isDefault) {
        this.defaultEncoder = encoder;
        this.assertReducible(engine.info.dims);
      }
      const all = await FeatureRows.encodeAll(
        engine,
        {
          train: train.map(({ input }) => input),
          test: test.map(({ input }) => input),
          pools: this.pools,
          // Cut at another layer, the encoder has the same embedding.
          cache: { ...this.cache, encoder, embedding: this.defaultEncoder },
          onProgress: this.told(where),
        },
        plans.map(({ settings }) => settings.variant),
      );
      try {
        this.truncated = all[0]!.truncated;
        for (const [i, plan] of plans.entries()) {
          await this.attempt([plan], () => this.runLevel(plan, all[i]!, engine));
        }
      } finally {
        await all[0]!.close();
      }
    } finally {
      await opened.close();
    }
  }

  private async runLevel({ level, settings }: Plan, rows: FeatureRows, engine: GradientEngine): Promise<void> {
    const { train, test, k = 20, ties = 'name', timed = [] } = this.options;
    this.done += 1;
    if (rows.failure !== undefined) throw rows.failure;
    const onProgress = this.told(`level ${this.done} of ${this.plans.length} (${level.name}): `);
    const { dims, reducer } = settings;
    const classifier = knnClassifier({ k, ties, dims, reducer });
    for (const set of settings.sets) {
      const key = runKey(settings, set);
      if (this.runs.has(key)) continue;
      for (const i of this.pools.keys()) assertReducible(settings, set, rows.of(set, i).pool.width);
      this.runs.set(
        key,
        await classifyRows(rows, { ...{ train, test, classifier, onProgress }, sets: [set], pools: this.pools }),
      );
    }
    const untimed = settings.sets.filter((set) => !this.seconds.has(featuresKey(settings, set)));
    if (timed.length === 0 || untimed.length === 0) return;
    const rates = await this.rates(untimed, rows, engine, onProgress);
    for (const set of untimed) this.seconds.set(featuresKey(settings, set), 1 / rates[set.name]!);
  }

  private async rates(
    sets: readonly FeatureSet[],
    rows: FeatureRows,
    engine: GradientEngine,
    onProgress: OnProgress,
  ): Promise<Record<string, number>> {
    const { timed = [] } = this.options;
    const features = sets.map(({ name }) => name);
    return measureThroughput(engine, { ...(await rows.frozen(0)), features, items: timed, onProgress });
  }

  /** Progress that says where in the ablation it is. */
  private told(where: string): OnProgress {
    return (progress) => this.options.onProgress?.({ ...progress, stage: `${where}${progress.stage}` });
  }
}
