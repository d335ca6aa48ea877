/** Relative paths that come from outside (an archive, a hub's listing, a model's own files) and end up on this disk. */

/**
 * Whether `path` can only mean a file below the folder it is joined to: slashes between parts that are neither empty, `.` nor `..`,
 * and no backslash or NUL; on Windows, where a colon ends the name of a drive or begins that of a stream, none of these either.
 */
export function isPlainPath(path: string, platform: NodeJS.Platform = process.platform): boolean {
  // NUL ends a path in the system's own calls.
  const special = platform === 'win32' ? ['\\', '\0', ':'] : ['\\', '\0'];
  return (
    !special.some((character) => path.includes(character)) &&
    path.split('/').every((part) => !['', '.', '..'].includes(part))
  );
}
