import { FungiError } from './errors.js';

/**
 * Refuses a text that no encoder can represent faithfully. NUL, control and zero-width characters are data and pass, alone
 * too; so does any length (the tokenizer truncates, and reports it).
 *
 * @param where names the text in the error, e.g. "row 12" or "query"
 * @param what is it called there
 * @throws {FungiError} INVALID_TEXT when it is not a string, is empty or white space alone, or has a lone surrogate
 */
export function assertText(text: unknown, where: string, what: 'text' | 'label' = 'text'): asserts text is string {
  if (typeof text !== 'string') {
    throw new FungiError('INVALID_TEXT', `${where}: expected a string, got ${text === null ? 'null' : typeof text}`, {
      hint: `Write it in quotes, or name the key that holds the ${what}.`,
    });
  }
  if (text.trim() === '') {
    throw new FungiError('INVALID_TEXT', `${where}: the ${what} is empty`, {
      hint: `Give a ${what} that is more than white space; a row without one has to go.`,
    });
  }
  if (!text.isWellFormed()) {
    throw new FungiError(
      'INVALID_TEXT',
      `${where}: the ${what} has a lone UTF-16 surrogate and cannot be stored as UTF-8`,
      {
        hint: 'Repair the encoding at the source, or put U+FFFD in its place (in JavaScript: text.toWellFormed()).',
      },
    );
  }
}

/** Lower case, every run of whitespace one space, none at the ends. */
export function normaliseText(text: string): string {
  return text.toLowerCase().replace(/\s+/gu, ' ').trim();
}
