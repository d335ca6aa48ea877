import { once } from 'node:events';
import { connect } from 'node:net';
import request from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import type { HttpLimits } from '../../../src/server/http/limits.js';
import type { Reply, RequestContext } from '../../../src/server/route.js';
import {
  deferred,
  exchangeRaw,
  harness,
  requestText,
  route,
  start,
  statusOf,
  stopAll,
  type Answer,
  type Harness,
} from './support.js';

type Streaming = Extract<Reply, { values: unknown }>;

const never = new Promise<never>(() => undefined);

function streaming(
  values: (context: RequestContext) => AsyncIterable<unknown>,
  parts: Partial<Streaming> = {},
  limits: Partial<HttpLimits> = {},
  errors: 'problem' | 'openai' = 'problem',
): Harness {
  const handle = ({ context }: { context: RequestContext }): Promise<Reply> =>
    Promise.resolve({ kind: 'events', ...parts, values: values(context) });
  return harness({ routes: [route({ errors }, handle)], limits });
}

const post = async ({ app }: Harness): Promise<Answer> =>
  request(app).post('/v1/echo').send({ text: 'a' }).buffer(true).parse(textOf);

function textOf(response: request.Response, done: (error: Error | null, text: string) => void): void {
  let text = '';
  const stream = response as unknown as NodeJS.ReadableStream;
  stream.on('data', (part: Buffer) => (text += part.toString()));
  stream.on('end', () => {
    done(null, text);
  });
}

// eslint-disable-next-line @typescript-eslint/require-await -- as routes have them
async function* of(...values: unknown[]): AsyncGenerator {
  for (const value of values) {
    if (value instanceof Error) throw value;
    yield value;
  }
}

afterEach(stopAll);

describe('a reply of events', () => {
  it('is each value and, where there is one, the terminator', async () => {
    const { body, headers } = await post(streaming(() => of({ a: 'x\ny' }, 2), { terminator: '[DONE]' }));
    expect(body).toBe('data: {"a":"x\\ny"}\n\ndata: 2\n\ndata: [DONE]\n\n');
    expect(headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    });
    expect((await post(streaming(() => of(1)))).body).toBe('data: 1\n\n');
  });

  it('that fails before its first value is an error as any other', async () => {
    const { status, headers } = await post(streaming(() => of(new FungiError('LLM_RATE_LIMITED', 'later'))));
    expect(status).toBe(429);
    expect(headers['content-type']).toBe('application/problem+json');
  });

  it('that fails later ends in an event of the error, and not as a whole one', async () => {
    const values = (): AsyncIterable<unknown> => of(1, new FungiError('LLM_FAILED', 'it broke'));
    const { status, body } = await post(streaming(values, { terminator: '[DONE]' }));
    expect(status).toBe(200);
    expect(body).toMatch(/^data: 1\n\nevent: error\ndata: \{"type":"urn:fungi-icl:error:LLM_FAILED",.*\}\n\n$/);
    const openAi = await post(streaming(values, { terminator: '[DONE]' }, {}, 'openai'));
    expect(openAi.body).toMatch(/^data: 1\n\ndata: \{"error":\{"message":"it broke","type":"server_error",.*\}\}\n\n$/);
  });

  it('tells nothing of a bug in the middle of it', async () => {
    const served = streaming(() => of(1, new TypeError('canary')));
    const { body } = await post(served);
    expect(body).toContain('INTERNAL');
    expect(body).not.toContain('canary');
    expect(served.log.join('')).toContain('canary');
  });

  it('is kept open by comments while there is nothing to send', async () => {
    const { port } = await start(
      streaming(
        async function* () {
          yield 1;
          await never;
        },
        {},
        { heartbeatMs: 10 },
      ),
    );
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.write(requestText('/v1/echo', '{"text":"a"}'));
    while (text.split(': still at it').length < 4) text += String((await once(socket, 'data'))[0]);
    socket.destroy();
    expect(text).toContain('data: 1\n\n');
  });

  it('says 200 after a while without a value, and has no deadline from then on', async () => {
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const { port } = await start(
      streaming(
        async function* () {
          await gate;
          yield 'late';
        },
        {},
        { heartbeatMs: 20, deadlineMs: 500 },
      ),
    );
    const socket = connect(port, '127.0.0.1');
    let text = '';
    const sent = performance.now();
    socket.write(requestText('/v1/echo', '{"text":"a"}'));
    while (performance.now() - sent < 800) text += String((await once(socket, 'data'))[0]);
    go();
    while (!text.includes('data: "late"')) text += String((await once(socket, 'data'))[0]);
    expect(statusOf(text)).toBe(200);
    expect(text).not.toContain('DEADLINE');
  });

  it('is ended when the reader leaves: the values are told, and let go', async () => {
    const left = deferred<string>();
    const ended = deferred<undefined>();
    const served = streaming(async function* ({ signal }) {
      signal.addEventListener('abort', () => {
        left.resolve((signal.reason as FungiError).code);
      });
      try {
        for (;;) {
          yield 'x'.repeat(1000);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      } finally {
        ended.resolve(undefined);
      }
    });
    const { port } = await start(served);
    const socket = connect(port, '127.0.0.1');
    socket.write(requestText('/v1/echo', '{"text":"a"}'));
    await once(socket, 'data');
    socket.destroy();
    expect(await left.promise).toBe('ABORTED');
    await ended.promise;
    expect(served.lifecycle.inFlight).toBe(0);
  });

  it('is made no faster than it is read, and cut off when nobody reads', async () => {
    let made = 0;
    const closed = deferred<undefined>();
    const { port } = await start(
      streaming(
        // eslint-disable-next-line @typescript-eslint/require-await -- as routes have them
        async function* () {
          try {
            for (;;) {
              made += 1;
              yield 'x'.repeat(100_000);
            }
          } finally {
            closed.resolve(undefined);
          }
        },
        {},
        { slowReaderMs: 100 },
      ),
    );
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.pause();
    socket.write(requestText('/v1/echo', '{"text":"a"}'));
    await closed.promise;
    // What the kernel's buffers hold, not all that there could be.
    expect(made).toBeLessThan(1000);
    socket.destroy();
  });
});

