/** The durable store: one LanceDB table in a folder. The only place where the project meets @lancedb/lancedb. */
import type { Connection, Table } from '@lancedb/lancedb';
import type { RecordBatch } from 'apache-arrow';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FungiError } from '../core/errors.js';
import { FileLock } from '../core/file-lock.js';
import { asStorageFailure } from '../core/storage-failure.js';
import { COLUMN_NAMES, decodeRows, dimsOf, encodeRows, tableSchema, type PlacedRow } from './lance-rows.js';
import { assertIds, assertPositive, assertRows, lastOfEach } from './rows.js';
import { drawStoreId, readStoreId, STORE_ID_FILE } from './store-identity.js';
import {
  DEFAULT_SCAN_BATCH,
  type ExampleStore,
  type StoredRow,
  type StoreProblem,
  type UpsertCounts,
  type VerifyReport,
} from './store.js';
import { TableSeal } from './table-seal.js';

/** Fixed, never made of user text: LanceDB panics on some names and accepts "..". */
const TABLE = 'examples';
/** Ids that one query looks for. */
const IDS_TOGETHER = 1024;
const WRITE_LOCK_WAIT_MS = 30_000;
/** Every write adds a fragment and a version, whoever made it; reads slow down with their number. */
const VERSIONS_BETWEEN_COMPACTIONS = 32;
/** Readers of other processes finish a scan of the version they began with; older versions than this may go. */
const VERSION_GRACE_MS = 15 * 60_000;

/**
 * Writers, also those of other processes, take turns under a lock file; readers never wait. Each commit is followed by
 * {@link TableSeal.update}, so that damage to any file is found before its bytes reach Lance.
 */
export class LanceStore implements ExampleStore {
  /** Settles when every write called so far is done; never rejects. */
  private writes: Promise<unknown> = Promise.resolve();
  /** Why the last write could not be sealed or compacted. */
  private unsettled: Error | undefined;

  private constructor(
    private readonly folder: string,
    readonly dims: number,
    /** Of this store and no other; an index's manifest names it. */
    readonly id: string,
    private readonly connection: Connection,
    private readonly table: Table,
    private readonly seal: TableSeal,
  ) {}

  /**
   * Makes an empty store in `folder` for vectors of length `dims`.
   *
   * @throws {FungiError} INDEX_EXISTS when the folder holds a store; INVALID_ARGUMENT; STORAGE_FAILED
   */
  static async create(folder: string, dims: number): Promise<LanceStore> {
    assertPositive(dims, 'dims');
    return lance(`creating a store in ${folder}`, async () => {
      const seal = sealOf(folder);
      if (await seal.exists()) throw new FungiError('INDEX_EXISTS', `${folder} holds a store already`);
      await rm(tablePath(folder), { recursive: true, force: true }); // what a killed `create` left: it has no seal
      const connection = await connect(folder);
      const table = await connection.createEmptyTable(TABLE, tableSchema(dims));
      await table.setUnenforcedPrimaryKey('id'); // without it, concurrent merges of one new id insert it twice
      const id = await drawStoreId(folder);
      await seal.update();
      return new LanceStore(folder, dims, id, connection, table, seal);
    });
  }

  /**
   * Opens the store in `folder` after comparing its files with their digests.
   *
   * @throws {FungiError} INDEX_CORRUPT naming what is damaged; STORAGE_FAILED
   */
  static async open(folder: string): Promise<LanceStore> {
    return LanceStore.opened(folder, () => true);
  }

  /**
   * Rows of the store in `folder`, without reading them: all files but theirs are compared with their digests.
   *
   * @throws {FungiError} INDEX_CORRUPT when one of these is damaged; STORAGE_FAILED
   */
  static async count(folder: string): Promise<number> {
    return LanceStore.withoutRows(folder, (store) => store.count());
  }

  /**
   * Version of the store in `folder`, without reading its rows.
   *
   * @throws {FungiError} INDEX_CORRUPT when a file that is not of rows is damaged; STORAGE_FAILED
   */
  static async version(folder: string): Promise<number> {
    return LanceStore.withoutRows(folder, (store) => store.version());
  }

  private static async withoutRows<T>(folder: string, ask: (store: LanceStore) => Promise<T>): Promise<T> {
    const store = await LanceStore.opened(folder, (file) => !file.startsWith('data/'));
    try {
      return await ask(store);
    } finally {
      await store.close();
    }
  }

  /** @param isChecked by path inside the table */
  private static async opened(folder: string, isChecked: (file: string) => boolean): Promise<LanceStore> {
    return lance(`opening the store in ${folder}`, async () => {
      const id = await readStoreId(folder);
      if (id === undefined) throw corrupt(`${join(folder, STORE_ID_FILE)} is missing`);
      const seal = sealOf(folder);
      const [problem] = await seal.check(isChecked);
      if (problem !== undefined) throw corrupt(`${folder}: ${problem.message}`);
      const connection = await connect(folder);
      const table = await connection.openTable(TABLE);
      const dims = dimsOf(await table.schema());
      if (dims === undefined) throw corrupt(`${folder}: the table's columns are not those of a store`);
      return new LanceStore(folder, dims, id, connection, table, seal);
    });
  }

