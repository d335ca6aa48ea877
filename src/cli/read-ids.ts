/** Ids of examples as a command line names them. */
import { FungiError } from '../core/errors.js';
import { utf8Lines } from '../eval/data/utf8-file.js';

export interface IdFlags {
  readonly ids?: string;
  readonly idsFile?: string;
}

/**
 * In a list or in a file of lines; spaces around an id of the list are none of it, lines are ids to the letter, and empty ones none.
 *
 * @throws {FungiError} INVALID_ARGUMENT unless one of the two is given, and for no ids; FILE_NOT_FOUND; INVALID_DATA for a file that is not UTF-8
 */
export async function readIds({ ids: list, idsFile: file }: IdFlags): Promise<readonly string[]> {
  if ((list === undefined) === (file === undefined)) {
    throw new FungiError('INVALID_ARGUMENT', 'either --ids or --ids-file is needed, and not both', {
      hint: 'Name ids with --ids a,b, or a file with an id a line with --ids-file.',
    });
  }
  const ids = file === undefined ? list!.split(',').map((id) => id.trim()) : await linesOf(file);
  const found = ids.filter((id) => id !== '');
  if (found.length > 0) return found;
  throw new FungiError('INVALID_ARGUMENT', `${file ?? '--ids'}: there are no ids`, {
    hint: file === undefined ? 'Separate ids by commas.' : 'Write an id a line.',
  });
}

async function linesOf(file: string): Promise<string[]> {
  const lines: string[] = [];
  try {
    for await (const { text } of utf8Lines(file)) lines.push(text);
    return lines;
  } catch (error) {
    if (!FungiError.is(error, 'FILE_NOT_FOUND')) throw error;
    const { message, details } = error;
    throw new FungiError('FILE_NOT_FOUND', message, {
      hint: 'Name a file with an id a line.',
      details,
      cause: error.cause,
    });
  }
}
