/** Opens an index: its features, its table and its manifest, all of one and the same build. */
import { FungiError } from '../core/errors.js';
import { silentLogger } from '../core/log.js';
import { findIndex, lockIndex } from '../store/index-folder.js';
import { LanceStore } from '../store/lance.js';
import { assertOwnStore, readManifest } from '../store/manifest.js';
import type { Featurizer } from './featurizer.js';
import type { LocatedIndex } from './open-featurizer.js';
import type { OpenedIndex } from './opened-index.js';
import { DEFAULT_INDEXES, type OpenOptions } from './options.js';
import { openVotes } from './votes-file.js';

const ATTEMPTS = 3;

/**
 * Loading the model takes seconds, in which another process may replace the index. Its parts are of one index if the manifest is
 * the same before and after; if not, it is opened again.
 *
 * @param openFeaturizer opens what computes the features of the index that lies there
 * @throws {FungiError} INDEX_NOT_FOUND; INDEX_CORRUPT; INDEX_MISMATCH when the index was replaced each time; what `openFeaturizer` throws
 */
export async function openIndex<F extends Featurizer>(
  options: OpenOptions,
  openFeaturizer: (options: OpenOptions, located: LocatedIndex) => Promise<F>,
): Promise<OpenedIndex<F>> {
  const { name, indexes = DEFAULT_INDEXES } = options;
  const current = async (): Promise<LocatedIndex> => {
    const folder = await findIndex(indexes, name);
    return { folder, manifest: await readManifest(folder) };
  };
  let cause: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    let located: LocatedIndex | undefined;
    let opened: OpenedIndex<F> | undefined;
    try {
      located = await current();
      opened = await openParts(options, located, await openFeaturizer(options, located));
    } catch (error) {
      cause = error;
    }
    const now = await current().catch(() => undefined);
    if (now?.manifest.storeId === located?.manifest.storeId) {
      if (opened === undefined) throw cause;
      return opened;
    }
    await opened?.store.close();
    await opened?.featurizer.close();
  }
  throw new FungiError('INDEX_MISMATCH', `index "${name}" was replaced ${ATTEMPTS} times while it was being opened`, {
    hint: 'Open it again when nobody rebuilds it.',
    details: { indexes, name },
    cause,
  });
}

async function openParts<F extends Featurizer>(
  options: OpenOptions,
  { folder, manifest }: LocatedIndex,
  featurizer: F,
): Promise<OpenedIndex<F>> {
  const { name, indexes = DEFAULT_INDEXES, onProgress, log = silentLogger } = options;
  let store: LanceStore | undefined;
  try {
    store = await LanceStore.open(folder);
    assertOwnStore(manifest, store);
    // Read with the other parts, since another generation may lie there later; only who calibrates by them needs them whole.
    const votes = await openVotes(folder, manifest).catch((error: unknown) => {
      if (!FungiError.is(error)) throw error;
      return error;
    });
    return {
      ...{ manifest, featurizer, store, lock: () => lockIndex(indexes, name), onProgress, log },
      get votes() {
        if (FungiError.is(votes)) throw votes;
        return votes;
      },
    };
  } catch (error) {
    await store?.close();
    await featurizer.close();
    throw error;
  }
}
