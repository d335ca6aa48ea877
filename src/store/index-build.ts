/** A build of an index: staged beside the old one, resumable after a kill, visible only when it is complete. */
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../core/atomic-file.js';
import type { FileLock, LockOptions } from '../core/file-lock.js';
import { sha256 } from '../core/fingerprint.js';
import { silentLogger, type Logger } from '../core/log.js';
import { onStorage } from '../core/storage-failure.js';
import { assertFree, indexPaths, lockIndex, putInPlace, type IfExists, type Succession } from './index-folder.js';
import { readManifest, verifyArtefacts } from './manifest.js';
import { StagedFeatures } from './staged-features.js';

export interface IndexBuildOptions extends LockOptions {
  readonly logger?: Logger;
  /** Looked at under the lock, at the beginning and again before the old index would go. @default 'replace' */
  readonly ifExists?: IfExists;
  /** Of the name, where it is taken already; {@link IndexBuild.close} releases it. */
  readonly lock?: FileLock | undefined;
}

export class IndexBuild {
  private staged: StagedFeatures | undefined;

  private constructor(
    private readonly root: string,
    private readonly name: string,
    private readonly fingerprint: string,
    /** Where manifest, artefacts and table are to be written; empty at first. */
    readonly folder: string,
    /** What survives a kill, for the next build under the same plan: the raw features, and whatever else is expensive. */
    readonly kept: string,
    private readonly lock: FileLock,
    private readonly logger: Logger,
    private readonly ifExists: IfExists,
  ) {}

  /**
   * Begins or resumes the build of index `name`. An index of that name stays readable, and unwritable, meanwhile.
   *
   * @param fingerprint of settings and data: what was kept under another one is worthless, and removed
   * @throws {FungiError} INVALID_ARGUMENT, also when something of that name is no index; INDEX_EXISTS, INDEX_LOCKED,
   * STORAGE_FAILED
   */
  static async open(
    root: string,
    name: string,
    fingerprint: string,
    options: IndexBuildOptions = {},
  ): Promise<IndexBuild> {
    const { logger = silentLogger, ifExists = 'replace' } = options;
    const { building } = indexPaths(root, name);
    await onStorage(`creating ${root}`, () => mkdir(root, { recursive: true }));
    const lock = options.lock ?? (await lockIndex(root, name, options));
    try {
      await assertFree(root, name, ifExists);
      const folder = join(building, 'index');
      const kept = join(building, `plan-${sha256(fingerprint).slice(0, 16)}`);
      await onStorage(`creating ${folder}`, async () => {
        await mkdir(kept, { recursive: true });
        for (const other of await readdir(building)) {
          // The index is made anew from the features: cheap beside encoding, and the same as in an undisturbed run.
          if (join(building, other) === kept) continue;
          if (other.startsWith('plan-'))
            logger.warn(`index "${name}": an unfinished build is of other data or settings: starting over`);
          await rm(join(building, other), { recursive: true, force: true });
        }
        await mkdir(folder);
      });
      return new IndexBuild(root, name, fingerprint, folder, kept, lock, logger, ifExists);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /**
   * The raw features: those of an interrupted build under the same plan are there already.
   *
   * @param width F
   * @throws {FungiError} STORAGE_FAILED, INVALID_ARGUMENT
   */
  async stage(width: number): Promise<StagedFeatures> {
    this.staged = await StagedFeatures.open(
      join(this.kept, 'features'),
      { fingerprint: this.fingerprint, width },
      this.logger,
      `index "${this.name}"`,
    );
    return this.staged;
  }

  /**
   * Puts the index in place. Stores opened in `folder` have to be closed before. The name stays locked until {@link close}: what
   * is opened before that is this index, and no later one.
   *
   * @param succession what becomes of the old one; as `ifExists` says where it is left out
   * @returns the folder of the index
   * @throws {FungiError} INDEX_CORRUPT when the manifest or an artefact is missing or damaged; INDEX_EXISTS, INVALID_ARGUMENT,
   * INDEX_LOCKED, STORAGE_FAILED
   */
  async publish(succession: Succession = this.ifExists): Promise<string> {
    await verifyArtefacts(this.folder, await readManifest(this.folder));
    await onStorage(`writing ${this.folder}`, () => syncTree(this.folder));
    await this.lock.assertHeld();
    await putInPlace(this.root, this.name, this.folder, succession);
    await this.staged?.close();
    const { building, index } = indexPaths(this.root, this.name);
    await onStorage(`removing ${building}`, () => rm(building, { recursive: true, force: true }));
    return index;
  }

  /** Ends the build and unlocks the name. Features that were not published stay for the next build. */
  async close(): Promise<void> {
    await this.staged?.close();
    await this.lock.release();
  }
}

/** Makes everything below `folder` durable before a rename makes it visible: Lance leaves its own to the page cache. */
async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isDirectory()) await syncFolder(join(entry.parentPath, entry.name));
    if (!entry.isFile()) continue;
    const file = await open(join(entry.parentPath, entry.name), 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }
  await syncFolder(folder);
}
