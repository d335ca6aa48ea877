import type { FileLock } from '../core/file-lock.js';
import type { Logger } from '../core/log.js';
import type { OnProgress } from '../core/progress.js';
import type { GradientEngine } from '../engine/engine.js';
import type { FeatureExtractor } from '../features/extractor.js';
import type { Pca } from '../reduce/pca.js';
import type { Manifest } from '../store/manifest.js';
import type { ExampleStore } from '../store/store.js';

/** Everything an open index is made of. */
export interface OpenedIndex {
  readonly manifest: Manifest;
  readonly engine: GradientEngine;
  readonly extractor: FeatureExtractor;
  readonly reducer: Pca;
  readonly store: ExampleStore;
  /** Taken while rows change. */
  lock(): Promise<FileLock>;
  /** Told of work on many rows. */
  readonly onProgress: OnProgress | undefined;
  /** Told of examples that were cut. */
  readonly log: Logger;
}
