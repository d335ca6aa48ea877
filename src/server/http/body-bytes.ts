/**
 * The bytes of a request's body, as they arrive: never more than are asked for, never for longer than one cares to wait. What is
 * left unread when reading ends early stays in the socket; the connection is not harmed, so that the refusal can still be sent.
 */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { FungiError } from '../../core/errors.js';
import { contentCodingOf } from './media-type.js';

export interface BodyPatience {
  /** Of the body after inflation: the count stops there, however small the gzip is. */
  readonly maxBytes: number;
  /** How long the next bytes may take from now, milliseconds. */
  readonly waitMs: () => number;
}

/** @throws {FungiError} REQUEST_TOO_LARGE, REQUEST_TIMEOUT, UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST for broken gzip, ABORTED */
export async function* bodyBytes(request: IncomingMessage, patience: BodyPatience): AsyncGenerator<Buffer, void> {
  const { maxBytes, waitMs } = patience;
  const coding = contentCodingOf(request.headers);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const { stream, release } = coding === 'gzip' ? inflated(request) : { stream: request, release: () => undefined };
  // Not `for await`: leaving that destroys the stream, and the socket with it.
  const chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  let bytes = 0;
  try {
    for (;;) {
      const next = await within(chunks.next(), waitMs());
      if (next.done === true) return;
      bytes += next.value.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      yield next.value;
    }
  } catch (error) {
    throw asFailure(error, request);
  } finally {
    // Waits for bytes that may never come: nobody waits for it.
    void chunks.return?.();
    release();
  }
}

function inflated(request: IncomingMessage): { stream: Readable; release: () => void } {
  const gunzip = createGunzip();
  const cut = (): void => {
    if (!request.complete) gunzip.destroy(clientLeft());
  };
  request.once('close', cut);
  request.pipe(gunzip);
  return {
    stream: gunzip,
    release: () => {
      request.off('close', cut);
      request.unpipe(gunzip);
      gunzip.on('error', () => undefined);
      gunzip.destroy();
    },
  };
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new FungiError('REQUEST_TIMEOUT', 'the body did not arrive in time', {
          hint: 'Send it faster, or in smaller parts.',
        }),
      );
    }, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function asFailure(error: unknown, request: IncomingMessage): unknown {
  if (FungiError.is(error)) return error;
  if (String((error as NodeJS.ErrnoException).code).startsWith('Z_')) {
    return new FungiError('INVALID_REQUEST', 'the body is not the gzip that its Content-Encoding says', {
      cause: error,
      hint: 'Leave Content-Encoding out where nothing is compressed.',
    });
  }
  return request.complete ? error : clientLeft();
}

const clientLeft = (): FungiError => new FungiError('ABORTED', 'the client left before its request was whole');

const tooLarge = (maxBytes: number): FungiError =>
  new FungiError('REQUEST_TOO_LARGE', `the body is larger than the ${maxBytes} bytes that the route reads`, {
    details: { maxBytes },
    hint: 'Send less at once; /openapi.json says how much each route reads.',
  });
