/** What a store of indexed examples promises. `testing/store-contract.ts` checks these promises on any implementation. */
import { fingerprint } from '../core/fingerprint.js';
import type { Example, Item } from '../core/item.js';

/** A labelled example with its reduced feature. */
export interface StoredRow extends Example {
  /** [P], finite. */
  readonly vector: Float32Array;
}

export interface UpsertCounts {
  readonly inserted: number;
  readonly updated: number;
}

export interface StoreProblem {
  /** The row it concerns; absent when it concerns a file or the whole table. */
  readonly id?: string;
  readonly message: string;
}

export interface VerifyReport {
  /** Rows that could be read. */
  readonly rows: number;
  /** Empty when every file and row is what was written. */
  readonly problems: readonly StoreProblem[];
}

/**
 * Rows by id, in insertion order. An update keeps the row's place, as setting an existing key of a Map does; deleting and
 * inserting again moves it to the end. Retrieval breaks ties of distance by this order, so it is the same in every process.
 *
 * Every call is atomic (all rows or none). On one store, writes take effect in the order of their calls, a read sees every write
 * that was called before it (and may see one called while it runs), and a call after `close` is refused. Rows handed out are the
 * caller's: changing them changes nothing stored.
 *
 * Any call of a store on disk may also throw INDEX_CORRUPT, INDEX_MISMATCH when another index took its place, and
 * STORAGE_FAILED.
 */
export interface ExampleStore {
  /** P: the length of every vector. */
  readonly dims: number;

  /**
   * Inserts the rows whose id is new and replaces the others; when an id repeats among `rows`, the last one wins. The rows
   * belong to the store until the promise settles.
   *
   * @throws {FungiError} INVALID_VECTOR, INVALID_DATA, INVALID_TEXT (and nothing is stored); STORAGE_FAILED; INDEX_LOCKED
   */
  upsert(rows: readonly StoredRow[]): Promise<UpsertCounts>;

  /** How many of `ids` there were; unknown ones are ignored. @throws {FungiError} INVALID_DATA, STORAGE_FAILED, INDEX_LOCKED */
  delete(ids: readonly string[]): Promise<number>;

  /**
   * Grows with every write that changes a row, whoever makes it: while it is the same, so are the rows. It may grow without a
   * change.
   */
  version(): Promise<number>;

  count(): Promise<number>;

  /** The rows with these ids, in the order asked for; unknown ids are left out. @throws {FungiError} INVALID_DATA, INDEX_CORRUPT */
  get(ids: readonly string[]): Promise<StoredRow[]>;

  /**
   * All rows in insertion order, `batch` at a time (@default 1024), as they were when the first batch was asked for.
   *
   * @throws {FungiError} INDEX_CORRUPT when a row is not what was written
   */
  scan(options?: { readonly batch?: number }): AsyncIterable<StoredRow[]>;

  /** Reads everything and compares it with its checksums. Damage is reported, not thrown. */
  verify(): Promise<VerifyReport>;

  close(): Promise<void>;
}

export const DEFAULT_SCAN_BATCH = 1024;

/**
 * The id of an example that came without one: sha256 (hex) of the canonical JSON of content and label,
 * `{"input":…,"label":…}` with sorted keys, no spaces and JSON's own escapes, in UTF-8.
 */
export function exampleId(input: Item, label: string): string {
  return fingerprint({ input, label });
}