describe('a reply of lines', () => {
  it('is a value a line, and an error the last of them', async () => {
    const { body, headers } = await post(
      streaming(() => of({ a: 1 }, new FungiError('INDEX_LOCKED', 'busy', { details: { acknowledged: 5 } })), {
        kind: 'lines',
      }),
    );
    expect(headers['content-type']).toBe('application/x-ndjson');
    const [first, last, ...rest] = String(body)
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as unknown);
    expect(first).toEqual({ a: 1 });
    expect(last).toMatchObject({ error: { code: 'INDEX_LOCKED', acknowledged: 5 } });
    expect(rest).toEqual([]);
  });
});

describe('a reply of bytes', () => {
  const bytes = (parts: unknown[]): Harness =>
    harness({
      routes: [
        route({}, () =>
          Promise.resolve({
            kind: 'bytes',
            status: 202,
            headers: { 'Content-Type': 'text/event-stream' },
            body: of(...parts) as AsyncIterable<Uint8Array>,
          }),
        ),
      ],
    });

  it('is passed on as it is', async () => {
    const { status, body } = await post(bytes([Buffer.from('data: \u00e9'), Buffer.from('\n\n: x\r\n')]));
    expect(status).toBe(202);
    expect(body).toBe('data: é\n\n: x\r\n');
  });

  it('is cut where it breaks, and not ended as a whole one', async () => {
    const { port } = await start(bytes([Buffer.from('part'), new FungiError('LLM_FAILED', 'it broke')]));
    const reply = await exchangeRaw(port, requestText('/v1/echo', '{"text":"a"}'));
    expect(reply).toContain('part');
    expect(reply).not.toMatch(/\r\n0\r\n\r\n$/);
    expect((await post(bytes([new FungiError('LLM_FAILED', 'it broke')]))).status).toBe(502);
  });
});

describe('a deadline', () => {
  it('ends a request whose handler heeds no signal', async () => {
    const served = harness({ routes: [route({}, () => never)], limits: { deadlineMs: 20 } });
    const { status, body } = (await request(served.app).post('/v1/echo').send({ text: 'a' })) as Answer;
    expect(status).toBe(504);
    expect(body).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('is told to the handler, with its reason', async () => {
    const reason = deferred<unknown>();
    const handle = ({ context: { signal } }: { context: RequestContext }): Promise<never> => {
      signal.addEventListener('abort', () => {
        reason.resolve(signal.reason);
      });
      return never;
    };
    const served = harness({ routes: [route({}, handle)], limits: { deadlineMs: 20 } });
    await request(served.app).post('/v1/echo').send({ text: 'a' });
    expect(FungiError.is(await reason.promise, 'DEADLINE_EXCEEDED')).toBe(true);
  });

  it('is not what a client is counted as that left before its reply', async () => {
    const begun = deferred<AbortSignal>();
    const handle = ({ context }: { context: RequestContext }): Promise<never> => {
      begun.resolve(context.signal);
      return never;
    };
    const served = harness({ routes: [route({}, handle)] });
    const { port } = await start(served);
    const socket = connect(port, '127.0.0.1');
    socket.write(requestText('/v1/echo', '{"text":"a"}'));
    const signal = await begun.promise;
    socket.destroy();
    if (!signal.aborted) await once(signal, 'abort');
    expect((signal.reason as FungiError).code).toBe('ABORTED');
    await expect.poll(() => served.log.join('')).toMatch(/"status":499.*"code":"ABORTED"/);
  });
});
