/** What kind of body a request says it has. */
import type { IncomingHttpHeaders } from 'node:http';
import { MIMEType } from 'node:util';
import { FungiError } from '../../core/errors.js';

export const JSON_TYPE = 'application/json';
export const LINES_TYPE = 'application/x-ndjson';

const refused = (message: string, hint: string): FungiError =>
  new FungiError('UNSUPPORTED_MEDIA_TYPE', message, { hint });

/**
 * Which of `accepted` the Content-Type names.
 *
 * @throws {FungiError} UNSUPPORTED_MEDIA_TYPE also for charsets other than UTF-8: text read by another comes out as another text
 */
export function mediaTypeOf(headers: IncomingHttpHeaders, accepted: readonly string[]): string {
  const hint = `Send Content-Type: ${accepted.join(' or ')}.`;
  const given = headers['content-type'];
  if (given === undefined || given.trim() === '') throw refused('the request has no Content-Type', hint);
  let type: MIMEType;
  try {
    type = new MIMEType(given);
  } catch {
    throw refused('the Content-Type cannot be read', hint);
  }
  const essence = accepted.find((one) => one === type.essence);
  if (essence === undefined) throw refused(`the route does not read ${type.essence}`, hint);
  const charset = type.params.get('charset') ?? 'utf-8';
  if (!/^utf-?8$/i.test(charset)) throw refused(`the charset is ${charset}, not UTF-8`, 'Send UTF-8.');
  return essence;
}

/** @throws {FungiError} UNSUPPORTED_MEDIA_TYPE for a coding other than none or gzip */
export function contentCodingOf(headers: IncomingHttpHeaders): 'identity' | 'gzip' {
  const coding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (coding === 'identity' || coding === '') return 'identity';
  if (coding === 'gzip' || coding === 'x-gzip') return 'gzip';
  throw refused(`the Content-Encoding is ${coding}`, 'Send the body as it is, or as gzip.');
}
