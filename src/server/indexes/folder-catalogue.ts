/**
 * The indexes of a folder, opened when they are first asked for. Another build that takes an index's place, here or by another process, is
 * opened beside the old one and then takes over between two requests: no request fails of it.
 */
import { FungiError } from '../../core/errors.js';
import type { Embedder } from '../../selector/embedder.js';
import { FungiSelector } from '../../selector/selector.js';
import { assertIndexName, findIndex, listIndexes, removeIndex } from '../../store/index-folder.js';
import { LanceStore } from '../../store/lance.js';
import { readManifest, type Manifest } from '../../store/manifest.js';
import type { FeatureCache } from '../../workers/feature-cache.js';
import type { ModelPool } from '../../workers/model-pool.js';
import { PooledEmbedder, PooledFeaturizer } from '../../workers/pooled-featurizer.js';
import { BrokenIndexes, type RetryOptions } from './broken-indexes.js';
import type { BuildRequest, Impairment, IndexCatalogue, IndexStatus } from './catalogue.js';
import { IndexBuilds, type BuildSettings } from './index-builds.js';
import { ServedIndex } from './served-index.js';
import { withoutPaths } from './without-paths.js';

export interface CatalogueOptions extends BuildSettings, RetryOptions {
  /** Where each encoder lies, a folder or an id of a model source, by the name that it is offered under. */
  readonly encoders: ReadonlyMap<string, string>;
  readonly pool: ModelPool;
  readonly cache: FeatureCache;
  /** Indexes without which the server is of no use: {@link FolderCatalogue.preload} opens them. @default none */
  readonly required?: readonly string[];
  /** Told of a build that ends in an error, as it was; clients get it without paths of the server. */
  readonly onBuildFailed?: (name: string, error: Error) => void;
  /** How often the folder is looked at for another build or rows of another process, milliseconds. @default 1000 */
  readonly checkMs?: number;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
}

interface Entry {
  /** The newest that is open. */
  readonly index: Promise<ServedIndex>;
  isOpen: boolean;
  /** Under way: a look at the folder. */
  check: Promise<void> | undefined;
  checkedAt: number;
}

export class FolderCatalogue implements IndexCatalogue {
  readonly encoders: readonly string[];
  private readonly entries = new Map<string, Entry>();
  private readonly embedders = new Map<string, Promise<Embedder>>();
  private readonly builds: IndexBuilds;
  private readonly required: Set<string>;
  private readonly broken: BrokenIndexes;
  private readonly checkMs: number;
  private readonly now: () => number;
  private isClosed = false;

  constructor(private readonly options: CatalogueOptions) {
    const { encoders, checkMs = 1000, now = () => performance.now() } = options;
    this.encoders = [...encoders.keys()];
    this.checkMs = checkMs;
    this.now = now;
    this.builds = new IndexBuilds(options);
    this.required = new Set(options.required);
    this.broken = new BrokenIndexes((name) => this.look(name), options);
  }

  async list(): Promise<IndexStatus[]> {
    const known = await this.said(listIndexes(this.options.indexes));
    const names = new Set([...known, ...this.builds.names, ...this.builds.failed.keys()]);
    const statuses = await Promise.all(
      [...names].sort().map((name) =>
        this.status(name).catch((error: unknown): IndexStatus | undefined => {
          if (FungiError.is(error, 'INDEX_NOT_FOUND')) return undefined; // removed since
          return { state: 'failed', name, error: error as Error };
        }),
      ),
    );
    return statuses.filter((status) => status !== undefined);
  }

  async status(name: string): Promise<IndexStatus> {
    assertIndexName(name);
    return this.said(this.statusOf(name));
  }

  async storeId(name: string): Promise<string> {
    assertIndexName(name);
    return (await this.said(findIndex(this.options.indexes, name).then(readManifest))).storeId;
  }

  async use<T>(name: string, work: (selector: FungiSelector) => Promise<T>): Promise<T> {
    assertIndexName(name);
    return this.said(this.newest(name).then((index) => index.use(work)));
  }

  async build(request: BuildRequest): Promise<{ readonly done: Promise<IndexStatus> }> {
    const { name } = request;
    assertIndexName(name);
    const { encoder } = request;
    const location = encoder === undefined ? undefined : (this.options.encoders.get(encoder) ?? encoder);
    const options = { ...request, ...(location !== undefined && { encoder: location }) };
    const { done } = await this.said(this.builds.start(options));
    done.catch((error: unknown) => this.options.onBuildFailed?.(name, error as Error));
    const finished = done.then(async () => {
      await this.look(name);
      return this.status(name);
    });
    const settled = finished.catch(
      (error: unknown): IndexStatus => ({ state: 'failed', name, error: this.pathless(error as Error) }),
    );
    return { done: settled };
  }

