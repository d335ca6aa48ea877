/** What a query costs each selector by features: a comparison makes the features of all of them at once, and cannot tell. */
import type { Item } from '../../core/item.js';
import type { OnProgress } from '../../core/progress.js';
import type { GradientEngine } from '../../engine/engine.js';
import { buildArtefacts } from '../../features/artefacts.js';
import type { FeatureSpec } from '../../features/spec.js';
import { measureThroughput } from '../features/throughput.js';

export interface QueryCostOptions {
  /** What the feature sets are parts of. */
  readonly spec: FeatureSpec;
  /** Feature sets by the names of the selectors that need them. */
  readonly sets: ReadonlyMap<string, string>;
  readonly pool: readonly Item[];
  /** Queries to time; none measures nothing. */
  readonly sample: readonly Item[];
  readonly onProgress?: OnProgress;
}

/** Seconds that the features of one query take, by selector; null for each when there was nothing to time. */
export async function featureSeconds(
  engine: GradientEngine,
  { spec, sets, pool, sample, onProgress }: QueryCostOptions,
): Promise<Map<string, number | null>> {
  if (sample.length === 0) return new Map([...sets.keys()].map((name) => [name, null]));
  const artefacts = await buildArtefacts(engine, spec, pool, onProgress);
  const features = [...new Set(sets.values())];
  const itemsPerSecond = await measureThroughput(engine, {
    ...{ spec, artefacts, features, items: sample },
    ...(onProgress && { onProgress }),
  });
  return new Map([...sets].map(([name, set]) => [name, 1 / itemsPerSecond[set]!]));
}
