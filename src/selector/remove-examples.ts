/** Examples out of an index, by their ids. The model is not needed for it. */
import { findIndex, lockIndex } from '../store/index-folder.js';
import { LanceStore } from '../store/lance.js';
import { assertOwnStore, readManifest } from '../store/manifest.js';
import { DEFAULT_INDEXES, type IndexPlace } from './options.js';

export interface RemoveExamplesOptions extends IndexPlace {
  readonly ids: readonly string[];
}

export interface RemovedExamples {
  readonly removed: number;
  /** Ids that no example had, each once. */
  readonly absent: readonly string[];
  /** In the index now. */
  readonly rows: number;
}

/**
 * All at once, or none.
 *
 * @throws {FungiError} INDEX_NOT_FOUND, INDEX_CORRUPT, INDEX_LOCKED; INVALID_DATA for an id that cannot be one; STORAGE_FAILED
 */
export async function removeExamples({
  name,
  indexes = DEFAULT_INDEXES,
  ids,
}: RemoveExamplesOptions): Promise<RemovedExamples> {
  await findIndex(indexes, name);
  const lock = await lockIndex(indexes, name);
  try {
    const folder = await findIndex(indexes, name);
    const store = await LanceStore.open(folder);
    try {
      assertOwnStore(await readManifest(folder), store);
      const asked = [...new Set(ids)];
      const there = await store.present(asked);
      const removed = await store.delete([...there]);
      return { removed, absent: asked.filter((id) => !there.has(id)), rows: await store.count() };
    } finally {
      await store.close();
    }
  } finally {
    await lock.release();
  }
}
