/** What classes are called: a JSON list, by the value of their pixels. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { FungiError } from '../../core/errors.js';

const schema = z
  .array(z.string().min(1))
  .min(1)
  .max(256)
  .refine((names) => new Set(names).size === names.length);

/**
 * @param paths of which the first that is there is read
 * @throws {FungiError} FILE_NOT_FOUND where none is; INVALID_DATA for what is no list of 1 to 256 different names
 */
export async function readClassNames(paths: readonly string[]): Promise<string[]> {
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch((cause: unknown) => {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new FungiError('FILE_NOT_FOUND', `${path}: cannot be read (${(cause as Error).message})`, { cause });
    });
    if (text !== undefined) return parsed(path, text);
  }
  throw new FungiError(
    'FILE_NOT_FOUND',
    `no names of classes: ${paths.join(' and ')} ${paths.length > 1 ? 'are' : 'is'} missing`,
    {
      hint: 'Write them as a JSON list, by the value of their pixels: ["sky", "road"], and name the file with --classes.',
    },
  );
}

function parsed(path: string, text: string): string[] {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new FungiError('INVALID_DATA', `${path}: is no JSON list of 1 to 256 different names of classes`, {
      hint: 'By the value of their pixels: ["sky", "road"].',
      cause,
    });
  }
}
