/** Indexes that a server offers by name, each open in its newest generation. */
import type { Progress } from '../../core/progress.js';
import type { BuildOptions } from '../../selector/options.js';
import type { Embedder } from '../../selector/embedder.js';
import type { FungiSelector } from '../../selector/selector.js';
import type { Manifest } from '../../store/manifest.js';

/** What a client may say of a new index. */
export type BuildRequest = Pick<
  BuildOptions,
  'name' | 'examples' | 'encoder' | 'features' | 'dims' | 'reducer' | 'metric' | 'ifExists'
> & { readonly encoder?: string };

/** An index as it stands now. */
export type IndexStatus =
  | { readonly state: 'ready'; readonly name: string; readonly rows: number; readonly manifest: Manifest }
  | { readonly state: 'building'; readonly name: string; readonly progress: Progress | undefined }
  | { readonly state: 'failed'; readonly name: string; readonly error: Error };

/** What does not work as it should. */
export interface Impairment {
  /** `worker`, or `index NAME`. */
  readonly part: string;
  /** A code of the error table, or words. */
  readonly reason: string;
  /** What it means for the server: not there yet, no traffic to be sent to it, or all else is served. */
  readonly impact: 'starting' | 'unready' | 'degraded';
}

export interface IndexCatalogue {
  /** Ids of the encoders whose plain embeddings may be asked for, and that indexes are built with: the first where none is named. */
  readonly encoders: readonly string[];

  /** By name. An index that is replaced while it is open is `ready` all along. @throws {FungiError} STORAGE_FAILED */
  list(): Promise<IndexStatus[]>;

  /** @throws {FungiError} INDEX_NOT_FOUND, INVALID_ARGUMENT for what is no name */
  status(name: string): Promise<IndexStatus>;

  /** Of the newest generation: read from its manifest, and no data are opened. @throws {FungiError} INDEX_NOT_FOUND; INDEX_LOCKED, STORAGE_FAILED */
  storeId(name: string): Promise<string>;

  /**
   * Runs `work` on the newest generation. That one stays open until `work` has ended, whatever takes its place meanwhile.
   *
   * @throws {FungiError} INDEX_NOT_FOUND, INDEX_CORRUPT, INDEX_MISMATCH, NOT_READY while its first build goes on; what `work` throws
   */
  use<T>(name: string, work: (selector: FungiSelector) => Promise<T>): Promise<T>;

  /**
   * Begins a build, which goes on by itself; `done` settles when the index is published or the build has failed, and may be left alone.
   *
   * @throws {FungiError} INVALID_DATA, INVALID_ARGUMENT, INDEX_EXISTS, INDEX_LOCKED: known before anything is encoded
   */
  build(request: BuildRequest): Promise<{ readonly done: Promise<IndexStatus> }>;

  /** @throws {FungiError} INDEX_NOT_FOUND, INDEX_LOCKED */
  remove(name: string): Promise<void>;

  /** Plain embeddings of one of {@link encoders}; not to be closed. @throws {FungiError} MODEL_NOT_FOUND for any other */
  embedder(encoder: string): Promise<Embedder>;

  /** Empty when every part that has been opened, or has to be, works. */
  readiness(): Promise<readonly Impairment[]>;

  close(): Promise<void>;
}