  async upsert(rows: readonly StoredRow[]): Promise<UpsertCounts> {
    this.assertOpen();
    assertRows(rows, this.dims);
    const fresh = lastOfEach(rows);
    if (fresh.length === 0) return { inserted: 0, updated: 0 };
    return this.write('storing rows', async () => {
      const merge = this.table.mergeInsert('id').whenMatchedUpdateAll().whenNotMatchedInsertAll();
      const result = await merge.execute(encodeRows(await this.place(fresh), this.dims));
      return { inserted: result.numInsertedRows, updated: result.numUpdatedRows };
    });
  }

  async delete(ids: readonly string[]): Promise<number> {
    this.assertOpen();
    assertIds(ids);
    if (ids.length === 0) return 0;
    return this.write('deleting rows', async () => (await this.table.delete(idIn(ids))).numDeletedRows);
  }

  async version(): Promise<number> {
    return this.read('reading the version', () => this.table.version());
  }

  async count(): Promise<number> {
    return this.read('counting rows', () => this.table.countRows());
  }

  /** Which of these ids there are: nothing else of their rows is read. @throws {FungiError} INVALID_DATA, STORAGE_FAILED */
  async present(ids: readonly string[]): Promise<Set<string>> {
    this.assertOpen();
    assertIds(ids);
    const found = new Set<string>();
    for (let start = 0; start < ids.length; start += IDS_TOGETHER) {
      const some = idIn(ids.slice(start, start + IDS_TOGETHER));
      const rows = await this.read('reading ids', () => this.table.query().where(some).select(['id']).toArray());
      for (const { id } of rows as { id: string }[]) found.add(id);
    }
    return found;
  }

  async get(ids: readonly string[]): Promise<StoredRow[]> {
    this.assertOpen();
    assertIds(ids);
    if (ids.length === 0) return [];
    const found = await this.read('reading rows', async () => {
      const batches = await this.table
        .query()
        .where(idIn(ids))
        .select([...COLUMN_NAMES])
        .toArrow();
      return new Map(batches.batches.flatMap((batch) => decodeRows(batch)).map(({ row }) => [row.id, row]));
    });
    return ids.flatMap((id) => found.get(id) ?? []).map((row) => ({ ...row, vector: row.vector.slice() }));
  }

  async *scan({ batch = DEFAULT_SCAN_BATCH }: { readonly batch?: number } = {}): AsyncGenerator<StoredRow[]> {
    assertPositive(batch, 'batch');
    let pending: StoredRow[] = [];
    for await (const part of this.batches()) {
      for (const { row } of decodeRows(part)) {
        pending.push(row);
        if (pending.length === batch) {
          yield pending;
          pending = [];
        }
      }
    }
    if (pending.length > 0) yield pending;
  }

  async verify(): Promise<VerifyReport> {
    this.assertOpen();
    await this.writes;
    const problems: StoreProblem[] = [];
    const ids = new Set<string>();
    if (this.unsettled !== undefined) {
      problems.push({ message: `the last write is stored, but without its checksums: ${this.unsettled.message}` });
    }
    try {
      problems.push(...(await this.seal.check()));
      // Lance may abort the process on damaged files, so none of them is opened once one is known.
      if (problems.length > 0) return { rows: 0, problems };
      for await (const batch of this.batches()) {
        for (const { row } of decodeRows(batch, (id, { message }) => problems.push({ id, message }))) {
          if (ids.has(row.id)) problems.push({ id: row.id, message: `row ${JSON.stringify(row.id)} is stored twice` });
          ids.add(row.id);
        }
      }
    } catch (error) {
      if (!FungiError.is(error, 'INDEX_CORRUPT')) throw error;
      problems.push({ message: error.message });
    }
    return { rows: ids.size, problems };
  }

  /** Joins the fragments that small writes left and drops the versions before; worth it at the end of a build. */
  async compact(): Promise<void> {
    await this.write('compacting', () => this.optimize(0));
  }

  async close(): Promise<void> {
    await this.writes;
    this.table.close();
    this.connection.close();
  }

  /** New rows go behind the last one; known ones keep their place. */
  private async place(rows: readonly StoredRow[]): Promise<PlacedRow[]> {
    const places = new Map<string, bigint>();
    const known = this.table.query().where(idIn(rows.map(({ id }) => id)));
    for (const { id, seq } of await (known.select(['id', 'seq']).toArray() as Promise<{ id: string; seq: bigint }[]>)) {
      places.set(id, seq);
    }
    const last = this.table.query().select(['seq']).orderBy({ columnName: 'seq', ascending: false }).limit(1);
    let next = ((await last.toArray()) as { seq: bigint }[])[0]?.seq ?? 0n;
    return rows.map((row) => ({ row, seq: places.get(row.id) ?? ++next }));
  }

