/** Where feature blocks are kept: in the cache, under all that decides them, or in a folder that is gone afterwards. */
import { constants, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FungiError } from '../../core/errors.js';
import { fingerprint, type Json } from '../../core/fingerprint.js';
import { silentLogger, type Logger } from '../../core/log.js';
import { onStorage } from '../../core/storage-failure.js';
import { BlockFile } from './block-file.js';
import type { LossName } from './feature-sets.js';

/** Raised whenever the same settings give other features than before. */
const REVISION = 1;

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
  private readonly open = new Set<BlockFile>();
  private scratch: string | undefined;
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
    const file = (await this.shared(settings)) ?? (await this.own());
    this.open.add(file);
    return file;
  }

  async close(): Promise<void> {
    for (const file of this.open) await file.close();
    this.open.clear();
    if (this.scratch !== undefined) await rm(this.scratch, { recursive: true, force: true });
    this.scratch = undefined;
  }

  private async shared(settings: BlockSettings): Promise<BlockFile | undefined> {
    if (this.cache === undefined) return undefined;
    const { folder, log = silentLogger, embedding = this.cache.encoder } = this.cache;
    const encoder = settings.block === 'embedding' ? embedding : this.cache.encoder;
    const path = join(folder, `${fingerprint({ revision: REVISION, encoder, settings })}.blocks`);
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

  /** @param like a file that is being added to: its copy is cut at the last whole record */
  private async own(like?: string): Promise<BlockFile> {
    this.scratch ??= await mkdtemp(join(tmpdir(), 'fungi-features-'));
    const path = join(this.scratch, String(this.open.size));
    if (like !== undefined)
      await onStorage(`a copy of ${like}`, () => copyFile(like, path, constants.COPYFILE_FICLONE));
    return BlockFile.open(path, { locked: false });
  }
}
