/** Relative paths that come from outside (an archive, a hub's listing, a model's own files) and end up on this disk. */

/**
 * Whether `path` can only mean a file below the folder it is joined to, on every system: slashes between parts that are neither
 * empty, `.` nor `..`, and no backslash, colon or NUL.
 */
export const isPlainPath = (path: string): boolean =>
  // eslint-disable-next-line no-control-regex -- NUL ends a path in the system's own calls
  path.split('/').every((part) => !['', '.', '..'].includes(part) && !/[\\:\u0000]/.test(part));
