import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import { listen } from '../../../src/server/http/listen.js';
import { deferred, exchangeRaw, harness, json, requestText, route, start, statusOf, stopAll } from './support.js';

const ECHO = requestText('/v1/echo', '{"text":"a"}');
const KEPT = requestText('/v1/echo', '{"text":"a"}', { Connection: 'keep-alive' });
const never = new Promise<never>(() => undefined);

function open(port: number): Socket {
  return connect(port, '127.0.0.1').on('error', () => undefined);
}

async function textUntil(socket: Socket, pattern: RegExp): Promise<string> {
  let text = '';
  while (!pattern.test(text)) text += String((await once(socket, 'data'))[0]);
  return text;
}

afterEach(stopAll);

describe('a connection', () => {
  it('that drips its headers is a 408 after a while, and a silent one is closed', async () => {
    const { port } = await start(harness(), { headersTimeoutMs: 100 });
    const dripping = exchangeRaw(port, 'GET /livez HTTP/1.1\r\n', (socket) => {
      const drip = setInterval(() => socket.write('X: y\r\n'), 20);
      socket.once('close', () => {
        clearInterval(drip);
      });
    });
    const [dripped, silent] = await Promise.all([dripping, exchangeRaw(port)]);
    expect(statusOf(dripped)).toBe(408);
    expect(dripped).toContain('REQUEST_TIMEOUT');
    expect(silent === '' || statusOf(silent) === 408).toBe(true);
  });

  it('above the most that are kept is closed at once', async () => {
    const { port } = await start(harness(), { maxConnections: 2 });
    const kept = [open(port), open(port)];
    await Promise.all(kept.map((socket) => once(socket, 'connect')));
    expect(await exchangeRaw(port, ECHO)).toBe('');
    const [first] = kept;
    first?.write(ECHO);
    expect(statusOf(await textUntil(first!, /"k":20/))).toBe(200);
    for (const socket of kept) socket.destroy();
  });

  it('is kept for the next request, and takes several at once in their order', async () => {
    const { port } = await start(harness());
    const reply = await exchangeRaw(port, KEPT, KEPT, requestText('/nowhere', ''));
    expect(reply.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 404']);
  });
});

describe('a port', () => {
  it('that is taken is an error that says so', async () => {
    const served = harness();
    const { port } = await start(served);
    const failure = await listen(served.app, { port, lifecycle: served.lifecycle }).catch((error: unknown) => error);
    expect(FungiError.is(failure, 'INVALID_ARGUMENT')).toBe(true);
  });
});

describe('a stop', () => {
  it('finishes what is under way, takes nothing new, and closes what is idle', async () => {
    const begun = deferred<undefined>();
    const go = deferred<undefined>();
    const served = harness({
      routes: [
        route({}, async ({ body }) => {
          begun.resolve(undefined);
          await go.promise;
          return json(body);
        }),
      ],
    });
    const { port, drain } = await start(served);
    const idle = open(port);
    await once(idle, 'connect');
    const reply = exchangeRaw(port, KEPT);
    await begun.promise;
    const stopped = drain();
    expect(served.lifecycle.draining).toBe(true);
    const refused = open(port);
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
    go.resolve(undefined);
    // The connection was to be kept, and is not: the reply ends it.
    expect(statusOf(await reply)).toBe(200);
    await stopped;
    expect(served.lifecycle.inFlight).toBe(0);
  });

  it('tells what does not end in time, and then ends it', async () => {
    const begun = deferred<undefined>();
    const served = harness({
      routes: [
        route({}, ({ body }) => {
          const { text } = body as { text: string };
          if (text !== 'stream') return never;
          return Promise.resolve({
            kind: 'events',
            terminator: '[DONE]',
            values: (async function* () {
              yield 1;
              begun.resolve(undefined);
              await never;
            })(),
          });
        }),
      ],
    });
    const { port, drain } = await start(served);
    const stream = exchangeRaw(port, requestText('/v1/echo', '{"text":"stream"}'));
    const request = exchangeRaw(port, ECHO);
    await begun.promise;
    await expect.poll(() => served.lifecycle.inFlight).toBe(2);
    await drain(20);
    expect(statusOf(await request)).toBe(503);
    const events = await stream;
    expect(events).toContain('event: error\ndata: {"type":"urn:fungi-icl:error:NOT_READY"');
    expect(events).not.toContain('[DONE]');
  });

  it('destroys sockets of clients that neither send nor read, and ends once for all who ask', async () => {
    const { port, drain } = await start(harness());
    const stuck = open(port);
    stuck.write(requestText('/v1/echo', '{', { 'Content-Length': '20', Connection: 'keep-alive' }));
    await once(stuck, 'connect');
    await Promise.all([drain(10), drain(10_000)]);
    if (!stuck.closed) await once(stuck.resume(), 'close');
  });
});
