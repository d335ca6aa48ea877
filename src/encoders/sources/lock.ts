/** One process at a time fetches a model; the others wait and then find it in the cache. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FungiError } from '../../core/errors.js';
import { FileLock } from '../../core/file-lock.js';
import { silentLogger } from '../../core/log.js';
import { realEffects, type SourceOptions } from './options.js';

/** A download takes minutes: others need not look more often. */
const POLL_MS = 500;

/**
 * Runs `work` while holding the lock file, however long that has to be waited for. The lock of a holder that is gone is taken
 * over, see {@link FileLock}.
 *
 * @param subject what is fetched, e.g. `model "org/name"`
 * @throws {FungiError} DOWNLOAD_FAILED when `work` failed and another process has taken the lock meanwhile, as after a long sleep of
 *   this machine; STORAGE_FAILED
 */
export async function withLock<T>(
  path: string,
  subject: string,
  options: SourceOptions,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const lock = await acquire(path, subject, options);
  try {
    return await work();
  } catch (error) {
    // Both wrote to one partial file: what went wrong then says nothing by itself.
    if (FungiError.is(error) || (await isHeld(lock))) throw error;
    throw new FungiError('DOWNLOAD_FAILED', `${subject}: another process has taken over the download`, {
      hint: 'Run the same command again: it waits for the other, or goes on from where that ended.',
      details: { path },
      cause: error,
    });
  } finally {
    await lock.release();
  }
}

async function acquire(path: string, subject: string, options: SourceOptions): Promise<FileLock> {
  const sleep = options.effects?.sleep ?? realEffects.sleep;
  for (let waited = false; ; waited = true) {
    try {
      return await FileLock.acquire(path, subject, { waitMs: 0 });
    } catch (error) {
      if (!FungiError.is(error, 'INDEX_LOCKED')) throw error;
      if (!waited) (options.log ?? silentLogger).info(`${error.message}. ${error.hint ?? ''} Waiting for ${path}`);
    }
    await sleep(POLL_MS);
  }
}

async function isHeld(lock: FileLock): Promise<boolean> {
  try {
    await lock.assertHeld();
    return true;
  } catch {
    return false;
  }
}
