/** The examples that an index on the disk holds, without opening its model. */
import { canonicalJson } from '../core/fingerprint.js';
import type { Example } from '../core/item.js';
import { LanceStore } from '../store/lance.js';
import { assertOwnStore } from '../store/manifest.js';
import type { LocatedIndex } from './open-featurizer.js';

/**
 * In insertion order.
 *
 * @throws {FungiError} INDEX_CORRUPT; INDEX_MISMATCH when the index is replaced meanwhile; STORAGE_FAILED
 */
export async function* storedExamples({ folder, manifest }: LocatedIndex): AsyncGenerator<Example> {
  const store = await LanceStore.open(folder);
  try {
    assertOwnStore(manifest, store);
    for await (const batch of store.scan()) {
      for (const { id, input, label, metadata } of batch) yield { id, input, label, metadata };
    }
  } finally {
    await store.close();
  }
}

/** The same of two examples that are the same in every part. */
export const contentOf = ({ id, input, label, metadata }: Example): string =>
  canonicalJson({ id, input, label, metadata });
