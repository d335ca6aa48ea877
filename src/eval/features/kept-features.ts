/**
 * What the feature cache holds, and clearing it. Beside each file of blocks lies a note of what they are, for people: the file's name is
 * a digest. The note's date is that of the last use.
 */
import { readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFileWith } from '../../core/atomic-file.js';
import { FungiError } from '../../core/errors.js';
import { onStorage, unlessMissing } from '../../core/storage-failure.js';
import { lockBlocks } from './block-bytes.js';
import { countBlocks } from './block-file.js';

const noteSchema = z.object({ encoder: z.string().nullable(), block: z.string(), seed: z.number().nullable() });
type Note = z.infer<typeof noteSchema>;

/** One file of the cache. */
export interface KeptFeatures {
  /** Its name in the folder. */
  readonly file: string;
  /** Null where it is not known: the file is of an earlier version, and has not been used since. */
  readonly encoder: string | null;
  /** "embedding", or the loss; null as for the encoder. */
  readonly block: string | null;
  /** Of a gradient's head, views and projection. */
  readonly seed: number | null;
  readonly texts: number;
  readonly bytes: number;
  readonly lastUsed: Date;
}

const BLOCKS = '.blocks';
const noteOf = (path: string): string => path.replace(/\.blocks$/, '.json');

/** Notes that a file is used now, by its holder. A note is not worth a run: where it cannot be written there is none. */
export async function noteUse(path: string, note: Note): Promise<void> {
  const now = new Date();
  await replaceFileWith(noteOf(path), JSON.stringify(note))
    .then(() => utimes(noteOf(path), now, now))
    .catch(() => undefined);
}

/**
 * The files of a cache, the one used last first; none where there is no folder.
 *
 * @throws {FungiError} STORAGE_FAILED
 */
export async function listKept(folder: string): Promise<KeptFeatures[]> {
  return onStorage(`the feature cache ${folder}`, async () => {
    const entries = (await unlessMissing(readdir(folder, { withFileTypes: true }))) ?? [];
    const all: KeptFeatures[] = [];
    for (const { name: file } of entries.filter((entry) => entry.isFile() && entry.name.endsWith(BLOCKS))) {
      // Another process may be clearing the cache.
      const found = await unlessMissing(describe(folder, file));
      if (found !== undefined) all.push(found);
    }
    return all.sort((a, b) => b.lastUsed.getTime() - a.lastUsed.getTime() || (a.file < b.file ? -1 : 1));
  });
}

async function describe(folder: string, file: string): Promise<KeptFeatures> {
  const path = join(folder, file);
  const { size } = await stat(path);
  const lastUsed = await lastUse(path);
  const note = await readNote(noteOf(path));
  return { file, ...note, texts: await countBlocks(path, size), bytes: size, lastUsed };
}

async function readNote(path: string): Promise<Note | Record<keyof Note, null>> {
  const text = await unlessMissing(readFile(path, 'utf8'));
  try {
    return noteSchema.parse(JSON.parse(text ?? ''));
  } catch {
    return { encoder: null, block: null, seed: null };
  }
}

export interface Cleared {
  readonly removed: readonly KeptFeatures[];
  /** Left, because an evaluation uses them. */
  readonly inUse: readonly KeptFeatures[];
  /** Left, because the disk refused. */
  readonly failed: readonly { readonly kept: KeptFeatures; readonly error: FungiError }[];
}

/**
 * Removes what was not used for so many milliseconds; 0 removes all. What an evaluation is using is left, file by file under its lock.
 * One that the disk does not let go does not keep the others.
 *
 * @throws {FungiError} STORAGE_FAILED where the folder cannot be read: then nothing was removed
 */
export async function clearKept(folder: string, unusedMs: number): Promise<Cleared> {
  const removed: KeptFeatures[] = [];
  const inUse: KeptFeatures[] = [];
  const failed: Cleared['failed'][number][] = [];
  for (const kept of await listKept(folder)) {
    if (isYoung(kept.lastUsed, unusedMs)) continue;
    try {
      const outcome = await remove(join(folder, kept.file), unusedMs);
      if (outcome === 'removed') removed.push(kept);
      if (outcome === 'in use') inUse.push(kept);
    } catch (error) {
      if (!FungiError.is(error)) throw error;
      failed.push({ kept, error });
    }
  }
  return { removed, inUse, failed };
}

/** By the clock of the volume, a file made just now may be of the future. */
const isYoung = (lastUsed: Date, unusedMs: number): boolean =>
  unusedMs > 0 && Date.now() - lastUsed.getTime() < unusedMs;

/** What came of it: it may have been used since it was listed. */
async function remove(path: string, unusedMs: number): Promise<'removed' | 'in use' | 'used since'> {
  try {
    const lock = await lockBlocks(path);
    try {
      return await onStorage(`removing ${path}`, async () => {
        const used = await unlessMissing(lastUse(path));
        if (used !== undefined && isYoung(used, unusedMs)) return 'used since';
        await rm(noteOf(path), { force: true });
        await rm(path, { force: true });
        return 'removed';
      });
    } finally {
      await lock.release();
    }
  } catch (error) {
    if (FungiError.is(error, 'INDEX_LOCKED')) return 'in use';
    throw error;
  }
}

/** When a file was last noted or added to. */
async function lastUse(path: string): Promise<Date> {
  const { mtimeMs } = await stat(path);
  const noted = await unlessMissing(stat(noteOf(path)));
  return new Date(Math.max(mtimeMs, noted?.mtimeMs ?? 0));
}
