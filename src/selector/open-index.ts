/** Opens an index and proves that queries will be comparable with it. */
import { join } from 'node:path';
import { FungiError } from '../core/errors.js';
import { silentLogger } from '../core/log.js';
import { isPooling } from '../encoders/encoder.js';
import { loadArtefacts } from '../features/artefact-file.js';
import { FeatureExtractor } from '../features/extractor.js';
import { FEATURE_SPEC_SCHEMAS, type FeatureSpec } from '../features/spec.js';
import { findIndex, lockIndex } from '../store/index-folder.js';
import { LanceStore } from '../store/lance.js';
import {
  assertOwnStore,
  assertSameFeatures,
  modalityOf,
  readManifest,
  verifyArtefacts,
  type Manifest,
} from '../store/manifest.js';
import { ARTEFACTS_FILE, REDUCER_FILE } from './build-index.js';
import { loadEncoder, loadEngine } from './load-engine.js';
import type { OpenedIndex } from './opened-index.js';
import { DEFAULT_INDEXES, type OpenOptions } from './options.js';
import { loadPca } from './reducer-file.js';

const ATTEMPTS = 3;

/**
 * Loading the model takes seconds, in which another process may replace the index. Its parts are of one index if the manifest is
 * the same before and after; if not, it is opened again.
 *
 * @throws {FungiError} INDEX_NOT_FOUND; INDEX_CORRUPT; INDEX_MISMATCH for another model or tokenizer, for settings of a newer
 * version, and when the index was replaced each time; what loading the model throws
 */
export async function openIndex(options: OpenOptions): Promise<OpenedIndex> {
  const { name, indexes = DEFAULT_INDEXES } = options;
  const current = async (): Promise<Located> => {
    const folder = await findIndex(indexes, name);
    return { folder, manifest: await readManifest(folder) };
  };
  let cause: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    let located: Located | undefined;
    let opened: OpenedIndex | undefined;
    try {
      located = await current();
      opened = await openParts(options, located);
    } catch (error) {
      cause = error;
    }
    const now = await current().catch(() => undefined);
    if (now?.manifest.storeId === located?.manifest.storeId) {
      if (opened === undefined) throw cause;
      return opened;
    }
    await opened?.store.close();
    await opened?.engine.close();
  }
  throw new FungiError('INDEX_MISMATCH', `index "${name}" was replaced ${ATTEMPTS} times while it was being opened`, {
    hint: 'Open it again when nobody rebuilds it.',
    details: { indexes, name },
    cause,
  });
}

interface Located {
  readonly folder: string;
  readonly manifest: Manifest;
}

async function openParts(options: OpenOptions, { folder, manifest }: Located): Promise<OpenedIndex> {
  const { name, indexes = DEFAULT_INDEXES, onProgress, log = silentLogger } = options;
  const spec = specOf(manifest);
  await verifyArtefacts(folder, manifest);
  const { pooling, target, output, id, file, precision } = manifest.encoder;
  const choice = {
    ...options,
    encoder: options.encoder ?? id,
    pooling: pooling as 'first' | 'mean',
    target,
    ...(typeof output === 'string' && { output }),
    ...(options.file === undefined && typeof file === 'string' && { file }),
    ...(precision === 'int8' && ({ precision } as const)),
  };
  const found = await loadEncoder(choice);
  // Before anything is made of another model: the layers of this index may not even be in it.
  const { modelSha256, preprocessorSha256 } = found;
  assertSameFeatures(manifest, { encoder: { ...manifest.encoder, modelSha256, preprocessorSha256 }, features: spec });
  const { engine, encoder } = await loadEngine({ ...choice, encoder: found });
  let store: LanceStore | undefined;
  try {
    assertSameFeatures(manifest, { encoder, features: spec });
    const artefacts = await loadArtefacts(join(folder, ARTEFACTS_FILE), engine, spec);
    const extractor = await FeatureExtractor.create(engine, spec, artefacts);
    const reducer = await loadPca(join(folder, REDUCER_FILE));
    store = await LanceStore.open(folder);
    assertOwnStore(manifest, store);
    return { manifest, engine, extractor, reducer, store, lock: () => lockIndex(indexes, name), onProgress, log };
  } catch (error) {
    await store?.close();
    await engine.close();
    throw error;
  }
}

/** The settings of the features, if this version knows them all. @throws {FungiError} INDEX_MISMATCH naming the field */
function specOf({ name, libraryVersion, features, encoder }: Manifest): FeatureSpec {
  const modality = modalityOf(encoder);
  const parsed = FEATURE_SPEC_SCHEMAS[modality ?? 'text'].safeParse(features);
  if (modality !== undefined && parsed.success && isPooling(encoder.pooling)) return parsed.data;
  const [issue] = parsed.error?.issues ?? [];
  const unknown =
    modality === undefined
      ? `encoder.modality: ${JSON.stringify(encoder['modality'])}`
      : issue === undefined
        ? `encoder.pooling: "${encoder.pooling}"`
        : `features.${issue.path.join('.')}: ${issue.message}`;
  throw new FungiError(
    'INDEX_MISMATCH',
    `index "${name}", made by version ${libraryVersion}, has settings that this version does not know: ${unknown}`,
    { hint: 'Update fungi-icl, or build the index again with this version.', details: { libraryVersion } },
  );
}
