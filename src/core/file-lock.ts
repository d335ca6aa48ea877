/** A lock between processes: a file that names its holder, and outlives neither the holder nor its crash. */
import { randomUUID } from 'node:crypto';
import { link, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { FungiError } from './errors.js';
import { identitySchema, isRunning, ownIdentity } from './process-identity.js';
import { onStorage, unlessMissing } from './storage-failure.js';

const holderSchema = identitySchema.extend({ token: z.string(), since: z.string() });
type Holder = z.infer<typeof holderSchema>;

export interface LockOptions {
  /** How long to wait for a live holder. @default 2000 */
  readonly waitMs?: number;
}

const POLL_MS = 20;
/** A holder writes to its lock this often. */
const HEARTBEAT_MS = 10_000;
/**
 * A holder that cannot be judged by its pid is given up after so long without a write. Network volumes may show a file as it was up
 * to a minute ago.
 */
const ABANDONED_MS = 120_000;
/** Evicting takes milliseconds; a marker this old is that of a process that died at it. */
const EVICTION_MS = 10_000;

export class FileLock {
  private heartbeat: NodeJS.Timeout | undefined;

  private constructor(
    private readonly path: string,
    private readonly subject: string,
    private readonly token: string,
  ) {}

  /**
   * Takes the lock at `path`. The lock of a process that died is taken over at once. One of another machine or container cannot be
   * judged by its pid: it is taken over when its holder has not written to it for two minutes. That is told by comparing it with a
   * file written now, both dated by the volume, so that the clocks of the two machines do not matter; where a volume leaves dates to
   * the machines, as some FUSE file systems do, they must not be two minutes apart.
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
        if (holder === undefined) continue; // released just now
        if ((await isAbandoned(path, holder)) && (await lock.evict(holder))) continue;
        if (performance.now() >= deadline) throw locked(subject, path, holder);
        await sleep(POLL_MS * (0.5 + Math.random()));
      }
    });
  }

  /** Called before what cannot be undone. @throws {FungiError} INDEX_LOCKED when another process holds the lock by now */
  async assertHeld(): Promise<void> {
    const holder = await readHolder(this.path);
    if (tokenOf(holder) !== this.token) throw locked(this.subject, this.path, holder);
  }

  async release(): Promise<void> {
    clearInterval(this.heartbeat);
    if (tokenOf(await readHolder(this.path)) === this.token) await rm(this.path, { force: true });
  }

  /** Links a complete file into place: whoever reads the lock never sees half of it. */
  private async create(): Promise<boolean> {
    const holder: Holder = { ...ownIdentity(), token: this.token, since: new Date().toISOString() };
    const temporary = `${this.path}.${this.token}`;
    await writeFile(temporary, JSON.stringify(holder), { flag: 'wx' });
    try {
      await link(temporary, this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      await rm(temporary, { force: true });
    }
    this.heartbeat = setInterval(() => {
      beats = beats.then(() => beat(this.path, this.token));
    }, HEARTBEAT_MS).unref();
    return true;
  }

  /**
   * Removes the lock of a holder that was judged dead, unless it is another's by now. Only while holding a marker: of two processes
   * that judged the same lock, the slower one would remove the new lock of the faster one.
   *
   * @returns false when another process is at it
   */
  private async evict(dead: Found): Promise<boolean> {
    const marker = `${this.path}.evicting`;
    try {
      await writeFile(marker, this.token, { flag: 'wx' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if ((await ageOf(marker)) > EVICTION_MS) await rm(marker, { force: true });
      return false;
    }
    try {
      if (tokenOf(await readHolder(this.path)) === tokenOf(dead)) await rm(this.path, { force: true });
    } finally {
      await rm(marker, { force: true });
    }
    return true;
  }
}

type Found = Holder | 'damaged' | undefined;

/** Damaged when no process of ours can have written it: our locks appear complete. */
async function readHolder(path: string): Promise<Found> {
  const text = await unlessMissing(readFile(path, 'utf8'));
  return text === undefined ? undefined : parseHolder(text);
}

function parseHolder(text: string): Holder | 'damaged' {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return 'damaged';
  }
}

const tokenOf = (found: Found): string | undefined => (typeof found === 'object' ? found.token : found);

async function isAbandoned(path: string, holder: Holder | 'damaged'): Promise<boolean> {
  if (holder === 'damaged') return true;
  const running = isRunning(holder);
  return running === undefined ? (await ageOf(path)) > ABANDONED_MS : !running;
}

/** Heartbeats wait for one another: a process that holds hundreds of locks has one of their files open at a time, not hundreds. */
let beats = Promise.resolve();

/**
 * Writes the first byte again. Setting the time instead would set it by this machine's clock. Token and byte go through one open file, so
 * that a lock which took this one's place is not touched.
 */
async function beat(path: string, token: string): Promise<void> {
  try {
    const file = await open(path, 'r+');
    try {
      if (tokenOf(parseHolder(await file.readFile('utf8'))) !== token) return;
      await file.write('{', 0);
      await file.datasync();
    } finally {
      await file.close();
    }
  } catch {
    // The next one may succeed; who goes on without any asks assertHeld.
  }
}

/** Milliseconds since a file was written, by the clock of its volume; none for one that is gone. */
async function ageOf(path: string): Promise<number> {
  const found = await unlessMissing(stat(path));
  if (found === undefined) return 0;
  const probe = `${path}.${randomUUID()}`;
  try {
    await writeFile(probe, ' ');
    return (await stat(probe)).mtimeMs - found.mtimeMs;
  } finally {
    await rm(probe, { force: true });
  }
}

function locked(subject: string, path: string, found: Found): FungiError {
  const holder = typeof found === 'object' ? found : undefined;
  const who = holder && `process ${holder.pid} on ${holder.host} since ${holder.since}`;
  const isElsewhere = holder !== undefined && isRunning(holder) === undefined;
  return new FungiError('INDEX_LOCKED', `${subject} is being written by ${who ?? 'another process'}`, {
    hint: isElsewhere
      ? `Wait until it has finished; if that machine or container is gone, try again in two minutes, or delete ${path}.`
      : 'Wait until it has finished, or stop it, and try again.',
    details: { ...holder, path },
  });
}
