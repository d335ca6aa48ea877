/** What a file system answers, sorted: a refusal is one typed error, whether Node or LanceDB met it; absence is a value. */
import { FungiError } from './errors.js';

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would exceed the file size limit',
  EROFS: 'the file system is read-only',
  EACCES: 'permission is denied',
  EPERM: 'the operation is not permitted',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open on this machine',
  EIO: 'the device reports an input/output error',
};

/** What LanceDB's messages carry in place of Node's codes. */
const OS_ERRORS: Readonly<Record<string, string>> = {
  1: 'EPERM',
  5: 'EIO',
  13: 'EACCES',
  20: 'ENOTDIR',
  23: 'ENFILE',
  24: 'EMFILE',
  27: 'EFBIG',
  28: 'ENOSPC',
  30: 'EROFS',
  122: 'EDQUOT',
};

/** STORAGE_FAILED when `error` is the disk's refusal, otherwise undefined. */
export function asStorageFailure(error: unknown, what: string): FungiError | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  const name = code !== undefined && code in REASONS ? code : OS_ERRORS[/\(os error (\d+)\)/.exec(message)?.[1] ?? ''];
  if (name === undefined) return undefined;
  return new FungiError('STORAGE_FAILED', `${what}: ${REASONS[name]!} (${name})`, {
    hint: 'Make room, or choose a folder this process may write to, and run the same command again.',
    details: { code: name },
    cause: error,
  });
}

/** Does `work`, with the disk's refusals as STORAGE_FAILED. @throws {FungiError} STORAGE_FAILED */
export async function onStorage<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asStorageFailure(error, what) ?? error;
  }
}

/** The result, or undefined when the file or folder does not exist. */
export async function unlessMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