  async remove(name: string): Promise<void> {
    assertIndexName(name);
    const isFailure = this.builds.failed.has(name);
    this.builds.forget(name);
    await this.said(removeIndex(this.options.indexes, name)).catch((error: unknown) => {
      // A build that failed at once has left nothing to remove.
      if (!isFailure || !FungiError.is(error, 'INDEX_NOT_FOUND')) throw error;
    });
    this.required.delete(name); // whoever removes it does without
    await this.retire(name);
  }

  async embedder(encoder: string): Promise<Embedder> {
    const location = this.options.encoders.get(encoder);
    if (location === undefined) {
      throw new FungiError('MODEL_NOT_FOUND', `the server offers no encoder "${encoder.slice(0, 80)}"`, {
        hint: `There are: ${this.encoders.join(', ')}.`,
      });
    }
    let opened = this.embedders.get(encoder);
    if (opened === undefined) {
      const { pool, cache } = this.options;
      const options = { encoder: location, ...this.surroundings() };
      const source = { kind: 'encoder' as const, key: `encoder ${encoder}`, options };
      opened = PooledEmbedder.open(encoder, pool, cache, source).then((embedder) => this.guarded(embedder));
      this.embedders.set(encoder, opened);
      opened.catch(() => this.embedders.delete(encoder));
    }
    return this.said(opened);
  }

  /** Opens the required indexes, before they are asked for. Settles when each is open or has failed to: {@link readiness} tells. */
  async preload(): Promise<void> {
    await Promise.allSettled([...this.required].map((name) => this.newest(name)));
  }

  readiness(): Promise<readonly Impairment[]> {
    const found: Impairment[] = [];
    if (this.options.pool.pids.length === 0) {
      found.push({ part: 'worker', reason: 'no model process runs', impact: 'unready' });
    }
    const broken = this.broken.all;
    for (const name of new Set([...this.required, ...broken.keys()])) {
      const isServed = this.entries.get(name)?.isOpen === true || !this.required.has(name);
      const error = broken.get(name);
      // Who asks needs no key: the code says enough, and messages name folders of the server, which the log has.
      const reason = FungiError.is(error) ? error.code : 'UNKNOWN';
      if (error !== undefined) found.push({ part: `index ${name}`, reason, impact: isServed ? 'degraded' : 'unready' });
      else if (!isServed) found.push({ part: `index ${name}`, reason: 'it is being opened', impact: 'starting' });
    }
    return Promise.resolve(found);
  }

  /** Rows of the indexes that are open. */
  async openRows(): Promise<ReadonlyMap<string, number>> {
    const rows = new Map<string, number>();
    for (const [name, { index }] of this.entries) {
      const open = await index.catch(() => undefined);
      if (open !== undefined) rows.set(name, open.selector.size);
    }
    return rows;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.builds.close();
    this.broken.close();
    // One that is being opened may take as long as its model does: it is closed when that is over, and nobody waits for it.
    const opening = [...this.entries.values()].filter(({ isOpen }) => !isOpen);
    for (const { index } of opening) index.then((late) => late.retire()).catch(() => undefined);
    const open = [...this.entries].filter(([, { isOpen }]) => isOpen);
    await Promise.all(open.map(([name]) => this.retire(name)));
    const embedders = await Promise.allSettled(this.embedders.values());
    for (const each of embedders) if (each.status === 'fulfilled') await each.value.close();
  }

  private async newest(name: string): Promise<ServedIndex> {
    if (this.isClosed) throw new FungiError('NOT_READY', 'the server is stopping', { hint: 'Ask another.' });
    const entry = this.entries.get(name);
    if (entry === undefined) return this.opened(name);
    if (this.now() - entry.checkedAt >= this.checkMs) void this.look(name).catch(() => undefined);
    return entry.index;
  }

  /** Opens an index that is not open yet; who asks meanwhile waits for the same. */
  private opened(name: string): Promise<ServedIndex> {
    const index = this.open(name);
    const entry: Entry = { index, isOpen: false, check: undefined, checkedAt: this.now() };
    this.entries.set(name, entry);
    index.then(
      () => {
        entry.isOpen = true;
      },
      (error: unknown) => {
        if (this.entries.get(name) === entry) this.entries.delete(name);
        this.failed(name, error as Error);
      },
    );
    return index;
  }

