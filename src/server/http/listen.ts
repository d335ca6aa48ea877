/** Binds an app to an address, and takes it off again without cutting anybody short. */
import { createServer, STATUS_CODES, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { FungiError, type ErrorCode } from '../../core/errors.js';
import { failureOf, problemOf } from './failure.js';
import type { Lifecycle } from './lifecycle.js';

export interface ListenOptions {
  /** @default 127.0.0.1 */
  readonly host?: string;
  /** 0: any that is free. */
  readonly port: number;
  /** The one that the app was made with. */
  readonly lifecycle: Lifecycle;
  /** Further ones are closed at once. @default 1024 */
  readonly maxConnections?: number;
  /** For the request line and headers to arrive, milliseconds. @default 10,000 */
  readonly headersTimeoutMs?: number;
  /** How long a connection without a request stays open; longer than balancers in front keep theirs. @default 65,000 */
  readonly keepAliveMs?: number;
  /** How long it goes on accepting once unready, for balancers to notice. @default 0 */
  readonly graceMs?: number;
}

export interface Listening {
  readonly address: AddressInfo;
  /**
   * Unready at once, then no new connections, then waits for what is under way; after `ms` it is told to end, and a second later
   * its sockets are destroyed. Calls after the first wait for the same end.
   *
   * @param ms @default 25,000
   */
  readonly drain: (ms?: number) => Promise<void>;
}

const MAX_HEADER_BYTES = 16 * 1024;
const CHECK_MS = 1000;
const IDLE_CHECK_MS = 50;
const LAST_WORDS_MS = 1000;

/** @throws {FungiError} INVALID_ARGUMENT where the address is taken, not this machine's, or not permitted */
export async function listen(app: RequestListener, options: ListenOptions): Promise<Listening> {
  const { host = '127.0.0.1', port, maxConnections = 1024, headersTimeoutMs = 10_000, keepAliveMs = 65_000 } = options;
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: headersTimeoutMs,
      // Node has one limit for whole requests of all routes, and would cut an ingest that goes on for minutes. Bodies have
      // theirs where they are read (body-bytes.ts), and where nobody reads them (observe.ts).
      requestTimeout: 0,
      keepAliveTimeout: keepAliveMs,
      // By default connections are looked at each 30 s, and 10 s for headers may be 40.
      connectionsCheckingInterval: Math.min(CHECK_MS, headersTimeoutMs),
    },
    app,
  );
  server.maxConnections = maxConnections;
  server.on('clientError', refuse);
  await bound(server, host, port);
  let drained: Promise<void> | undefined;
  return {
    address: server.address() as AddressInfo,
    drain: (ms = 25_000) => (drained ??= drain(server, options, ms)),
  };
}

async function bound(server: Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    throw new FungiError('INVALID_ARGUMENT', `cannot listen on ${host}:${port}: ${(error as Error).message}`, {
      cause: error,
      hint: 'Choose another port or host.',
    });
  }
}

async function drain(server: Server, { lifecycle, graceMs = 0 }: ListenOptions, ms: number): Promise<void> {
  lifecycle.drain();
  if (graceMs > 0) await wait(graceMs);
  const closed = new Promise<void>((resolve) =>
    server.close(() => {
      resolve();
    }),
  );
  // A connection whose request had begun before is idle only after: `close` does not see it then.
  const idle = setInterval(() => {
    server.closeIdleConnections();
  }, IDLE_CHECK_MS);
  try {
    if (await endsWithin(closed, ms)) return;
    lifecycle.cutOff();
    if (await endsWithin(closed, LAST_WORDS_MS)) return;
    server.closeAllConnections();
    await closed;
  } finally {
    clearInterval(idle);
  }
}

async function endsWithin(work: Promise<void>, ms: number): Promise<boolean> {
  const stop = new AbortController();
  const ended = work.then(() => true);
  try {
    return await Promise.race([ended, wait(ms, false, { signal: stop.signal })]);
  } finally {
    stop.abort();
  }
}

/** What Node's parser gave up on never reaches the app. */
const PARSER_ERRORS: Readonly<Record<string, readonly [status: number, code: ErrorCode, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'REQUEST_TOO_LARGE', `the headers are larger than ${MAX_HEADER_BYTES} bytes`],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'REQUEST_TOO_LARGE', 'the chunk extensions are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'REQUEST_TIMEOUT', 'the headers did not arrive in time'],
};
const NOT_HTTP = [400, 'INVALID_REQUEST', 'the request is not HTTP/1.1'] as const;

function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Nothing may be written into the middle of a reply.
  const midReply = (socket as { _httpMessage?: { headersSent: boolean } })._httpMessage?.headersSent === true;
  if (error.code === 'ECONNRESET' || !socket.writable || midReply) {
    socket.destroy();
    return;
  }
  const [status, code, message] = PARSER_ERRORS[error.code ?? ''] ?? NOT_HTTP;
  const failure = { ...failureOf(new FungiError(code, message)), status };
  const body = JSON.stringify(problemOf(failure, 'unread'));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
