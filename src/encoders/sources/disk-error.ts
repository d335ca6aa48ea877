/** Failures of the disk, as against those of what is written or fetched. */
const CODES = new Set(['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'EMFILE', 'ENFILE', 'EIO', 'ENOTDIR']);

export function isDiskError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && CODES.has((error as NodeJS.ErrnoException).code ?? '');
}
