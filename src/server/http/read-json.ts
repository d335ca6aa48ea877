/** A request's body as JSON, whole. */
import type { IncomingMessage } from 'node:http';
import { FungiError } from '../../core/errors.js';
import { bodyBytes } from './body-bytes.js';
import { parseJson } from './json-text.js';

/**
 * @param limits bytes after inflation, and milliseconds for all of it to arrive
 * @throws {FungiError} INVALID_REQUEST, REQUEST_TOO_LARGE, REQUEST_TIMEOUT, UNSUPPORTED_MEDIA_TYPE, ABORTED
 */
export async function readJson(
  request: IncomingMessage,
  limits: { readonly maxBytes: number; readonly ms: number },
): Promise<unknown> {
  const endsAt = performance.now() + limits.ms;
  const parts: Buffer[] = [];
  const patience = { maxBytes: limits.maxBytes, waitMs: () => Math.max(0, endsAt - performance.now()) };
  for await (const part of bodyBytes(request, patience)) parts.push(part);
  return parseJson(utf8(Buffer.concat(parts)));
}

/** @throws {FungiError} INVALID_REQUEST where a decoder would put U+FFFD in silence */
export function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new FungiError('INVALID_REQUEST', 'the body is not UTF-8', { cause: error, hint: 'Send UTF-8.' });
  }
}
