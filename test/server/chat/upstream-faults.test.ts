/** LLM endpoints that fail, are slow, or break off. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  COMPLETION,
  EVENTS,
  events,
  json,
  refusal,
  reset,
  silent,
  STREAM,
  written,
  type Step,
} from './fake-upstream.js';
import { QUERY, startProxy, type ProxyOptions } from './proxy-server.js';

const BODY = { messages: [QUERY] };
const STREAMED = { ...BODY, stream: true };

interface ErrorBody {
  readonly error: { readonly message: string; readonly type: string; readonly param: unknown; readonly code: string };
}
const errorOf = async (response: Response): Promise<ErrorBody['error']> => ((await response.json()) as ErrorBody).error;
/** The data of the last event. */
const lastOf = (text: string): ErrorBody =>
  JSON.parse(text.trimEnd().split('\n\n').at(-1)!.replace('data: ', '')) as ErrorBody;

describe('before the first byte', () => {
  it.each<[string, Step]>([
    ...[429, 500, 502, 503, 504].map((status): [string, Step] => [String(status), refusal(status)]),
    ['a reset', reset],
    [
      'a reset behind the head',
      async (response) => {
        response.writeHead(200, EVENTS).flushHeaders();
        await new Promise(setImmediate);
        response.socket!.resetAndDestroy();
      },
    ],
  ])('is asked again after %s', async (_, step) => {
    const { post, upstream, waits, outcomes } = await startProxy([step, step, events()]);
    const response = await post(STREAMED);
    expect(await response.text()).toBe(STREAM.join(''));
    expect(upstream.received).toHaveLength(3);
    expect(waits).toEqual([500, 1000]); // the longest of each jitter
    expect(outcomes).toEqual(['complete']);
    expect(upstream.received[2]!.body).toEqual(upstream.received[0]!.body);
  });

  it.each([
    [refusal(500), 502],
    [refusal(503), 502],
    [reset, 502],
  ])('gives up after two more, with a status of its own', async (step, status) => {
    const { post, upstream, outcomes } = await startProxy([step]);
    const response = await post(BODY);
    expect(response.status).toBe(status);
    expect(await errorOf(response)).toMatchObject({ type: 'server_error', code: 'LLM_UNREACHABLE', param: null });
    expect(upstream.received).toHaveLength(3);
    expect(outcomes).toEqual(['failed']);
  });

  it('passes a 429 on, with how long to wait', async () => {
    const { post, upstream } = await startProxy([refusal(429), refusal(429), refusal(429, { 'retry-after': '3' })]);
    const response = await post(BODY);
    expect(response.status).toBe(429);
    expect(await errorOf(response)).toMatchObject({ message: 'refused with 429' });
    expect(response.headers.get('retry-after')).toBe('3');
    expect(response.headers.get('retry-after-ms')).toBe('3000');
    expect(upstream.received).toHaveLength(3);
    const unsaid = await (await startProxy([refusal(429)])).post(BODY);
    expect(Number(unsaid.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it.each([
    [{ 'retry-after': '2' }, [2000, 1000]],
    [{ 'retry-after-ms': '1500' }, [1500, 1000]],
  ])('waits as long as it is told: %j', async (headers, expected) => {
    const { post, waits } = await startProxy([refusal(429, headers), refusal(503), json()]);
    expect((await post(BODY)).status).toBe(200);
    expect(waits).toEqual(expected);
  });

  it('does not wait for longer than a client would, nor past the end of the time for all', async () => {
    const long = await startProxy([refusal(429, { 'retry-after': '600' })]);
    expect((await long.post(BODY)).headers.get('retry-after')).toBe('600');
    expect(long.upstream.received).toHaveLength(1);
    const late = await startProxy([refusal(503)], {
      upstream: { limits: { totalMs: 4000 }, retries: { baseDelayMs: 5000 } },
    });
    expect((await late.post(BODY)).status).toBe(502);
    expect(late.upstream.received).toHaveLength(1);
  });

  it('does not ask again where no quota is left', async () => {
    const error = { message: 'no', type: 'x', param: null, code: 'insufficient_quota' };
    const { post, upstream } = await startProxy([json({ error }, 429)]);
    expect((await post(BODY)).status).toBe(429);
    expect(upstream.received).toHaveLength(1);
  });

  it('cannot connect: nobody listens, or no such name', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const refused = await startProxy([json()], { baseUrl: `http://127.0.0.1:${port}/v1` });
    const response = await refused.post(BODY);
    expect(response.status).toBe(502);
    expect((await errorOf(response)).message).toContain('ECONNREFUSED');
    expect(refused.waits).toHaveLength(2);
    const unnamed = await startProxy([json()], { baseUrl: 'http://nowhere.invalid/v1' });
    expect((await unnamed.post(BODY)).status).toBe(502);
  });

  it('has no TLS that it was promised', async () => {
    const { upstream } = await startProxy([json()]);
    const { post } = await startProxy([json()], { baseUrl: upstream.baseUrl.replace('http:', 'https:') });
    expect((await post(BODY)).status).toBe(502);
  });
});

describe('a limit', () => {
  const limited = (script: readonly Step[], limits: object): ReturnType<typeof startProxy> =>
    startProxy(script, { upstream: { limits } });

  it('of connecting: 504, and the connection is closed', async () => {
    // Takes the connection, and never the TLS that comes with it.
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket.on('error', () => undefined))).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const baseUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const options: ProxyOptions = { baseUrl, upstream: { limits: { connectMs: 50 } } };
    const { post, waits } = await startProxy([json()], options);
    const response = await post(BODY);
    expect(response.status).toBe(504);
    expect(await errorOf(response)).toMatchObject({ code: 'DEADLINE_EXCEEDED', type: 'server_error' });
    expect(waits).toEqual([]);
    await expect.poll(() => sockets.length).toBe(1);
    if (!sockets[0]!.destroyed) await once(sockets[0]!.resume(), 'close');
    server.close();
  });

  it.each<[string, Step]>([
    ['nothing', silent],
    [
      'a head alone',
      (response) => {
        response.writeHead(200, EVENTS).flushHeaders();
      },
    ],
  ])('of the first byte: 504 where %s comes', async (_, step) => {
    const { post, upstream } = await limited([step], { firstByteMs: 60 });
    const response = await post(STREAMED);
    expect(response.status).toBe(504);
    expect((await errorOf(response)).message).toContain('no first byte within 60 ms');
    await expect.poll(() => upstream.received.length).toBe(1);
    await upstream.received[0]!.closed;
  });

  const stalls: Step = async (response) => {
    response.writeHead(200, EVENTS);
    await written(response, STREAM[0]!);
  };

  it('between parts: an error event, and no [DONE]', async () => {
    const { post, upstream, outcomes } = await limited([stalls], { stallMs: 60 });
    const response = await post(STREAMED);
    const text = await response.text();
    expect(text.startsWith(STREAM[0]!)).toBe(true);
    expect(lastOf(text)).toMatchObject({ error: { code: 'DEADLINE_EXCEEDED', type: 'server_error', param: null } });
    expect(text).not.toContain('[DONE]');
    expect(outcomes).toEqual(['broken']);
    await upstream.received[0]!.closed;
  });

  it('of all: an error event though parts go on and on', async () => {
    const drip: Step = async (response) => {
      response.writeHead(200, EVENTS);
      while (!response.destroyed) {
        await written(response, STREAM[1]!);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const { post } = await limited([drip], { totalMs: 1500, stallMs: 1000 });
    const text = await (await post(STREAMED)).text();
    expect(lastOf(text).error.message).toContain('within 1500 ms');
  });
});

describe('a reply that breaks off', () => {
  const breaksOff =
    (...parts: string[]): Step =>
    async (response) => {
      response.writeHead(200, EVENTS);
      for (const part of parts) await written(response, part);
      response.socket!.resetAndDestroy();
    };

  it.each([
    ['between events', STREAM[0]!],
    ['amid an event', `${STREAM[0]!}data: {"id":"c1","cho`],
    ['amid a line end', `${STREAM[0]!}data: {}\n`],
  ])('ends in an error event of its own: %s', async (_, sent) => {
    const { post, outcomes, upstream } = await startProxy([breaksOff(sent)]);
    const text = await (await post(STREAMED)).text();
    expect(text.startsWith(sent)).toBe(true);
    expect(lastOf(text)).toMatchObject({ error: { code: 'LLM_UNREACHABLE' } });
    expect(text).not.toContain('[DONE]');
    expect(outcomes).toEqual(['broken']);
    expect(upstream.received).toHaveLength(1);
  });

  it('is cut off where it is JSON: half of it never looks whole', async () => {
    const half: Step = async (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      await written(response, JSON.stringify(COMPLETION).slice(0, 20));
      response.socket!.resetAndDestroy();
    };
    const { post, outcomes } = await startProxy([half]);
    const response = await post(BODY);
    await expect(response.text()).rejects.toThrow();
    expect(outcomes).toEqual(['broken']);
  });
});

describe('odd streams', () => {
  const split = (bytes: Buffer, cuts: readonly number[]): Buffer[] => {
    const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
    return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
  };

  it('are relayed byte for byte, however they are split', async () => {
    let parts: readonly Buffer[] = [];
    const { post } = await startProxy([(response, received) => events(parts)(response, received)]);
    const piece = fc.oneof(
      fc.constantFrom(...STREAM, 'data: é🙂\r\n\r\n', ': comment\n\n', 'data: no end', '\r', '\n', '\uFEFF'),
      fc.uint8Array({ minLength: 1, maxLength: 20 }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(400), { maxLength: 8 }),
        async (pieces, cuts) => {
          const bytes = Buffer.concat(pieces.map((one) => Buffer.from(one)));
          parts = split(bytes, cuts);
          const response = await post(STREAMED);
          expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([
    ['whole', STREAM, 'complete'],
    ['with CRLF', STREAM.map((part) => part.replaceAll('\n', '\r\n')), 'complete'],
    ['without a line end behind [DONE]', [...STREAM.slice(0, -1), 'data: [DONE]'], 'complete'],
    ['without [DONE]', STREAM.slice(0, -1), 'truncated'],
    ['with an error inside', ['data: {"error":{"message":"x"}}\n\n'], 'error'],
    [
      'with the word error in its text',
      [STREAM[0]!, 'data: {"choices":[],"error":null}\n\n', 'data: [DONE]\n\n'],
      'complete',
    ],
    ['with a huge event', [`data: "${'x'.repeat(3_000_000)}"\n\n`, 'data: [DONE]\n\n'], 'complete'],
    ['empty', [], 'truncated'],
  ])('are counted for what they are: %s', async (_, parts, outcome) => {
    const { post, outcomes } = await startProxy([events(parts)]);
    expect(await (await post(STREAMED)).text()).toBe(parts.join(''));
    expect(outcomes).toEqual([outcome]);
  });

  it.each([
    [{ error: { message: 'x' } }, 'error'],
    [COMPLETION, 'complete'],
    [{ ...COMPLETION, error: null }, 'complete'],
  ])('so is JSON with status 200: %j', async (body, outcome) => {
    const { post, outcomes } = await startProxy([json(body)]);
    expect(await (await post(STREAMED)).json()).toEqual(body);
    expect(outcomes).toEqual([outcome]);
  });

  it('that are compressed all the same are passed on so', async () => {
    const bytes = Buffer.from('H4sIAAAAAAAAA0tMBACp8R+mAgAAAA==', 'base64');
    const { post, outcomes } = await startProxy([
      (response) => void response.writeHead(200, { ...EVENTS, 'content-encoding': 'x-odd' }).end(bytes),
    ]);
    const response = await post(STREAMED);
    expect(response.headers.get('content-encoding')).toBe('x-odd');
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
    expect(outcomes).toEqual(['unseen']);
  });
});

describe('a client that leaves', () => {
  it('before the first byte ends the call above', async () => {
    const { post, upstream, outcomes } = await startProxy([silent]);
    const left = new AbortController();
    const answer = post(STREAMED, {}, left.signal);
    await expect.poll(() => upstream.received.length).toBe(1);
    left.abort();
    await expect(answer).rejects.toThrow();
    await upstream.received[0]!.closed;
    await expect.poll(() => outcomes).toEqual(['aborted']);
    expect(upstream.received).toHaveLength(1);
  });

  it.each<[string, Step]>([
    ['that stands still', (response) => written(response.writeHead(200, EVENTS), STREAM[0]!)],
    [
      'that goes on',
      async (response) => {
        response.writeHead(200, EVENTS);
        while (!response.destroyed) await written(response, STREAM[1]!);
      },
    ],
  ])('amid a stream ends it: one %s', async (_, step) => {
    const { post, upstream, outcomes } = await startProxy([step]);
    const left = new AbortController();
    const response = await post(STREAMED, {}, left.signal);
    const reader = response.body!.getReader();
    await reader.read();
    left.abort();
    await upstream.received[0]!.closed;
    await expect.poll(() => outcomes).toEqual(['aborted']);
  });

  it('while it waits for another attempt makes none', async () => {
    const left = new AbortController();
    const proxy = await startProxy([refusal(503), json()], {
      upstream: {
        timing: {
          random: () => 0,
          sleep: (_, signal) =>
            new Promise((_, reject) => {
              signal!.addEventListener('abort', () => {
                reject(new Error('woken'));
              });
              left.abort();
            }),
        },
      },
    });
    await expect(proxy.post(BODY, {}, left.signal)).rejects.toThrow();
    await expect.poll(() => proxy.outcomes).toEqual(['aborted']);
    expect(proxy.upstream.received).toHaveLength(1);
  });
});

it('reads no faster than its reader', async () => {
  const part = Buffer.alloc(64 * 1024, 'x');
  const total = 64 * 1024 * 1024;
  let sent = 0;
  let stalled: () => void;
  const full = new Promise<void>((resolve) => (stalled = resolve));
  const pours: Step = async (response) => {
    response.writeHead(200, EVENTS);
    for (; sent < total && !response.destroyed; sent += part.length) {
      if (response.write(part)) continue;
      const drained = once(response, 'drain').catch(() => undefined);
      const quiet = new Promise((resolve) => setTimeout(resolve, 300, 'quiet'));
      if ((await Promise.race([drained, quiet])) === 'quiet') {
        stalled();
        await drained;
      }
    }
    response.end();
  };
  const { post } = await startProxy([pours]);
  const response = await post(STREAMED);
  await full;
  // What the sockets and streams on the way hold.
  expect(sent).toBeLessThan(total / 2);
  let received = 0;
  for await (const bytes of response.body!) received += (bytes as Uint8Array).length;
  expect(received).toBe(total);
});

describe('the circuit breaker', () => {
  it('asks no more after five failures, and again when its time is over', async () => {
    let now = 0;
    const { post, upstream } = await startProxy([...Array.from({ length: 5 }, () => refusal(500)), json()], {
      upstream: { clock: () => now, retries: { max: 0 } },
    });
    for (let i = 0; i < 5; i++) expect((await post(BODY)).status).toBe(502);
    const open = await post(BODY);
    expect(open.status).toBe(503);
    expect(await errorOf(open)).toMatchObject({ code: 'NOT_READY' });
    expect(upstream.received).toHaveLength(5);
    now = 30_000;
    expect((await post(BODY)).status).toBe(200);
    expect((await post(BODY)).status).toBe(200);
  });

  it('stops the attempts of a call that opens it', async () => {
    const { post, upstream } = await startProxy([refusal(500)], { upstream: { breaker: { failures: 2 } } });
    expect((await post(BODY)).status).toBe(502);
    expect(upstream.received).toHaveLength(2);
  });

  it('does not count what says nothing of the endpoint: refusals, 429, clients that leave', async () => {
    const { post, upstream, outcomes } = await startProxy([refusal(400), refusal(429), silent, json()], {
      upstream: { breaker: { failures: 1 }, retries: { max: 0 } },
    });
    expect((await post(BODY)).status).toBe(400);
    expect((await post(BODY)).status).toBe(429);
    const left = new AbortController();
    const answer = post(BODY, {}, left.signal);
    await expect.poll(() => upstream.received.length).toBe(3);
    left.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(() => outcomes).toHaveLength(3);
    expect((await post(BODY)).status).toBe(200);
  });
});
