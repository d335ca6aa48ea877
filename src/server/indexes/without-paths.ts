/** Errors as clients may have them: where files lie on the server is for its log. */
import { resolve, sep } from 'node:path';
import { FungiError, type ErrorCode } from '../../core/errors.js';

/** Besides all of 5xx, these speak of files of the server; the others of what the client sent, which may look like a path. */
const OF_FILES: ReadonlySet<ErrorCode> = new Set([
  ...(['INDEX_NOT_FOUND', 'INDEX_EXISTS', 'INDEX_MISMATCH', 'INDEX_LOCKED', 'FILE_NOT_FOUND'] as const),
  ...(['MODEL_NOT_FOUND', 'MODEL_UNSUPPORTED', 'OP_UNSUPPORTED', 'TARGET_NOT_FOUND', 'TOKENIZER_INVALID'] as const),
]);

/** An absolute path of at least two parts; its last part is kept. */
const ABSOLUTE = /(?<![\w.:/\\])(?:[A-Za-z]:[\\/]|\/)(?:[^\s"'()\\/:;,]+[\\/])+([^\s"'()\\/:;,]*)/g;

/**
 * The same error, its message and hint without the folders of the server, and the one that it was as its cause.
 *
 * @param folders what lies below one of them keeps its path from there on
 */
export function withoutPaths(error: unknown, folders: readonly string[]): unknown {
  if (!FungiError.is(error) || !(error.httpStatus >= 500 || OF_FILES.has(error.code))) return error;
  const prefixes = folders
    .flatMap((folder) => [resolve(folder), folder])
    .map((folder) => (folder.endsWith(sep) ? folder : folder + sep))
    .sort((a, b) => b.length - a.length);
  const clean = (text: string): string => {
    const relative = prefixes.reduce((rest, prefix) => rest.replaceAll(prefix, ''), text);
    return relative.replace(ABSOLUTE, (_, last: string) => last);
  };
  const { code, message, hint, details } = error;
  const said = { message: clean(message), hint: hint === undefined ? undefined : clean(hint) };
  if (said.message === message && said.hint === hint) return error;
  return new FungiError(code, said.message, {
    ...(said.hint !== undefined && { hint: said.hint }),
    ...{ details, cause: error },
  });
}
