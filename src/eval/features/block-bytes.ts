/** Where the records of feature blocks are: each block in a file of the cache, or all of a run in one file that is gone afterwards. */
import { mkdir, mkdtemp, open, rm, truncate, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FungiError } from '../../core/errors.js';
import { FileLock } from '../../core/file-lock.js';
import { asStorageFailure, onStorage } from '../../core/storage-failure.js';

/** Fills the buffer from a position on; gives how many bytes there were. */
export type ReadAt = (bytes: Buffer, position: number) => Promise<number>;

/** Bytes that are only ever added to. */
export interface BlockBytes {
  /** @throws {FungiError} STORAGE_FAILED */
  reading<T>(work: (read: ReadAt) => Promise<T>): Promise<T>;
  /**
   * Puts all of the bytes behind what is there.
   *
   * @param what names them in the error
   * @returns their position
   * @throws {FungiError} STORAGE_FAILED; what was there before stays
   */
  append(bytes: Buffer, what: string): Promise<number>;
}

/** A file of the cache, this process's alone. It is open only while it is read or written: a run may have hundreds of them. */
export class KeptBytes implements BlockBytes {
  private constructor(
    readonly path: string,
    private readonly lock: FileLock,
    private end: number,
  ) {}

  /**
   * Opens or makes the file.
   *
   * @throws {FungiError} INDEX_LOCKED when another process has it; STORAGE_FAILED
   */
  static async open(path: string): Promise<KeptBytes> {
    return onStorage(`features in ${path}`, async () => {
      await makeFolder(dirname(path));
      const lock = await lockBlocks(path, WAIT_MS);
      try {
        const { size } = await withFile(path, 'a', (file) => file.stat());
        return new KeptBytes(path, lock, size);
      } catch (error) {
        await lock.release();
        throw error;
      }
    });
  }

  get size(): number {
    return this.end;
  }

  async reading<T>(work: (read: ReadAt) => Promise<T>): Promise<T> {
    return onStorage(`features in ${this.path}`, () =>
      this.inPlace('r', (file) => work((...place) => readAll(file, ...place))),
    );
  }

  async append(bytes: Buffer, what: string): Promise<number> {
    const at = this.end;
    try {
      await this.inPlace('r+', (file) => writeAll(file, bytes, at));
    } catch (cause) {
      const folder = dirname(this.path);
      throw refused(cause, `${what} cannot be written to the feature cache ${folder}`, {
        hint: 'Once there is room, or what else it lacks, the same command goes on from here: what was made before is kept.',
        folder,
      });
    }
    this.end = at + bytes.length;
    return at;
  }

  async truncate(size: number): Promise<void> {
    await onStorage(`features in ${this.path}`, () => truncate(this.path, size));
    this.end = size;
  }

  async close(): Promise<void> {
    await this.lock.release();
  }

  /** Works on the file while it is this run's: of one made anew under its name, what is known here would be wrong. */
  private async inPlace<T>(flags: 'r' | 'r+', work: (file: FileHandle) => Promise<T>): Promise<T> {
    try {
      await this.lock.assertHeld();
      return await withFile(this.path, flags, work);
    } catch (cause) {
      const gone = (cause as NodeJS.ErrnoException).code === 'ENOENT' || FungiError.is(cause, 'INDEX_LOCKED');
      throw gone ? this.removed(cause) : cause;
    }
  }

  private removed(cause?: unknown): FungiError {
    return new FungiError(
      'STORAGE_FAILED',
      `${this.path} was removed, or taken over by another run, while this run used it`,
      {
        hint: 'Run the same command again: it makes what is missing. `fungi cache clear` leaves files in use alone.',
        cause,
      },
    );
  }
}

/** A run waits so long for a file that is being cleared; one that another run has takes hours. */
const WAIT_MS = 500;

/** One file for all blocks of a run. Its name is taken away at once: it is gone however the process ends. */
export class ScratchBytes implements BlockBytes {
  private end = 0;

  private constructor(
    private readonly folder: string,
    private readonly file: FileHandle,
  ) {}

  /** @throws {FungiError} STORAGE_FAILED */
  static async open(): Promise<ScratchBytes> {
    return onStorage(`features in ${tmpdir()}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'fungi-features-')).catch((cause: unknown) => {
        if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
        throw new FungiError('STORAGE_FAILED', `${tmpdir()}: there is no such folder for features of this run`, {
          hint: 'Make it, or name another one by TMPDIR.',
          cause,
        });
      });
      const file = await open(join(folder, 'blocks'), 'wx+');
      await rm(folder, { recursive: true, force: true }).catch(() => undefined); // Windows keeps what is open
      return new ScratchBytes(folder, file);
    });
  }

  async reading<T>(work: (read: ReadAt) => Promise<T>): Promise<T> {
    return onStorage(`features in ${this.folder}`, () => work((...place) => readAll(this.file, ...place)));
  }

  async append(bytes: Buffer, what: string): Promise<number> {
    const at = this.end;
    try {
      await writeAll(this.file, bytes, at);
    } catch (cause) {
      const folder = dirname(this.folder);
      throw refused(cause, `${what} cannot be written to ${folder}`, {
        hint: 'Make room there, or name another folder by TMPDIR. Of features outside the cache nothing is kept after a run.',
        folder,
      });
    }
    this.end = at + bytes.length;
    return at;
  }

  async close(): Promise<void> {
    await this.file.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The lock of a file of blocks. @throws {FungiError} INDEX_LOCKED when another process has it; STORAGE_FAILED */
export const lockBlocks = (path: string, waitMs = 0): Promise<FileLock> =>
  FileLock.acquire(`${path}.lock`, `feature cache ${path}`, { waitMs });

/** Reads a file, which is open for that long. */
export const readingFile = <T>(path: string, work: (read: ReadAt) => Promise<T>): Promise<T> =>
  withFile(path, 'r', (file) => work((...place) => readAll(file, ...place)));

async function withFile<T>(path: string, flags: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

async function readAll(file: FileHandle, bytes: Buffer, position: number): Promise<number> {
  for (let at = 0; at < bytes.length;) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, position + at);
    if (bytesRead === 0) return at;
    at += bytesRead;
  }
  return bytes.length;
}

/** All of it: a system may take less than it was given, and say so only by the count. */
async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}

/** The disk's refusal in the words of the run that it ends; other errors as they are. */
function refused(error: unknown, what: string, { hint, folder }: Record<'hint' | 'folder', string>): unknown {
  const failure = asStorageFailure(error, what);
  if (failure === undefined) return error;
  const details = { ...failure.details, folder };
  return new FungiError(failure.code, failure.message, { hint, details, cause: error });
}

/** @throws {FungiError} STORAGE_FAILED also where a file, or a link to nothing, has the folder's name */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'EEXIST' && code !== 'ENOENT') throw cause;
    throw new FungiError('STORAGE_FAILED', `${folder} cannot be made: ${message}`, {
      hint: 'Remove what is there in its place, or name another cache folder (FUNGI_CACHE).',
      cause,
    });
  }
}