  /** All rows by place, then id, of the version that is newest when the first batch is asked for. */
  private async *batches(): AsyncGenerator<RecordBatch> {
    this.assertOpen();
    await this.writes;
    const query = this.table
      .query()
      .select([...COLUMN_NAMES])
      .orderBy([
        { columnName: 'seq', ascending: true },
        { columnName: 'id', ascending: true },
      ]);
    const iterator = query[Symbol.asyncIterator]();
    for (;;) {
      const next = await this.attempt('reading rows', () => iterator.next());
      if (next.done === true) return;
      yield next.value;
    }
  }

  /** After the writes that were called before: what they change is seen. */
  private async read<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.assertOpen();
    await this.writes;
    return this.attempt(what, work);
  }

  /** One write at a time, in the order of the calls, also against other processes. */
  private write<T>(what: string, work: () => Promise<T>): Promise<T> {
    const turn = this.writes.then(() => this.attempt(what, () => this.commit(work)));
    this.writes = turn.catch(() => undefined);
    return turn;
  }

  private async attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.assertOpen();
    try {
      return await lance(`${what} of ${this.folder}`, work);
    } finally {
      await this.assertSame(); // afterwards, since a replacement meanwhile may explain a result as well as an error
    }
  }

  private async commit<T>(work: () => Promise<T>): Promise<T> {
    const lock = await FileLock.acquire(join(this.folder, 'write.lock'), this.folder, { waitMs: WRITE_LOCK_WAIT_MS });
    try {
      await this.assertSame();
      const before = await this.table.version();
      const result = await work();
      await this.settle(lock, before);
      return result;
    } finally {
      await lock.release();
    }
  }

  /**
   * What follows a write that is stored already. Its failure is none of the write's: the caller would take the rows for missing.
   * The next write makes up for it, and {@link verify} tells until then.
   */
  private async settle(lock: FileLock, before: number): Promise<void> {
    const cycle = (version: number): number => Math.floor(version / VERSIONS_BETWEEN_COMPACTIONS);
    try {
      await lock.assertHeld(); // a seal must not be taken of another writer's half-written file
      await this.seal.update();
      if (cycle(await this.table.version()) > cycle(before)) await this.optimize(VERSION_GRACE_MS);
      this.unsettled = undefined;
    } catch (error) {
      this.unsettled = error as Error;
    }
  }

  private async optimize(graceMs: number): Promise<void> {
    await this.table.optimize();
    await this.seal.update(); // before older manifests go: a reader may be looking for the one that was the newest
    await this.table.optimize({ cleanupOlderThan: new Date(Date.now() + 1 - graceMs) });
    await this.seal.update();
  }

  private async assertSame(): Promise<void> {
    if ((await readStoreId(this.folder)) === this.id) return;
    throw new FungiError('INDEX_MISMATCH', `the store in ${this.folder} was replaced or removed since it was opened`, {
      hint: 'Open the index again.',
    });
  }

  private assertOpen(): void {
    if (!this.table.isOpen()) throw new FungiError('INVALID_ARGUMENT', 'the store is closed');
  }
}

const tablePath = (folder: string): string => join(folder, `${TABLE}.lance`);
const sealOf = (folder: string): TableSeal => new TableSeal(tablePath(folder), join(folder, 'seal.json'));

/** Loaded on first use: the native library takes a third of a second, which `fungi --help` should not. */
async function connect(folder: string): Promise<Connection> {
  const lancedb = await import('@lancedb/lancedb');
  return lancedb.connect(folder, { readConsistencyInterval: 0 });
}

/** The only SQL there is. Inside quotes a doubled quote is the one escape; ids hold no NUL. */
const idIn = (ids: readonly string[]): string =>
  `id IN (${ids.map((id) => `'${id.replaceAll("'", "''")}'`).join(',')})`;

const corrupt = (message: string, cause?: unknown): FungiError =>
  new FungiError('INDEX_CORRUPT', message, { hint: 'Restore the index from a copy, or build it again.', cause });

/** LanceDB's plain errors as ours. What is neither the disk nor another writer is a file it cannot read. */
async function lance<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (FungiError.is(error)) throw error;
    const message = error instanceof Error ? error.message : String(error);
    if (/commit conflict/i.test(message)) {
      throw new FungiError('INDEX_LOCKED', `${what}: another writer was faster`, { hint: 'Try again.', cause: error });
    }
    throw asStorageFailure(error, what) ?? corrupt(`${what}: ${message}`, error);
  }
}
