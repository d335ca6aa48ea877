/** What `fungi eval compare` and `fungi eval icl` share: letting every selector choose, with an encoder only where features are needed. */
import type { Comparison } from '../eval/compare/compare.js';
import type { TruncatedRows } from '../eval/classify/classify.js';
import type { ExampleSelector } from '../eval/compare/example-selector.js';
import type { FeatureSelectorsOptions } from '../eval/compare/feature-selectors.js';
import type { LabelledItem } from '../eval/data/labelled.js';
import type { Pool } from '../eval/data/pools.js';
import { parseFeatureSet } from '../eval/features/feature-sets.js';
import type { FeatureSpec } from '../features/spec.js';
import type { GradientEngine } from '../engine/engine.js';
import type { LoadedEngine } from '../selector/load-engine.js';
import type { Context } from './context.js';
import { warnOfTruncated } from './classify-text.js';
import { featureCache, type FeatureCacheFlags } from './feature-cache.js';
import { assertReads } from './media-items.js';
import { engineOptions, featureSettings, type EncoderFlags, type FeatureFlags } from './options.js';

export interface CompareRunOptions {
  readonly pool: readonly LabelledItem[];
  readonly queries: readonly LabelledItem[];
  readonly pools: readonly Pool[];
  /** Feature sets that selectors need, by the selectors' names. */
  readonly sets: ReadonlyMap<string, string>;
  readonly makeSelectors: (
    options: Omit<FeatureSelectorsOptions, 'names'>,
    engine: () => Promise<GradientEngine>,
  ) => Promise<ExampleSelector[]>;
}

export interface CompareRun {
  readonly comparison: Comparison;
  readonly selectors: readonly ExampleSelector[];
  /** Rows longer than the encoder reads; null where no selector is by features. */
  readonly truncated: TruncatedRows | null;
  /** The encoder, and what the features are made with, of seed 0; null where no selector is by features. */
  readonly features: { readonly loaded: LoadedEngine; readonly spec: FeatureSpec } | null;
}

/** Lets every selector choose; encoder and selectors are closed when `work` is done. */
export async function withComparison<T>(
  context: Context,
  flags: EncoderFlags & FeatureFlags & FeatureCacheFlags & { readonly k: number },
  { sets, makeSelectors, ...options }: CompareRunOptions,
  work: (run: CompareRun) => Promise<T>,
): Promise<T> {
  const { compareSelectors } = await import('../eval/compare/compare.js');
  const { featureSpec } = await import('../features/spec.js');
  const { onProgress } = context;
  const settings = featureSettings(flags);
  const loaded = sets.size > 0 ? await load(context, flags) : undefined;
  let selectors: readonly ExampleSelector[] = [];
  try {
    const { pool, pools } = options;
    if (loaded) assertReads({ id: loaded.encoder.id, modality: loaded.engine.info.modality }, pool, 'the pool');
    const cache = loaded && featureCache(flags, loaded, context);
    selectors = await makeSelectors({ pool, pools, dims: flags.dims, settings, cache }, () =>
      Promise.resolve(loaded!.engine),
    );
    const comparison = await compareSelectors({ ...options, selectors, k: flags.k, onProgress });
    const truncated = (await selectors.find((each) => each.reduced !== undefined)?.truncated?.()) ?? null;
    if (truncated !== null) warnOfTruncated(truncated, { test: options.queries.length }, context);
    const losses = [...new Set([...sets.values()].flatMap((set) => parseFeatureSet(set).losses))];
    const modality = loaded?.engine.info.modality;
    const spec = featureSpec({ ...settings, losses: losses.map((name) => ({ name })), seed: 0 }, modality);
    return await work({ comparison, selectors, truncated, features: loaded ? { loaded, spec } : null });
  } finally {
    for (const selector of selectors) await selector.close?.();
    await loaded?.engine.close();
  }
}

async function load(context: Context, flags: EncoderFlags): Promise<LoadedEngine> {
  const { loadEngine } = await import('../selector/load-engine.js');
  return loadEngine(engineOptions(flags, context));
}
