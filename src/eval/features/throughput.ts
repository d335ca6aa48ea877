/** How many items a second each feature set takes, from text to joined features. */
import type { Item } from '../../core/item.js';
import type { OnProgress } from '../../core/progress.js';
import type { GradientEngine } from '../../engine/engine.js';
import { FeatureExtractor } from '../../features/extractor.js';
import type { FeatureArtefacts } from '../../features/frozen.js';
import type { FeatureSpec } from '../../features/spec.js';
import { windows } from '../../features/windows.js';
import { parseFeatureSet } from './feature-sets.js';

export interface ThroughputOptions {
  /** What the feature sets are parts of. */
  readonly spec: FeatureSpec;
  readonly artefacts: FeatureArtefacts;
  readonly features: readonly string[];
  /** A sample: its size bounds the time taken. */
  readonly items: readonly Item[];
  readonly onProgress?: OnProgress;
  /** Milliseconds. @default performance.now */
  readonly now?: () => number;
}

/** Items run before the clock starts: compiles graphs and warms caches. */
const WARM_UP = 16;
/** Sets take turns, and each keeps its fastest time: what else the machine does then counts least. */
const ROUNDS = 3;

/**
 * Items a second by feature set, each timed by itself: nothing is shared between sets. PCA is not part of it. Sets of the same losses
 * cost the same, with the embedding or without, and are timed once.
 *
 * @throws {FungiError} INVALID_ARGUMENT for an unknown feature set
 */
export async function measureThroughput(
  engine: GradientEngine,
  options: ThroughputOptions,
): Promise<Record<string, number>> {
  const { features, spec, artefacts, items, onProgress, now = () => performance.now() } = options;
  const keys = features.map((name) => [...parseFeatureSet(name).losses].sort().join('+'));
  const extractors = new Map<string, FeatureExtractor>();
  for (const key of new Set(keys)) {
    const losses = spec.losses.filter(({ name }) => key.split('+').includes(name));
    const extractor = await FeatureExtractor.create(engine, { ...spec, losses }, artefacts);
    await extractor.extract(items.slice(0, WARM_UP));
    extractors.set(key, extractor);
  }
  const fastest = new Map<string, number>();
  const total = ROUNDS * extractors.size;
  let done = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const [key, extractor] of extractors) {
      const began = now();
      for (const { start, end } of windows(items, extractor.viewsPerItem, extractor.window))
        await extractor.extract(items.slice(start, end));
      fastest.set(key, Math.min(fastest.get(key) ?? Infinity, now() - began));
      onProgress?.({ stage: 'throughput', done: ++done, total, unit: 'runs' });
    }
  }
  return Object.fromEntries(features.map((name, i) => [name, (1000 * items.length) / fastest.get(keys[i]!)!]));
}
