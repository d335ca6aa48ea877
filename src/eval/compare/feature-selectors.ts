/** Selectors by features: the nearest in a feature set, or by maximal marginal relevance in it. */
import type { GradientEngine } from '../../engine/engine.js';
import type { FeatureOptions } from '../../features/spec.js';
import { mmr } from '../../retrieve/mmr.js';
import type { FeatureCacheOptions } from '../features/feature-cache.js';
import { FeatureRows } from '../features/feature-rows.js';
import { parseFeatureSet, type FeatureSet } from '../features/feature-sets.js';
import { nearestRows, type Nearest } from '../features/nearest.js';
import type { ExampleSelector, SelectionTask } from './example-selector.js';

export interface FeatureSelectorsOptions {
  /** Names: a feature set (`embedding`, `kl`, `kl+simclr`, `only:kl`), or `mmr:` and one. */
  readonly names: readonly string[];
  /** Every seed that will be asked for: all are encoded in one pass. */
  readonly seeds: readonly number[];
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
  const { dims = 512, seeds, settings, cache } = options;
  const sets = new Map(options.names.map((name) => [setName(name), parseFeatureSet(setName(name))]));
  let encoded: Promise<FeatureRows> | undefined;
  const encode = ({ pool, queries, onProgress }: SelectionTask): Promise<FeatureRows> =>
    (encoded ??= FeatureRows.encode(engine, {
      train: pool.map(({ input }) => input),
      test: queries,
      losses: [...new Set([...sets.values()].flatMap((set) => set.losses))].map((name) => ({ name })),
      pools: seeds.map((seed) => ({ seed, shots: null, rows: pool.map((_, row) => row) })),
      ...{ settings, cache, onProgress },
    }));
  const searches = new Map<string, Promise<Nearest>>();
  const search = (set: FeatureSet, task: SelectionTask, rows: FeatureRows): Promise<Nearest> => {
    const key = `${set.name} ${task.seed} ${task.k}`;
    let found = searches.get(key);
    if (found === undefined) {
      const k = Math.min(task.k * CANDIDATES_PER_CHOICE, task.pool.length);
      found = nearestRows(rows.of(set, seeds.indexOf(task.seed)), { k, dims });
      searches.set(key, found);
    }
    return found;
  };
  return options.names.map((name) => ({
    name,
    async select(task) {
      const rows = await encode(task);
      const { neighbours, reduced } = await search(sets.get(setName(name))!, task, rows);
      const nearest = neighbours.map((found) => found.map(({ row }) => row));
      if (!name.startsWith(MMR)) return nearest.map((found) => found.slice(0, task.k));
      return nearest.map((found, query) => {
        const P = reduced.dims;
        const candidates = new Float32Array(found.length * P);
        found.forEach((row, i) => {
          candidates.set(reduced.pool.subarray(row * P, (row + 1) * P), i * P);
        });
        const chosen = mmr(reduced.queries.subarray(query * P, (query + 1) * P), candidates, { k: task.k });
        return chosen.map((place) => found[place]!);
      });
    },
    close: async () => (await encoded)?.close(),
  }));
}
