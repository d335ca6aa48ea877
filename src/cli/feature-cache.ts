/** Features of an evaluation are kept in the cache: another protocol on the same data, or the same command after a kill, finds them. */
import type { Command } from 'commander';
import { join } from 'node:path';
import type { FeatureCacheOptions } from '../eval/features/feature-cache.js';
import type { LoadedEngine } from '../selector/load-engine.js';
import type { Context } from './context.js';

export interface FeatureCacheFlags {
  readonly featureCache: boolean;
}

export const addFeatureCacheOption = (command: Command): Command =>
  command.option('--no-feature-cache', 'make features anew instead of reading those kept on disk, and keep none');

/** Undefined where the user wants none. */
export function featureCache(
  { featureCache: wanted }: FeatureCacheFlags,
  { engine, encoder }: LoadedEngine,
  { config, log }: Context,
): FeatureCacheOptions | undefined {
  if (!wanted) return undefined;
  return {
    folder: join(config.cacheDir, 'features'),
    // The names go: the digests say what the model is.
    encoder: { ...encoder, id: undefined, file: undefined, engine: engine.info.engine },
    log,
  };
}
