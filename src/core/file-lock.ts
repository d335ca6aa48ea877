/** A lock between processes: a file that names its holder, and outlives neither the holder nor its crash. */
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { FungiError } from './errors.js';
import { onStorage, unlessMissing } from './storage-failure.js';

const holderSchema = z.object({
  token: z.string(),
  pid: z.int().positive(),
  host: z.string(),
  /** Clock ticks from boot to the process's start, where /proc tells: the pid alone may be another process's by now. */
  started: z.string().nullable(),
  since: z.string(),
});
type Holder = z.infer<typeof holderSchema>;

export interface LockOptions {
  /** How long to wait for a live holder. @default 2000 */
  readonly waitMs?: number;
}

const POLL_MS = 20;

export class FileLock {
  private constructor(
    private readonly path: string,
    private readonly subject: string,
    private readonly token: string,
  ) {}

  /**
   * Takes the lock at `path`. The lock of a process that died is taken over; one held on another machine cannot be judged and
   * counts as live.
   *
   * @param subject what is locked, for the error, e.g. `index "bank"`
   * @throws {FungiError} INDEX_LOCKED when it is still held after the wait; STORAGE_FAILED
   */
  static async acquire(path: string, subject: string, { waitMs = 2000 }: LockOptions = {}): Promise<FileLock> {
    const deadline = performance.now() + waitMs;
    const lock = new FileLock(path, subject, randomUUID());
    return onStorage(`locking ${subject}`, async () => {
      for (;;) {
        if (await lock.create()) return lock;
        const holder = await readHolder(path);
        if (holder === 'damaged' || (holder !== undefined && !isLive(holder))) await lock.evict(holder);
        else if (performance.now() >= deadline) throw locked(subject, path, holder);
        else await sleep(POLL_MS * (0.5 + Math.random()));
      }
    });
  }

  /** Called before what cannot be undone. @throws {FungiError} INDEX_LOCKED when another process holds the lock by now */
  async assertHeld(): Promise<void> {
    const holder = await readHolder(this.path);
    if (tokenOf(holder) !== this.token) throw locked(this.subject, this.path, holder);
  }

  async release(): Promise<void> {
    if (tokenOf(await readHolder(this.path)) === this.token) await rm(this.path, { force: true });
  }

  /** Links a complete file into place: whoever reads the lock never sees half of it. */
  private async create(): Promise<boolean> {
    const holder: Holder = {
      token: this.token,
      pid: process.pid,
      host: hostname(),
      started: processState(process.pid)?.started ?? null,
      since: new Date().toISOString(),
    };
    const temporary = `${this.path}.${this.token}`;
    try {
      await writeFile(temporary, JSON.stringify(holder));
      await link(temporary, this.path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** Moves the dead lock aside. Two processes may both have judged it dead: only the judged one is dropped. */
  private async evict(dead: Found): Promise<void> {
    const aside = `${this.path}.${this.token}.dead`;
    if ((await unlessMissing(rename(this.path, aside).then(() => true))) === undefined) return;
    try {
      if (tokenOf(await readHolder(aside)) !== tokenOf(dead)) await link(aside, this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await rm(aside, { force: true });
    }
  }
}

type Found = Holder | 'damaged' | undefined;

/** Damaged when no process of ours can have written it: our locks appear complete. */
async function readHolder(path: string): Promise<Found> {
  const text = await unlessMissing(readFile(path, 'utf8'));
  if (text === undefined) return undefined;
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return 'damaged';
  }
}

const tokenOf = (found: Found): string | undefined => (typeof found === 'object' ? found.token : found);

function isLive({ host, pid, started }: Holder): boolean {
  if (host !== hostname()) return true;
  const state = processState(pid);
  if (state !== undefined) return !state.zombie && (started === null || state.started === started);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** From /proc/<pid>/stat (proc(5): the fields after the parenthesised name are state … and, 19 further, starttime). */
function processState(pid: number): { zombie: boolean; started: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { zombie: fields[0] === 'Z' || fields[0] === 'X', started: fields[19]! };
  } catch {
    return undefined;
  }
}

function locked(subject: string, path: string, found: Found): FungiError {
  const holder = typeof found === 'object' ? found : undefined;
  const who = holder && `process ${holder.pid} on ${holder.host} since ${holder.since}`;
  const isElsewhere = holder !== undefined && holder.host !== hostname();
  return new FungiError('INDEX_LOCKED', `${subject} is being written by ${who ?? 'another process'}`, {
    hint: isElsewhere
      ? `Wait until it has finished; if that machine is gone, delete ${path}.`
      : 'Wait until it has finished, or stop it, and try again.',
    details: { ...holder, path },
  });
}
