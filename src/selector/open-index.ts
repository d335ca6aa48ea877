/** Opens an index and proves that queries will be comparable with it. */
import { join } from 'node:path';
import { loadArtefacts } from '../features/artefact-file.js';
import { FeatureExtractor } from '../features/extractor.js';
import { featureSpecSchema } from '../features/spec.js';
import { findIndex, lockIndex } from '../store/index-folder.js';
import { LanceStore } from '../store/lance.js';
import { assertSameFeatures, readManifest, verifyArtefacts } from '../store/manifest.js';
import { ARTEFACTS_FILE, REDUCER_FILE } from './build-index.js';
import { loadEngine } from './load-engine.js';
import type { OpenedIndex } from './opened-index.js';
import { DEFAULT_INDEXES, type OpenOptions } from './options.js';
import { loadPca } from './reducer-file.js';

/** @throws {FungiError} INDEX_NOT_FOUND, INDEX_CORRUPT, INDEX_MISMATCH (another model or tokenizer), and what loading the model throws */
export async function openIndex(options: OpenOptions): Promise<OpenedIndex> {
  const { name, indexes = DEFAULT_INDEXES } = options;
  const folder = await findIndex(indexes, name);
  const manifest = await readManifest(folder);
  await verifyArtefacts(folder, manifest);
  const { pooling, target, id } = manifest.encoder;
  const { engine, encoder } = await loadEngine({
    ...options,
    encoder: options.encoder ?? id,
    pooling: pooling as 'first' | 'mean',
    target,
  });
  try {
    const spec = featureSpecSchema.parse(manifest.features);
    assertSameFeatures(manifest, { encoder, features: spec });
    const artefacts = await loadArtefacts(join(folder, ARTEFACTS_FILE), engine, spec);
    return {
      manifest,
      engine,
      extractor: await FeatureExtractor.create(engine, spec, artefacts),
      reducer: await loadPca(join(folder, REDUCER_FILE)),
      store: await LanceStore.open(folder),
      lock: () => lockIndex(indexes, name),
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}
