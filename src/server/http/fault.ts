/** Which part of a request is wrong. */
import type { z } from 'zod';
import { FungiError } from '../../core/errors.js';

export interface Fault {
  /** JSON pointer into the body, as a fragment: `#/examples/3/text`. */
  readonly pointer?: string;
  /** Name of a parameter of the path or the query. */
  readonly parameter?: string;
  readonly detail: string;
}

/** So many are told: a batch may have thousands. */
const MAX_FAULTS = 20;

export function pointerTo(path: readonly PropertyKey[]): string {
  return ['#', ...path.map((key) => String(key).replaceAll('~', '~0').replaceAll('/', '~1'))].join('/');
}

/** An INVALID_REQUEST about one place of the body. */
export function faultAt(path: readonly PropertyKey[], detail: string, hint?: string): FungiError {
  const pointer = pointerTo(path);
  return new FungiError('INVALID_REQUEST', `${pointer === '#' ? 'the body' : pointer}: ${detail}`, {
    details: { faults: [{ pointer, detail } satisfies Fault] },
    ...(hint !== undefined && { hint }),
  });
}

/**
 * @param part where `value` stands in the request
 * @param prefix before the message: "line 7: "
 * @throws {FungiError} INVALID_REQUEST with each place that is wrong
 */
export function checked<T>(schema: z.ZodType<T>, value: unknown, part: 'body' | 'query' | 'path', prefix = ''): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.slice(0, MAX_FAULTS).map(({ path, message: detail }): Fault => {
    if (part === 'body') return { pointer: pointerTo(path), detail };
    return { parameter: String(path[0] ?? part), detail };
  });
  const [first] = faults;
  const place = first?.pointer === '#' ? 'the body' : (first?.pointer ?? first?.parameter ?? part);
  const more = result.error.issues.length - 1;
  throw new FungiError(
    'INVALID_REQUEST',
    `${prefix}${place}: ${first?.detail ?? 'invalid'}${more > 0 ? `, and ${more} more` : ''}`,
    { details: { faults }, hint: 'The document at /openapi.json says what the route reads.' },
  );
}
