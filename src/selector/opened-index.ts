import type { FileLock } from '../core/file-lock.js';
import type { Logger } from '../core/log.js';
import type { OnProgress } from '../core/progress.js';
import type { Manifest } from '../store/manifest.js';
import type { ExampleStore } from '../store/store.js';
import type { Featurizer } from './featurizer.js';
import type { StoredVotes } from './votes-file.js';

/** Everything an open index is made of. */
export interface OpenedIndex<F extends Featurizer = Featurizer> {
  readonly manifest: Manifest;
  readonly featurizer: F;
  readonly store: ExampleStore;
  /** Of an index that chose for itself, on the rows that it held out. @throws {FungiError} INDEX_CORRUPT where their file was not whole */
  readonly votes?: StoredVotes | undefined;
  /** Taken while rows change. */
  lock(): Promise<FileLock>;
  /** Told of work on many rows. */
  readonly onProgress: OnProgress | undefined;
  /** Told of examples that were cut. */
  readonly log: Logger;
}
