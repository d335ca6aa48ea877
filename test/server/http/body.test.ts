import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import request from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { BODY_BYTES } from '../../../src/server/route.js';
import { exchangeRaw, type Answer, harness, requestText, route, start, statusOf, stopAll } from './support.js';

const PROBLEM = 'application/problem+json';
async function send(body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> {
  const sent = request(harness().app).post('/v1/echo').set('Content-Type', 'application/json');
  for (const [name, value] of Object.entries(headers)) void sent.set(name, value);
  // A string is sent as it stands, a buffer would be written as an object.
  return sent.serialize((value: unknown) => value as string).send(body as string);
}

afterEach(stopAll);

describe('a body of JSON', () => {
  it('is read, with defaults of its schema', async () => {
    const { status, body, headers } = await send('{"text":"a"}');
    expect(status).toBe(200);
    expect(body).toEqual({ text: 'a', k: 20 });
    expect(headers['content-type']).toBe('application/json');
  });

  it.each([
    ['{', 'the body is not JSON'],
    ['NaN', 'the body is not JSON'],
    ['', 'the body is not JSON'],
    ['[]', 'the body: Invalid input: expected object, received array'],
    ['null', 'the body: Invalid input'],
    ['{"text":1}', '#/text: Invalid input: expected string, received number'],
    ['{"text":"a","k":0}', '#/k: Too small'],
    ['{"text":"a","k":1.5}', '#/k: Invalid input'],
    ['{"text":"a","k":1e9}', '#/k: Too big'],
    ['{"text":"a","other":1}', 'the body: Unrecognized key'],
    ['{"text":"a","text":"b"}', '#/text: the key is given twice'],
    ['{"text":"a","__proto__":{"x":1}}', '#/__proto__: the key __proto__ is not taken'],
    ['{"text":"\\ud800"}', '#/text: half a surrogate pair'],
    ['{"text":"a","more":1e999}', '#/more: the number is too large'],
    [`{"text":"a","more":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, 'more than 64 levels deep'],
  ])('%j is a 400 that says where', async (text, message) => {
    const { status, headers, body } = await send(text);
    expect(status).toBe(400);
    expect(headers['content-type']).toBe(PROBLEM);
    expect(body).toMatchObject({ code: 'INVALID_REQUEST', status: 400, type: 'urn:fungi-icl:error:INVALID_REQUEST' });
    expect((body as { detail: string }).detail).toContain(message);
  });

  it('names every place that is wrong by a JSON pointer', async () => {
    const { body } = await send('{"text":1,"k":"x"}');
    expect((body as { errors: { pointer: string }[] }).errors.map(({ pointer }) => pointer)).toEqual(['#/text', '#/k']);
    const openAi = await request(harness().app).post('/v1/openai').send({ text: 1 });
    expect(openAi.status).toBe(400);
    expect(openAi.headers['content-type']).toBe('application/json');
    expect(openAi.body).toMatchObject({
      error: { type: 'invalid_request_error', param: 'text', code: 'INVALID_REQUEST' },
    });
  });

  it('changes no prototype', async () => {
    await send('{"text":"a","more":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}');
    await send('{"text":"a","more":{"constructor":{"prototype":{"polluted":1}}}}');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each([
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['application/json; charset=utf-7', 415],
    ['application/json; charset=iso-8859-1', 415],
    ['application/json; charset="UTF-8"', 200],
    ['Application/JSON;charset=utf8', 200],
    ['application/json, text/plain', 415],
    ['json', 415],
    ['application/x-ndjson', 415],
  ])('of Content-Type %s: %i', async (type, status) => {
    const reply = await send('{"text":"a"}', { 'Content-Type': type });
    expect(reply.status).toBe(status);
    if (status === 415) expect(reply.body).toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' });
  });

  it('needs a Content-Type, and no Content-Encoding but gzip', async () => {
    const { port } = await start(harness());
    const text = '{"text":"a"}';
    const bare = `POST /v1/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    expect(statusOf(await exchangeRaw(port, bare))).toBe(415);
    for (const coding of ['br', 'deflate', 'gzip, gzip', 'compress']) {
      expect(statusOf(await exchangeRaw(port, requestText('/v1/echo', text, { 'Content-Encoding': coding })))).toBe(
        415,
      );
    }
    expect(statusOf(await exchangeRaw(port, requestText('/v1/echo', text, { 'Content-Encoding': 'identity' })))).toBe(
      200,
    );
  });

  it.each([
    ['a lone byte', [0xff]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['half a character', [0xe2, 0x82]],
  ])('is UTF-8: %s is refused, where a decoder would put U+FFFD', async (_, bytes) => {
    const { status, body } = await send(
      Buffer.concat([Buffer.from('{"text":"'), Buffer.from(bytes), Buffer.from('"}')]),
    );
    expect(status).toBe(400);
    expect(body).toMatchObject({ detail: 'the body is not UTF-8' });
  });

  it('keeps NUL, control, bidi and zero-width characters as data', async () => {
    const text = '\0\u0007\u202e\u200b\u2028é😀';
    expect((await send(JSON.stringify({ text }))).body).toMatchObject({ text });
  });
});

describe('a body that nests 200,000 levels deep', () => {
  const DEPTH = 200_000;
  const wide = route({ body: { size: 'media', schema: z.unknown() } });

  it.each<[string, string]>([
    ['of arrays', `${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}`],
    ['of objects', `${'{"a":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`],
    ['of arrays that do not close', '['.repeat(DEPTH)],
    ['behind what is in order', `{"text":"a","more":${'[{"a":'.repeat(DEPTH)}`],
  ])('is refused at the socket, and nothing else suffers: %s', async (_, text) => {
    const { port } = await start(harness({ routes: [wide] }));
    const [deep, gzip, other] = await Promise.all([
      exchangeRaw(port, requestText('/v1/echo', text)),
      exchangeRaw(port, ...gzipped(text)),
      exchangeRaw(port, requestText('/v1/echo', '{"text":"a"}')),
    ]);
    for (const reply of [deep, gzip]) {
      expect(statusOf(reply)).toBe(400);
      expect(reply).toContain(`Content-Type: ${PROBLEM}`);
      expect(reply).toContain('"code":"INVALID_REQUEST"');
      expect(reply).toContain('more than 64 levels deep');
    }
    expect(statusOf(other)).toBe(200);
  });

  function gzipped(text: string): [string, Buffer] {
    const bytes = gzipSync(text);
    const headers = { 'Content-Encoding': 'gzip', 'Content-Length': String(bytes.length) };
    return [requestText('/v1/echo', '', headers), bytes];
  }

  it('is refused as a line, with its number', async () => {
    const { port } = await start(harness());
    const text = `{"text":"a"}\n${'['.repeat(DEPTH)}\n`;
    const reply = await exchangeRaw(port, requestText('/v1/lines', text, { 'Content-Type': 'application/x-ndjson' }));
    expect(statusOf(reply)).toBe(400);
    expect(reply).toContain('line 2: the body: more than 64 levels deep');
  });
});

describe('a body that is too large', () => {
  const limit = BODY_BYTES.small;
  const sized = (bytes: number): string => JSON.stringify({ text: 'a'.repeat(bytes - '{"text":""}'.length) });

  it('is refused at the first byte above the limit', async () => {
    expect((await send(sized(limit))).status).toBe(200);
    const { status, body } = await send(sized(limit + 1));
    expect(status).toBe(413);
    expect(body).toMatchObject({ code: 'REQUEST_TOO_LARGE' });
  });

  it('is refused by its Content-Length, before any of it has come', async () => {
    const { port } = await start(harness());
    const head = requestText('/v1/echo', '', { 'Content-Length': '104857600', Connection: 'keep-alive' });
    const reply = await exchangeRaw(port, head);
    expect(statusOf(reply)).toBe(413);
    expect(reply).toContain('Connection: close');
  });

  it('is refused while it comes without an end', async () => {
    const { port } = await start(harness());
    const head =
      'POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
    const chunk = `4000\r\n${'a'.repeat(0x4000)}\r\n`;
    let sent = 0;
    const reply = await exchangeRaw(port, head, (socket) => {
      const more = (): void => {
        while (!socket.destroyed && sent < 1e9) {
          sent += chunk.length;
          if (!socket.write(chunk)) {
            socket.once('drain', more);
            return;
          }
        }
      };
      more();
    });
    expect(statusOf(reply)).toBe(413);
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  it('is cut while it inflates: 100 MB out of 100 kB', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024, ' '));
    // The compressed bytes alone are above this route's limit; what is in them counts where they are not.
    const small = bomb.subarray(0, 60_000);
    const before = process.memoryUsage().rss;
    for (const bytes of [bomb, small]) {
      const { status } = await send(bytes, { 'Content-Encoding': 'gzip' });
      expect(status).toBe(413);
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1024 * 1024);
  });

  it('as gzip is read up to the same limit, and refused where it is no gzip', async () => {
    const gzip = { 'Content-Encoding': 'gzip' };
    expect((await send(gzipSync(sized(limit)), gzip)).body).toMatchObject({ k: 20 });
    expect((await send(gzipSync(sized(limit + 1)), gzip)).status).toBe(413);
    expect((await send(Buffer.from('{"text":"a"}'), gzip)).status).toBe(400);
    expect((await send(gzipSync('{"text":"a"}').subarray(0, 20), gzip)).status).toBe(400);
    expect((await send('', gzip)).status).toBe(400);
  });
});

describe('a body that does not come', () => {
  it('is a 408 after a while', async () => {
    const { port } = await start(harness({ limits: { bodyMs: 30 } }));
    const reply = await exchangeRaw(
      port,
      requestText('/v1/echo', '{', { 'Content-Length': '12', Connection: 'keep-alive' }),
    );
    expect(statusOf(reply)).toBe(408);
    expect(reply).toContain('REQUEST_TIMEOUT');
  });

  /** Writes the parts one by one and over again, every few milliseconds until the connection ends. */
  const dripping =
    (...parts: (string | Buffer)[]) =>
    (socket: Socket): void => {
      let next = 0;
      const drip = setInterval(() => socket.write(parts[next++ % parts.length]!), 10);
      socket.once('close', () => {
        clearInterval(drip);
      });
    };
  const bytesOf = (buffer: Buffer): Buffer[] => Array.from(buffer, (byte) => Buffer.from([byte]));
  const head = (headers: Record<string, string>): string =>
    requestText('/v1/echo', '', { 'Content-Length': '60000', Connection: 'keep-alive', ...headers });
  const chunked = head({ 'Transfer-Encoding': 'chunked' }).replace(/Content-Length: \d+\r\n/, '');

  it.each<[string, string, (string | Buffer)[]]>([
    ['of a known length', head({}), [' ']],
    ['in chunks', chunked, ['1\r\n \r\n']],
    ['as gzip', head({ 'Content-Encoding': 'gzip' }), bytesOf(gzipSync(' '.repeat(60_000)))],
  ])('is waited for in all, not from byte to byte: %s', async (_, opening, parts) => {
    const { port } = await start(harness({ limits: { bodyMs: 100 } }));
    const reply = await exchangeRaw(port, opening, dripping(...parts));
    expect(statusOf(reply)).toBe(408);
    expect(reply).toContain('"code":"REQUEST_TIMEOUT"');
    expect(reply).toContain('Connection: close');
    expect(statusOf(await exchangeRaw(port, requestText('/v1/echo', '{"text":"a"}')))).toBe(200);
  });

  it('is cut off where nobody reads it: the reply has long been sent, and the body goes on', async () => {
    const { port } = await start(harness({ limits: { bodyMs: 100 } }));
    const get = 'GET /v1/things/abc HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n';
    // Settles when the server ends the connection, which no client of this one does.
    expect(statusOf(await exchangeRaw(port, get, dripping(' ')))).toBe(200);
  });

  it('ends nothing but its request when the client leaves', async () => {
    const { port } = await start(harness());
    await exchangeRaw(port, requestText('/v1/echo', '{', { 'Content-Length': '12' }), (socket) => socket.end());
    expect(statusOf(await exchangeRaw(port, requestText('/v1/echo', '{"text":"a"}')))).toBe(200);
  });
});
