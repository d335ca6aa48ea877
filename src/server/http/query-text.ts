/** The part of an address behind its question mark. */
import { FungiError } from '../../core/errors.js';

/**
 * Each parameter's value, or its values where it is given more than once; schemas that want one then refuse it.
 *
 * @throws {FungiError} INVALID_REQUEST for escapes that are not UTF-8: read loosely they would become another text
 */
export function parseQuery(text: string | undefined): Record<string, string | string[]> {
  const query = Object.create(null) as Record<string, string | string[]>;
  for (const pair of (text ?? '').split('&')) {
    if (pair === '') continue;
    const [name = '', ...value] = pair.split('=').map(decoded);
    const before = query[name];
    const given = value.join('=');
    query[name] = before === undefined ? given : [...(typeof before === 'string' ? [before] : before), given];
  }
  return query;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new FungiError('INVALID_REQUEST', 'the query holds a % that is not followed by two digits of UTF-8', {
      hint: 'Percent-encode names and values.',
    });
  }
}
