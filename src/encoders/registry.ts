/** The models of this machine, and those we know how to get: what `fungi models` shows. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FungiError } from '../core/errors.js';
import { modelDigest } from './digests.js';
import type { Pooling } from './encoder.js';
import { choosePooling } from './pooling.js';
import { KNOWN_MODELS, type KnownModel } from './sources/known-models.js';
import type { ModelFiles, ModelSource } from './sources/model-files.js';
import type { SourceOptions } from './sources/options.js';
import { readOrigin } from './sources/origin.js';
import { findLocalModel, localModel, resolveModel } from './sources/resolve.js';

export interface ModelListing {
  readonly id: string;
  /** Shorter names that mean the same model. */
  readonly aliases: readonly string[];
  /** Absent while the model is not on this machine. */
  readonly folder: string | undefined;
  /** Where it is (folder, cache) or was fetched from, or can be fetched from. */
  readonly source: ModelSource;
  /** Size of the weights on disk, or roughly of the download. */
  readonly bytes: number;
  readonly licence: string | undefined;
  /** Of graph and weights; absent while the model is not on this machine. */
  readonly sha256: string | undefined;
  /** What its files ask for; absent when they ask for something else than first or mean, or are not there. */
  readonly pooling: Pooling | undefined;
  /** Why a model that is in the cache cannot be used. */
  readonly problem: string | undefined;
}

/** Every model of the cache and every known one, by id. Nothing is fetched. */
export async function listModels(options: SourceOptions): Promise<ModelListing[]> {
  const names = new Set([...(await cachedIds(options.cacheDir)), ...KNOWN_MODELS.map(({ id }) => id)]);
  const listings: ModelListing[] = [];
  for (const id of [...names].sort()) {
    const known = KNOWN_MODELS.find((model) => model.id === id);
    try {
      const model = await findLocalModel(id, options);
      listings.push(model === undefined ? absent(id, known) : await present(model, options));
    } catch (error) {
      if (!FungiError.is(error)) throw error;
      listings.push({ ...absent(id, known), source: 'cache', problem: error.message });
    }
  }
  return listings;
}

/**
 * Fetches the model when it is not on this machine.
 *
 * @throws {FungiError} as {@link resolveModel}
 */
export async function pullModel(id: string, options: SourceOptions): Promise<ModelListing> {
  return present(await resolveModel(id, options), options);
}

/**
 * The model's full id and folder; nothing is fetched.
 *
 * @throws {FungiError} MODEL_NOT_FOUND when it is not on this machine
 */
export async function modelPath(id: string, options: SourceOptions): Promise<Pick<ModelFiles, 'id' | 'folder'>> {
  const model = await localModel(id, options);
  return { id: model.id, folder: model.folder };
}

async function cachedIds(cacheDir: string): Promise<string[]> {
  const root = join(cacheDir, 'models');
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return Promise.all(
    folders.map(async (name) => (await readOrigin(join(root, name)))?.id ?? name.replaceAll('--', '/')),
  );
}

async function present(model: ModelFiles, { cacheDir }: SourceOptions): Promise<ModelListing> {
  const choice = await choosePooling(model.folder).catch(() => undefined);
  return {
    id: model.id,
    aliases: KNOWN_MODELS.find(({ id }) => id === model.id)?.aliases ?? [],
    folder: model.folder,
    source: model.source,
    bytes: model.bytes,
    licence: model.licence,
    sha256: await modelDigest(model.weightFiles, cacheDir),
    pooling: choice?.pooling,
    problem: undefined,
  };
}

function absent(id: string, known: KnownModel | undefined): ModelListing {
  return {
    id,
    aliases: known?.aliases ?? [],
    folder: undefined,
    source: known?.wheel === undefined ? 'hub' : 'package',
    bytes: known?.bytes ?? 0,
    licence: known?.licence,
    sha256: undefined,
    pooling: undefined,
    problem: undefined,
  };
}
