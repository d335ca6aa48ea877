/** One process at a time fetches a model; the others wait and then find it in the cache. */
import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { silentLogger } from '../../core/log.js';
import { realEffects, type SourceOptions } from './options.js';

const POLL_MS = 500;
/** The holder touches its lock this often; one left alone for much longer belongs to nobody. */
const HEARTBEAT_MS = 5_000;
const ABANDONED_MS = 30_000;

/** Runs `work` while holding the lock file; a lock whose holder is gone is taken over. */
export async function withLock<T>(path: string, options: SourceOptions, work: () => Promise<T>): Promise<T> {
  const sleep = options.effects?.sleep ?? realEffects.sleep;
  await mkdir(dirname(path), { recursive: true });
  for (let waited = false; !(await take(path)); waited = true) {
    if (await isAbandoned(path)) {
      await rm(path, { force: true });
      continue;
    }
    if (!waited) (options.log ?? silentLogger).info(`another process is fetching the same model: waiting for ${path}`);
    await sleep(POLL_MS);
  }
  const heartbeat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await rm(path, { force: true });
  }
}

async function take(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** By its process, which saves waiting after a crash; by its age, since another machine or container may use the same number. */
async function isAbandoned(path: string): Promise<boolean> {
  try {
    const pid = Number(await readFile(path, 'utf8'));
    if (pid > 0 && !isAlive(pid)) return true;
    return Date.now() - (await stat(path)).mtimeMs > ABANDONED_MS;
  } catch {
    return false; // released just now
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
