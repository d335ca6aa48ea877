/** Selectors by features: the nearest in a feature set, or by maximal marginal relevance in it. */
import type { GradientEngine } from '../../engine/engine.js';
import type { FeatureOptions } from '../../features/spec.js';
import { mmr } from '../../policies/mmr.js';
import type { TruncatedRows } from '../classify/classify.js';
import type { LabelledItem } from '../data/labelled.js';
import type { Pool } from '../data/pools.js';
import type { FeatureCacheOptions } from '../features/feature-cache.js';
import { FeatureRows } from '../features/feature-rows.js';
import { parseFeatureSet, type FeatureSet } from '../features/feature-sets.js';
import { autoNearest } from '../features/auto-nearest.js';
import { nearestRows, type Nearest } from '../features/nearest.js';
import type { ExampleSelector, SelectionTask } from './example-selector.js';

export interface FeatureSelectorsOptions {
  /** Names: a feature set (`embedding`, `kl`, `kl+simclr`, `only:kl`), or `mmr:` and one. */
  readonly names: readonly string[];
  /** All examples there are. */
  readonly pool: readonly LabelledItem[];
  /** Every part of them that will be asked for: all are encoded in one pass. */
  readonly pools: readonly Pool[];
  /** P. @default 512 */
  readonly dims?: number;
  readonly settings?: Omit<FeatureOptions, 'losses' | 'seed'>;
  /** Where features are kept for the next evaluation. */
  readonly cache?: FeatureCacheOptions | undefined;
}

const MMR = 'mmr:';
/** Candidates that MMR chooses among, for each that it is to choose. */
const CANDIDATES_PER_CHOICE = 5;

export const isFeatureSelector = (name: string): boolean => {
  try {
    parseFeatureSet(setName(name));
    return true;
  } catch {
    return false;
  }
};

const setName = (name: string): string => (name.startsWith(MMR) ? name.slice(MMR.length) : name);

/**
 * Selectors that share one encoding pass, and the search of each feature set.
 *
 * @throws {FungiError} INVALID_ARGUMENT for a name that is no feature set
 */
export function featureSelectors(engine: GradientEngine, options: FeatureSelectorsOptions): ExampleSelector[] {
  const searches = new Searches(engine, options);
  return options.names.map((name) => ({
    name,
    // Heads, negatives, landmarks and views are drawn; an embedding and its PCA are not.
    seeded: parseFeatureSet(setName(name)).losses.length > 0,
    async select(task) {
      const { neighbours, reduced } = await searches.of(name, task);
      const nearest = neighbours.map((found) => found.map(({ row }) => row));
      if (!name.startsWith(MMR)) return nearest.map((found) => found.slice(0, task.k));
      const { dims: P } = reduced;
      return nearest.map((found, query) => {
        const candidates = new Float32Array(found.length * P);
        found.forEach((row, i) => {
          candidates.set(reduced.pool.subarray(row * P, (row + 1) * P), i * P);
        });
        const chosen = mmr(reduced.queries.subarray(query * P, (query + 1) * P), candidates, { k: task.k });
        return chosen.map((place) => found[place]!);
      });
    },
    reduced: async (task) => (await searches.of(name, task)).reduced,
    truncated: () => searches.truncated(),
    close: () => searches.close(),
  }));
}

/** Encodes when first asked, and searches each feature set once for all selectors by it. */
class Searches {
  private readonly sets: ReadonlyMap<string, FeatureSet>;
  private encoded: Promise<FeatureRows> | undefined;
  /** Of one pool, by set and k. */
  private readonly found = new Map<string, Promise<Nearest>>();
  private pool: string | undefined;

  constructor(
    private readonly engine: GradientEngine,
    private readonly options: FeatureSelectorsOptions,
  ) {
    this.sets = new Map(options.names.map((name) => [setName(name), parseFeatureSet(setName(name))]));
  }

  of(name: string, task: SelectionTask): Promise<Nearest> {
    const { seed, shots, k } = task;
    const pool = JSON.stringify([seed, shots]);
    // A comparison goes pool by pool, and what was found in the last one is not asked for again.
    if (pool !== this.pool) this.found.clear();
    this.pool = pool;
    const key = JSON.stringify([setName(name), k]);
    let search = this.found.get(key);
    if (search === undefined) {
      search = this.search(this.sets.get(setName(name))!, task);
      this.found.set(key, search);
    }
    return search;
  }

  async truncated(): Promise<TruncatedRows> {
    return (await this.encoded)?.truncated ?? { train: 0, test: 0 };
  }

  async close(): Promise<void> {
    const encoded = this.encoded;
    this.encoded = undefined;
    await (await encoded?.catch(() => undefined))?.close();
  }

  private async search(set: FeatureSet, task: SelectionTask): Promise<Nearest> {
    const { pool, pools, names, dims = 512 } = this.options;
    this.encoded ??= this.encode(task);
    const place = pools.findIndex(({ seed, shots }) => seed === task.seed && shots === task.shots);
    // MMR chooses among more than it gives.
    const perChoice = names.includes(`${MMR}${set.name}`) ? CANDIDATES_PER_CHOICE : 1;
    const { rows } = pools[place]!;
    const k = Math.min(task.k * perChoice, rows.length);
    const labels = rows.map((row) => pool[row]!.label);
    const own = (await this.encoded).of(set, place);
    const { choosable } = own;
    if (choosable === undefined) return nearestRows(own, { k, dims, labels });
    return autoNearest(own, choosable, { k, dims, labels, seed: task.seed });
  }

  private encode({ queries, onProgress }: SelectionTask): Promise<FeatureRows> {
    const { pool, pools, settings, cache } = this.options;
    return FeatureRows.encode(this.engine, {
      train: pool.map(({ input }) => input),
      test: queries,
      losses: [...new Set([...this.sets.values()].flatMap((set) => set.losses))].map((name) => ({ name })),
      ...{ pools, settings, cache, onProgress },
    });
  }
}
