/** Many examples into an index that is there, a batch at a time: what was stored stays, whatever ends the work. */
import type { Example, ExampleInput } from '../core/item.js';
import { silentLogger } from '../core/log.js';
import type { Manifest } from '../store/manifest.js';
import type { ExampleStore } from '../store/store.js';
import { openFeaturizer } from './open-featurizer.js';
import { openIndex } from './open-index.js';
import type { OpenedIndex } from './opened-index.js';
import type { OpenOptions } from './options.js';
import { distinct, withVectors } from './rows.js';
import { contentOf } from './stored-examples.js';

/** Rows that are encoded and written together. */
const BATCH_ROWS = 256;

export interface AddExamplesOptions extends OpenOptions {
  readonly examples: readonly ExampleInput[];
}

export interface AddedExamples {
  readonly manifest: Manifest;
  /** Examples whose id was not there. */
  readonly added: number;
  /** Examples whose id was there: of other content, or media, whose files may hold something else than when they were stored. */
  readonly replaced: number;
  /** Texts that were there as they are, and were not encoded again. */
  readonly unchanged: number;
  /** Of those encoded, whose end did not fit the encoder. */
  readonly truncated: number;
  /** In the index now. */
  readonly rows: number;
}

/**
 * Not a selector: that would read every row into memory, to search none of them. Head, projection and reduction stay those of the build.
 *
 * @throws {FungiError} INVALID_TEXT, INVALID_DATA, INVALID_MEDIA, FILE_NOT_FOUND (all that are missing at once, before anything is stored);
 *   INDEX_NOT_FOUND, INDEX_CORRUPT, INDEX_LOCKED, INDEX_MISMATCH, also when another build took the index's place; STORAGE_FAILED. Where
 *   batches were stored before it, the log says how many examples
 */
export async function addExamples(options: AddExamplesOptions): Promise<AddedExamples> {
  const { log = silentLogger } = options;
  const examples = distinct(options.examples);
  const index = await openIndex(options, openFeaturizer);
  try {
    await index.featurizer.engine.identify(examples.map(({ input }) => input));
    const { manifest, store } = index;
    const counts = { added: 0, replaced: 0, unchanged: 0, truncated: 0 };
    for (let start = 0; start < examples.length; start += BATCH_ROWS) {
      const batch = examples.slice(start, start + BATCH_ROWS);
      const done = await addBatch(index, batch, { start, total: examples.length }).catch((error: unknown) => {
        if (start > 0) log.warn(`${start} of ${examples.length} examples are stored, the others are not`);
        throw error;
      });
      counts.added += done.added;
      counts.replaced += done.replaced;
      counts.unchanged += done.unchanged;
      counts.truncated += done.truncated;
    }
    const { truncated } = counts;
    if (truncated > 0)
      log.warn(
        `${truncated} of ${examples.length} examples are longer than the encoder reads: their ends were not seen`,
      );
    return { manifest, ...counts, rows: await store.count() };
  } finally {
    await index.store.close();
    await index.featurizer.close();
  }
}

/** @param place of the batch among all examples, for progress */
async function addBatch(
  index: OpenedIndex,
  batch: readonly Example[],
  { start, total }: { readonly start: number; readonly total: number },
) {
  const { store, featurizer, onProgress } = index;
  const fresh = featurizer.modality === 'text' ? await changed(store, batch) : batch;
  const unchanged = batch.length - fresh.length;
  if (fresh.length === 0) return { added: 0, replaced: 0, unchanged, truncated: 0 };
  const inputs = fresh.map(({ input }) => input);
  const { vectors, truncated } = await featurizer.featurize(inputs, {
    stage: 'features',
    onProgress: (progress) => onProgress?.({ ...progress, done: start + unchanged + progress.done, total }),
  });
  const lock = await index.lock();
  try {
    const { inserted, updated } = await store.upsert(withVectors(fresh, vectors, store.dims));
    return { added: inserted, replaced: updated, unchanged, truncated: truncated.filter(Boolean).length };
  } finally {
    await lock.release();
  }
}

/** The examples that are not in the store as they are. */
async function changed(store: ExampleStore, batch: readonly Example[]): Promise<Example[]> {
  const rows = await store.get(batch.map(({ id }) => id));
  const known = new Map(rows.map((row) => [row.id, contentOf(row)]));
  return batch.filter((example) => known.get(example.id) !== contentOf(example));
}
