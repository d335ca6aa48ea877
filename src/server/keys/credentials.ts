/** The key that a request comes with. */
import type { IncomingMessage } from 'node:http';
import { FungiError } from '../../core/errors.js';

const BEARER = /^Bearer +([\x21-\x7e]{1,512}) *$/i;

/**
 * Of `Authorization: Bearer` or `x-api-key`; undefined where there is neither.
 *
 * @throws {FungiError} UNAUTHENTICATED where it is not clear which key is meant: a proxy in front may have looked at the other
 */
export function keyOf(request: IncomingMessage): string | undefined {
  // Of `request.headers` a second Authorization is gone without a trace.
  const authorization = valuesOf(request, 'authorization');
  const apiKeys = valuesOf(request, 'x-api-key');
  if (authorization.length > 1 || apiKeys.length > 1) throw refused('the request has more than one key');
  const [header] = authorization;
  const bearer = header === undefined ? undefined : BEARER.exec(header)?.[1];
  if (header !== undefined && bearer === undefined) throw refused('the Authorization header is not a Bearer key');
  const [apiKey] = apiKeys;
  if (bearer !== undefined && apiKey !== undefined && bearer !== apiKey) {
    throw refused('Authorization and x-api-key name different keys');
  }
  return bearer ?? apiKey;
}

function valuesOf({ rawHeaders }: IncomingMessage, name: string): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
}

const refused = (message: string): FungiError =>
  new FungiError('UNAUTHENTICATED', message, { hint: 'Send one header, Authorization: Bearer KEY.' });
