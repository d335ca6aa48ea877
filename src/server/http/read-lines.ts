/** A request's body as lines of JSON, each when it is there: the sender waits while the reader works. */
import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { FungiError } from '../../core/errors.js';
import { LINE_BYTES, type Line } from '../route.js';
import { bodyBytes } from './body-bytes.js';
import { checked } from './fault.js';
import { parseJson } from './json-text.js';
import { utf8 } from './read-json.js';

const LINE_FEED = 0x0a;

/**
 * Blank lines count and are passed over.
 *
 * @param idleMs how long the next bytes may take
 * @throws {FungiError} INVALID_REQUEST, REQUEST_TOO_LARGE: the message names the line; REQUEST_TIMEOUT, UNSUPPORTED_MEDIA_TYPE, ABORTED
 */
export async function* readLines(
  request: IncomingMessage,
  schema: z.ZodType,
  idleMs: number,
): AsyncGenerator<Line, void> {
  let number = 1;
  const read = (bytes: Buffer): Line | undefined => {
    try {
      const text = utf8(bytes);
      return text.trim() === '' ? undefined : { number, value: checked(schema, parseJson(text), 'body') };
    } catch (error) {
      throw ofLine(number, error);
    }
  };
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of bodyBytes(request, { maxBytes: Infinity, waitMs: () => idleMs })) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      if (restBytes + end - start > LINE_BYTES) throw tooLong(number);
      const line = read(Buffer.concat([...rest, chunk.subarray(start, end)]));
      if (line !== undefined) yield line;
      rest = [];
      restBytes = 0;
      start = end + 1;
      number += 1;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
    restBytes += chunk.length - start;
    if (restBytes > LINE_BYTES) throw tooLong(number);
  }
  const last = read(Buffer.concat(rest));
  if (last !== undefined) yield last;
}

const tooLong = (number: number): FungiError =>
  new FungiError('REQUEST_TOO_LARGE', `line ${number} is longer than ${LINE_BYTES} bytes`, {
    details: { line: number, maxBytes: LINE_BYTES },
    hint: 'Lines end with a line feed; one row each.',
  });

function ofLine(line: number, error: unknown): unknown {
  if (!FungiError.is(error)) return error;
  const { code, message, hint, details } = error;
  return new FungiError(code, `line ${line}: ${message}`, {
    details: { ...details, line },
    cause: error,
    ...(hint !== undefined && { hint }),
  });
}
