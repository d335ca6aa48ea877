/** A store in memory: for tests, for indexes that need not outlive the process, and as the reference of the contract. */
import { FungiError } from '../core/errors.js';
import { assertIds, assertPositive, assertRows, lastOfEach, metadataText, parseMetadata } from './rows.js';
import {
  DEFAULT_SCAN_BATCH,
  type ExampleStore,
  type StoredRow,
  type UpsertCounts,
  type VerifyReport,
} from './store.js';

export class MemoryStore implements ExampleStore {
  private readonly rows = new Map<string, StoredRow>();
  private writes = 0;
  private closed = false;

  /** @throws {FungiError} INVALID_ARGUMENT when `dims` is not a whole number of at least 1 */
  constructor(readonly dims: number) {
    assertPositive(dims, 'dims');
  }

  upsert(rows: readonly StoredRow[]): Promise<UpsertCounts> {
    return this.run(() => {
      assertRows(rows, this.dims);
      const before = this.rows.size;
      const fresh = lastOfEach(rows);
      for (const row of fresh) this.rows.set(row.id, copy(row));
      this.writes++;
      const inserted = this.rows.size - before;
      return { inserted, updated: fresh.length - inserted };
    });
  }

  delete(ids: readonly string[]): Promise<number> {
    return this.run(() => {
      assertIds(ids);
      this.writes++;
      return ids.filter((id) => this.rows.delete(id)).length;
    });
  }

  version(): Promise<number> {
    return this.run(() => this.writes);
  }

  count(): Promise<number> {
    return this.run(() => this.rows.size);
  }

  get(ids: readonly string[]): Promise<StoredRow[]> {
    return this.run(() => {
      assertIds(ids);
      return ids.flatMap((id) => this.rows.get(id) ?? []).map(copy);
    });
  }

  async *scan({ batch = DEFAULT_SCAN_BATCH }: { readonly batch?: number } = {}): AsyncGenerator<StoredRow[]> {
    assertPositive(batch, 'batch');
    const rows = await this.run(() => [...this.rows.values()]);
    for (let start = 0; start < rows.length; start += batch) yield rows.slice(start, start + batch).map(copy);
  }

  verify(): Promise<VerifyReport> {
    return this.run(() => ({ rows: this.rows.size, problems: [] }));
  }

  close(): Promise<void> {
    this.closed = true;
    this.rows.clear();
    return Promise.resolve();
  }

  /** `work` as a promise, so that a refusal is a rejection as it is in a store that has to wait for a disk. */
  private run<T>(work: () => T): Promise<T> {
    return new Promise((resolve) => {
      if (this.closed) throw new FungiError('INVALID_ARGUMENT', 'the store is closed');
      resolve(work());
    });
  }
}

function copy(row: StoredRow): StoredRow {
  const { id, input, label, metadata, vector } = row;
  return { id, input, label, metadata: parseMetadata(metadataText(metadata)), vector: vector.slice() };
}
