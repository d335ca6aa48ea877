/** A small app to send requests to, well-formed or not. */
import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import { createApp, type AppOptions } from '../../../src/server/app.js';
import { Lifecycle } from '../../../src/server/http/lifecycle.js';
import { listen, type Listening, type ListenOptions } from '../../../src/server/http/listen.js';
import { createLog } from '../../../src/server/http/log.js';
import type { IndexCatalogue } from '../../../src/server/indexes/catalogue.js';
import { hashKey } from '../../../src/server/keys/hash.js';
import { KeyRing } from '../../../src/server/keys/key-ring.js';
import type { Line, Reply, Route, RouteInput } from '../../../src/server/route.js';

export const KEYS = { read: 'canary-key-read', write: 'canary-key-write', admin: 'canary-key-admin' };

export const keyRing = (): KeyRing =>
  new KeyRing(
    Object.entries(KEYS).map(([name, key]) => ({ name, sha256: hashKey(key), scope: name as keyof typeof KEYS })),
  );

const unexpected = (): never => {
  throw new Error('not asked for here');
};

export const emptyCatalogue = (parts: Partial<IndexCatalogue> = {}): IndexCatalogue => ({
  encoders: [],
  list: () => Promise.resolve([]),
  status: unexpected,
  storeId: unexpected,
  use: unexpected,
  build: unexpected,
  remove: unexpected,
  embedder: unexpected,
  readiness: () => Promise.resolve([]),
  close: () => Promise.resolve(),
  ...parts,
});

const ECHO = z.strictObject({
  text: z.string(),
  k: z.int().min(1).max(1000).default(20),
  more: z.unknown().optional(),
});

type Handle = (input: RouteInput<Record<string, string>, Record<string, string>, unknown>) => Promise<Reply>;

export const json = (body: unknown): Promise<Reply> => Promise.resolve({ kind: 'json', status: 200, body });

const BASE = {
  tag: 'selection',
  summary: 'Says it again',
  scope: 'read',
  errors: 'problem',
  replies: { 200: { description: 'What was said', schema: ECHO } },
  failures: ['INVALID_TEXT'],
} as const;

/** A POST /v1/echo that replies with its body, changed in what is said. */
export function route(parts: Partial<Omit<Route, 'handle'>> = {}, handle: Handle = ({ body }) => json(body)): Route {
  const body = { size: 'small', schema: ECHO } as const;
  const own = { method: 'post', path: '/v1/echo', operationId: 'echo' } as const;
  return { ...BASE, ...own, body, ...parts, handle: handle };
}

/** A GET, without a body. */
export function bodiless(parts: Pick<Route, 'path' | 'operationId'> & Partial<Route>, handle: Handle): Route {
  return { ...BASE, method: 'get', ...parts, handle: handle };
}

export const echoOpenAi = route({ path: '/v1/openai', operationId: 'openai', tag: 'openai', errors: 'openai' });

export const thing = bodiless(
  {
    path: '/v1/things/{name}',
    operationId: 'thing',
    pathSchema: z.strictObject({ name: z.string().regex(/^[a-z]{1,8}$/) }),
    querySchema: z.strictObject({ k: z.coerce.number().int().min(1).optional() }),
  },
  ({ path, query }) => json({ path, query }),
);

/** Replies how many lines there were, and the last one's number. */
export const countLines = route(
  {
    path: '/v1/lines',
    operationId: 'lines',
    scope: 'write',
    body: { size: 'small', schema: ECHO, lines: z.strictObject({ text: z.string() }) },
  },
  async ({ body }) => {
    if (!(Symbol.asyncIterator in (body as object))) return json({ count: 1 });
    let count = 0;
    let last = 0;
    for await (const line of body as AsyncIterable<Line>) {
      count += 1;
      last = line.number;
    }
    return json({ count, last });
  },
);

/** What supertest gives, its body not yet looked at. */
export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly text: string;
  readonly body: unknown;
}

export interface Harness {
  readonly app: ReturnType<typeof createApp>;
  readonly lifecycle: Lifecycle;
  /** Lines of the log. */
  readonly log: string[];
}

export function harness(options: Partial<AppOptions> = {}): Harness {
  const log: string[] = [];
  const lifecycle = new Lifecycle();
  const app = createApp({
    routes: [route(), echoOpenAi, thing, countLines],
    catalogue: emptyCatalogue(),
    keys: undefined,
    lifecycle,
    log: createLog('debug', { write: (line) => log.push(line) }),
    ...options,
  });
  return { app, lifecycle, log };
}

/** A promise, settled from outside. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const open: Listening[] = [];

/** Closed by {@link stopAll}. */
export async function start(
  { app, lifecycle }: Harness,
  options: Partial<ListenOptions> = {},
): Promise<{ port: number; drain: Listening['drain'] }> {
  const listening = await listen(app, { port: 0, lifecycle, ...options });
  open.push(listening);
  return { port: listening.address.port, drain: listening.drain };
}

export async function stopAll(): Promise<void> {
  await Promise.all(open.splice(0).map((one) => one.drain(0)));
}

/** Sends bytes as they are; all that comes back until the server closes the connection. */
export async function exchangeRaw(
  port: number,
  ...parts: readonly (string | Uint8Array | ((socket: Socket) => void))[]
): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const received: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  // A refused sender may be reset after it was told why.
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) =>
    socket.once('close', () => {
      resolve();
    }),
  );
  for (const part of parts) {
    if (typeof part === 'function') part(socket);
    else socket.write(part);
  }
  await closed;
  return Buffer.concat(received).toString('latin1');
}

/** A request with its body, and no further one on the connection. */
export function requestText(path: string, body: string, headers: Record<string, string> = {}, method = 'POST'): string {
  const all = {
    Host: 'a',
    Connection: 'close',
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

/** Status of a reply as it came. */
export const statusOf = (reply: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(reply)?.[1]);
