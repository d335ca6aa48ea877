import { FungiError } from './errors.js';

/**
 * Refuses a text that no encoder can represent faithfully. NUL, control and zero-width characters are data and pass, alone
 * too; so does any length (the tokenizer truncates, and reports it).
 *
 * @param where names the text in the error, e.g. "row 12" or "query"
 * @throws {FungiError} INVALID_TEXT when it is not a string, is empty or white space alone, or has a lone surrogate
 */
export function assertText(text: unknown, where: string): asserts text is string {
  if (typeof text !== 'string') {
    throw new FungiError('INVALID_TEXT', `${where}: expected a string, got ${text === null ? 'null' : typeof text}`);
  }
  if (text.trim() === '') {
    throw new FungiError('INVALID_TEXT', `${where}: the text is empty`, {
      hint: 'Remove the row, or give it a text that is more than white space.',
    });
  }
  if (!text.isWellFormed()) {
    throw new FungiError(
      'INVALID_TEXT',
      `${where}: the text has a lone UTF-16 surrogate and cannot be stored as UTF-8`,
      {
        hint: 'Repair the encoding at the source, or call text.toWellFormed() to replace it with U+FFFD.',
      },
    );
  }
}