  /** That an index is not there, or not yet, is no fault of it; the server that has to have it is not ready all the same. */
  private failed(name: string, error: Error): void {
    const isAbsent = FungiError.is(error, 'INDEX_NOT_FOUND') || FungiError.is(error, 'NOT_READY');
    if (!isAbsent || this.required.has(name)) this.broken.add(name, error);
    else this.broken.mend(name);
  }

  private async open(name: string): Promise<ServedIndex> {
    const { indexes, pool, cache } = this.options;
    const options = { name, indexes, ...this.surroundings() };
    try {
      const selector = await FungiSelector.open(options, (_, { manifest: { storeId } }) =>
        PooledFeaturizer.open(pool, cache, { kind: 'index', key: `index ${name} ${storeId}`, storeId, options }),
      );
      this.broken.mend(name);
      return new ServedIndex(selector);
    } catch (error) {
      if (FungiError.is(error, 'INDEX_NOT_FOUND') && this.builds.isRunning(name)) {
        throw new FungiError('NOT_READY', `index "${name}" is being built`, { hint: 'GET it to see how far it is.' });
      }
      throw error;
    }
  }

  /** Looks whether another build has taken the index's place, or another process has changed its rows. */
  private look(name: string): Promise<void> {
    const entry = this.entries.get(name);
    if (entry === undefined) return this.opened(name).then(() => undefined);
    entry.check ??= this.compare(name, entry).finally(() => {
      entry.check = undefined;
      entry.checkedAt = this.now();
    });
    return entry.check;
  }

  private async compare(name: string, entry: Entry): Promise<void> {
    const { indexes } = this.options;
    const old = await entry.index;
    try {
      const { storeId } = await readManifest(await findIndex(indexes, name));
      if (storeId === old.storeId) {
        await old.use((selector) => selector.refresh());
        this.broken.mend(name); // what was in the way before has passed
        return;
      }
      const index = await this.open(name);
      if (this.entries.get(name) !== entry || this.isClosed) {
        await index.retire(); // removed, or closed, while it was being opened
        return;
      }
      this.entries.set(name, { index: Promise.resolve(index), isOpen: true, check: undefined, checkedAt: this.now() });
      await old.retire();
    } catch (error) {
      if (FungiError.is(error, 'INDEX_NOT_FOUND')) await this.retire(name);
      this.failed(name, error as Error); // of anything else the old one goes on serving
    }
  }

  private async retire(name: string): Promise<void> {
    const entry = this.entries.get(name);
    this.entries.delete(name);
    this.broken.mend(name);
    const index = await entry?.index.catch(() => undefined);
    await index?.retire();
  }

  private async statusOf(name: string): Promise<IndexStatus> {
    try {
      const folder = await findIndex(this.options.indexes, name);
      const manifest = await readManifest(folder);
      return { state: 'ready', name, rows: await this.rows(name, folder, manifest), manifest };
    } catch (error) {
      if (!FungiError.is(error, 'INDEX_NOT_FOUND')) throw error;
      if (this.builds.isRunning(name)) return { state: 'building', name, progress: this.builds.progressOf(name) };
      const failure = this.builds.failed.get(name);
      if (failure !== undefined) return { state: 'failed', name, error: this.pathless(failure) };
      throw error;
    }
  }

  private async rows(name: string, folder: string, manifest: Manifest): Promise<number> {
    const open = await this.entries.get(name)?.index.catch(() => undefined);
    if (open?.storeId === manifest.storeId) return open.selector.size;
    const store = await LanceStore.open(folder);
    try {
      return await store.count();
    } finally {
      await store.close();
    }
  }

  private surroundings() {
    const { sources, threads } = this.options;
    return { ...(sources !== undefined && { sources }), ...(threads !== undefined && { threads }) };
  }

  private pathless(error: Error): Error {
    const { indexes, encoders, sources } = this.options;
    const { cacheDir } = sources ?? {};
    return withoutPaths(error, [indexes, ...encoders.values(), ...(cacheDir === undefined ? [] : [cacheDir])]) as Error;
  }

  /** What `work` gives, or its error without paths of the server. */
  private async said<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw this.pathless(error as Error);
    }
  }

  private guarded(embedder: Embedder): Embedder {
    const { name, modality, dims } = embedder;
    return {
      ...{ name, modality, dims },
      embed: (items, options) => this.said(embedder.embed(items, options)),
      close: () => embedder.close(),
    };
  }
}
