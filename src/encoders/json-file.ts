/** The JSON files that lie beside a model: read when present, checked by a schema. */
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { FungiError, type ErrorCode } from '../core/errors.js';

/**
 * The file's content, undefined when there is no such file.
 *
 * @param code what kind of error a damaged file is
 * @throws {FungiError} `code` when it is not JSON, or not what the schema takes
 */
export async function readJsonFile<T>(
  path: string,
  schema: z.ZodType<T>,
  code: ErrorCode = 'MODEL_CORRUPT',
): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new FungiError(code, `${path}: cannot be read`, { cause });
  }
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new FungiError(code, `${path}: is not JSON: ${(cause as Error).message}`, {
      hint: "Mend the file, or delete the model's folder and fetch it again.",
      cause,
    });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const where = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
    throw new FungiError(code, `${path}: ${where}${issue.message}`, { cause: parsed.error });
  }
  return parsed.data;
}
