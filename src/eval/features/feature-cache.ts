/** Where feature blocks are kept: in the cache, under all that decides them, or in a folder that is gone afterwards. */
import { join } from 'node:path';
import { FungiError } from '../../core/errors.js';
import { fingerprint, type Json } from '../../core/fingerprint.js';
import type { Item } from '../../core/item.js';
import { silentLogger, type Logger } from '../../core/log.js';
import { LIBRARY_VERSION } from '../../core/version.js';
import { unlessMissing } from '../../core/storage-failure.js';
import { ScratchBytes } from './block-bytes.js';
import { BlockFile, type BlockSubject } from './block-file.js';
import type { LossName } from './feature-sets.js';
import { noteUse } from './kept-features.js';

/** Raised when the same settings give other features than before, between two versions of the library. */
const REVISION = 2;

export interface FeatureCacheOptions {
  /** Made when absent. */
  readonly folder: string;
  /** All that tells encoders and their engines apart. */
  readonly encoder: Json;
  /** The same for the embedding, which no target layer changes. @default encoder */
  readonly embedding?: Json | undefined;
  /** What people call the encoder, for a list of what is kept. */
  readonly encoderName?: string | undefined;
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
  /** Where the blocks are that the cache does not take. */
  private scratch: ScratchBytes | undefined;
  private warned = false;

  /**
   * @param cache none keeps blocks for this run only
   * @param keyOf what an item's block is found by. @default the item itself
   */
  constructor(
    private readonly cache: FeatureCacheOptions | undefined,
    private readonly keyOf?: (item: Item) => string,
  ) {}

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
    const file = (await this.shared(key, settings)) ?? (await this.own(settings));
    this.open.set(key, file);
    return file;
  }

  async close(): Promise<void> {
    for (const file of this.open.values()) await file.close();
    this.open.clear();
    await this.scratch?.close();
    this.scratch = undefined;
  }

  private async shared(key: string, settings: BlockSettings): Promise<BlockFile | undefined> {
    if (this.cache === undefined) return undefined;
    const { folder, encoderName, log = silentLogger } = this.cache;
    const path = join(folder, `${key}.blocks`);
    try {
      const file = await BlockFile.open(path, this.subject(settings));
      await noteUse(path, { encoder: encoderName ?? null, block: settings.block, seed: seedOf(settings) });
      return file;
    } catch (error) {
      if (FungiError.is(error, 'INDEX_LOCKED')) {
        log.info(`${error.message}: this run goes on with a copy, and what it makes is not kept`);
        await this.opened();
        return unlessMissing(this.own(settings, path));
      }
      if (FungiError.is(error, 'STORAGE_FAILED')) this.warnOnce(log, error);
      else throw error;
      return undefined;
    }
  }

  private subject(settings: BlockSettings): BlockSubject {
    const { keyOf } = this;
    return { what: blocksOf(settings), ...(keyOf && { keyOf }) };
  }

  /** There are several files, and one reason. */
  private warnOnce(log: Logger, { message }: FungiError): void {
    if (!this.warned) log.warn(`features cannot be kept for the next evaluation: ${message}`);
    this.warned = true;
  }

  private async opened(): Promise<ScratchBytes> {
    return (this.scratch ??= await ScratchBytes.open());
  }

  /** @param like a file that is being added to: its copy is cut at the last whole record */
  private async own(settings: BlockSettings, like?: string): Promise<BlockFile> {
    return BlockFile.within(await this.opened(), this.subject(settings), like);
  }
}

/** In words, for people. */
const blocksOf = (settings: BlockSettings): string =>
  settings.block === 'embedding' ? 'embeddings' : `${settings.block} gradients (seed ${seedOf(settings) ?? '?'})`;

function seedOf({ spec }: BlockSettings): number | null {
  const seed = (spec as { readonly seed?: Json } | undefined)?.seed;
  return typeof seed === 'number' ? seed : null;
}
