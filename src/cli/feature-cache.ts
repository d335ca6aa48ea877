/** Features of an evaluation are kept in the cache: another protocol on the same data, or the same command after a kill, finds them. */
import type { Command } from 'commander';
import { join } from 'node:path';
import type { Config } from '../core/config.js';
import type { Json } from '../core/fingerprint.js';
import { LIBRARY_VERSION } from '../core/version.js';
import type { FeatureCacheOptions } from '../eval/features/feature-cache.js';
import type { LoadedEngine } from '../selector/load-engine.js';
import type { Context } from './context.js';
import type { RuntimeFlags } from './options.js';

export interface FeatureCacheFlags {
  readonly featureCache: boolean;
}

export const addFeatureCacheOption = (command: Command): Command =>
  command.option('--no-feature-cache', 'make features anew instead of reading those kept on disk, and keep none');

/** Where they are. */
export const featureFolder = ({ cacheDir }: Pick<Config, 'cacheDir'>): string => join(cacheDir, 'features');

/** Undefined where the user wants none. */
export function featureCache(
  flags: FeatureCacheFlags & RuntimeFlags,
  loaded: LoadedEngine,
  { config, log }: Context,
): FeatureCacheOptions | undefined {
  if (!flags.featureCache) return undefined;
  const { id } = loaded.encoder;
  return { folder: featureFolder(config), encoder: encoderIdentity(loaded, flags), encoderName: id, log };
}

/** What makes an encoder's features what they are, for keys and fingerprints. Its names go: the digests say what the model is. */
export const encoderIdentity = (
  { engine, encoder }: LoadedEngine,
  { provider = 'cpu' }: RuntimeFlags,
): Readonly<Record<string, Json | undefined>> => ({
  ...encoder,
  ...{ id: undefined, file: undefined },
  ...{ engine: engine.info.engine, provider, library: LIBRARY_VERSION },
});
