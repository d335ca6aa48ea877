/** Where feature blocks are kept: in the cache, under all that decides them, or in a folder that is gone afterwards. */
import { constants, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FungiError } from '../../core/errors.js';
import { fingerprint, type Json } from '../../core/fingerprint.js';
import { silentLogger, type Logger } from '../../core/log.js';
import { LIBRARY_VERSION } from '../../core/version.js';
import { onStorage } from '../../core/storage-failure.js';
import { BlockFile } from './block-file.js';
import type { LossName } from './feature-sets.js';

/** Raised when the same settings give other features than before, between two versions of the library. */
const REVISION = 2;

export interface FeatureCacheOptions {
  /** Made when absent. */
  readonly folder: string;
  /** All that tells encoders and their engines apart. */
  readonly encoder: Json;
  /** The same for the embedding, which no target layer changes. @default encoder */
  readonly embedding?: Json | undefined;
  readonly log?: Logger | undefined;
}

/** What decides a block, beside the encoder. */
export interface BlockSettings {
  readonly block: 'embedding' | LossName;
  readonly [setting: string]: Json;
}

/** Hands out block files, and closes them all. */
export class BlockFiles {
  /** By what decides them. */
  private readonly open = new Map<string, BlockFile>();
  private warned = false;

  /** @param cache none keeps blocks for this run only */
  constructor(private readonly cache: FeatureCacheOptions | undefined) {}

  /**
   * The file of a block. When another process is writing it, this run goes on with a copy of what is there; when the cache cannot be
   * written, it makes the block for itself.
   *
   * @throws {FungiError} STORAGE_FAILED
   */
  async of(settings: BlockSettings): Promise<BlockFile> {
    const { encoder, embedding = encoder } = this.cache ?? {};
    const key = fingerprint({
      ...{ revision: REVISION, library: LIBRARY_VERSION, settings },
      encoder: settings.block === 'embedding' ? embedding : encoder,
    });
    // Two pools may be one: all rows, and as many shots as there are.
    const known = this.open.get(key);
    if (known !== undefined) return known;
    const file = (await this.shared(key)) ?? (await this.own());
    this.open.set(key, file);
    return file;
  }

  async close(): Promise<void> {
    for (const file of this.open.values()) await file.close();
    this.open.clear();
  }

  private async shared(key: string): Promise<BlockFile | undefined> {
    if (this.cache === undefined) return undefined;
    const { folder, log = silentLogger } = this.cache;
    const path = join(folder, `${key}.blocks`);
    try {
      return await BlockFile.open(path);
    } catch (error) {
      if (FungiError.is(error, 'INDEX_LOCKED')) {
        log.debug(`${error.message}: this run goes on with a copy`);
        return this.own(path);
      }
      if (FungiError.is(error, 'STORAGE_FAILED')) this.warnOnce(log, error);
      else throw error;
      return undefined;
    }
  }

  /** There are several files, and one reason. */
  private warnOnce(log: Logger, { message }: FungiError): void {
    if (!this.warned) log.warn(`features cannot be kept for the next evaluation: ${message}`);
    this.warned = true;
  }

  /**
   * A file that is gone when it is closed, however the process ends: its name is taken away as soon as it is open.
   *
   * @param like a file that is being added to: its copy is cut at the last whole record
   */
  private async own(like?: string): Promise<BlockFile> {
    const folder = await mkdtemp(join(tmpdir(), 'fungi-features-'));
    const path = join(folder, 'blocks');
    if (like !== undefined) {
      await onStorage(`a copy of ${like}`, () => copyFile(like, path, constants.COPYFILE_FICLONE));
    }
    const file = await BlockFile.open(path, { locked: false });
    await rm(folder, { recursive: true, force: true }).catch(() => undefined); // Windows keeps what is open
    return file;
  }
}
