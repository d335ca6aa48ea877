import request from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import { ERRORS, FungiError, type ErrorCode } from '../../../src/core/errors.js';
import { failureOf, openAiErrorOf, problemOf, retryHeaders } from '../../../src/server/http/failure.js';
import {
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

const CANARY = 'canary-in-the-message';
const codes = Object.keys(ERRORS) as ErrorCode[];

const throwing = (errors: 'problem' | 'openai', error: () => unknown): Harness =>
  harness({
    routes: [
      route({ errors }, () => {
        throw error();
      }),
    ],
  });

const post = async ({ app }: Harness): Promise<Answer> => request(app).post('/v1/echo').send({ text: 'a' });

afterEach(stopAll);

describe('the error table', () => {
  it.each(codes)('%s is written both ways, with one code and one status', (code) => {
    const failure = failureOf(new FungiError(code, 'what happened', { hint: 'What to do.' }));
    const problem = problemOf(failure, 'r1');
    expect(problem).toEqual({
      type: `urn:fungi-icl:error:${code}`,
      title: expect.stringMatching(/^[A-Z][\w ]+$/) as string,
      status: ERRORS[code].http,
      detail: 'what happened',
      instance: 'urn:fungi-icl:request:r1',
      code,
      requestId: 'r1',
      hint: 'What to do.',
    });
    const { error } = openAiErrorOf(failure) as { error: Record<string, unknown> };
    expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type']);
    expect(error).toMatchObject({ code, param: null, message: 'what happened. What to do.' });
  });

  it('says how long to wait with every 429 and 503, and never to retry what will fail again', () => {
    for (const code of codes) {
      const failure = failureOf(new FungiError(code, 'x'));
      const headers = retryHeaders(failure);
      if (failure.status === 429 || failure.status === 503) {
        expect(Number(headers['Retry-After'])).toBeGreaterThanOrEqual(1);
        expect(Number(headers['Retry-After-Ms'])).toBeGreaterThan(0);
      }
      // OpenAI's clients retry these by themselves.
      if ([408, 409, 429].includes(failure.status) || failure.status >= 500) {
        expect(headers['X-Should-Retry']).toBe(String(ERRORS[code].retryable));
      }
    }
  });

  it('takes the wait from the error, rounded up to seconds and to milliseconds', () => {
    const failure = failureOf(new FungiError('OVERLOADED', 'x', { details: { retryAfterMs: 1500.2 } }));
    expect(retryHeaders(failure)).toEqual({
      'Retry-After': '2',
      'Retry-After-Ms': '1501',
      'X-Should-Retry': 'true',
    });
  });
});

describe('an error', () => {
  it.each(['problem', 'openai'] as const)('of the table is replied to as %s', async (errors) => {
    const { status, headers, body } = await post(
      throwing(errors, () => new FungiError('OVERLOADED', 'the queue is full', { hint: 'Wait.' })),
    );
    expect(status).toBe(503);
    expect(headers).toMatchObject({ 'retry-after': '1', 'retry-after-ms': '1000', 'cache-control': 'no-store' });
    expect(headers['content-type']).toBe(errors === 'openai' ? 'application/json' : 'application/problem+json');
    if (errors === 'openai') expect(body).toMatchObject({ error: { type: 'server_error', code: 'OVERLOADED' } });
    else expect(body).toMatchObject({ code: 'OVERLOADED', requestId: headers['x-request-id'] });
  });

  it.each([
    ['an Error', () => new TypeError(CANARY)],
    ['no Error', () => ({ what: CANARY })],
    ['one that claims a status', () => Object.assign(new Error(CANARY), { status: 418, expose: true })],
    ['one of a code that the table lacks', () => Object.assign(new Error(CANARY), { name: 'FungiError', code: 'X' })],
  ])('that nobody foresaw, %s, is a 500 that tells nothing and is logged whole', async (_, error) => {
    for (const errors of ['problem', 'openai'] as const) {
      const served = throwing(errors, error);
      const { status, text } = await post(served);
      expect(status).toBe(500);
      expect(text).toContain('INTERNAL');
      expect(text).not.toContain(CANARY);
      expect(text).not.toMatch(/\.ts|at \w+ \(|node_modules/);
      expect(served.log.join('')).toContain(CANARY);
    }
  });

  it.each([
    ['OVERLOADED', false],
    ['NOT_READY', false],
    ['WORKER_FAILED', true],
    ['INDEX_CORRUPT', true],
  ] as const)('%s is a 503 whose cause is logged only where something is broken: %s', async (code, broken) => {
    const served = throwing('problem', () => new FungiError(code, CANARY));
    expect((await post(served)).status).toBe(503);
    const line = JSON.parse(served.log.at(-1)!) as Record<string, unknown>;
    expect(line).toMatchObject({ code, status: 503, level: broken ? 50 : 40 });
    expect('err' in line).toBe(broken);
  });

  it('in what a route replies is one too, and not half a reply', async () => {
    const served = harness({ routes: [route({}, () => Promise.resolve({ kind: 'json', status: 200, body: 1n }))] });
    expect((await post(served)).status).toBe(500);
  });
});

describe('a path', () => {
  const get = async (path: string): Promise<Answer> => request(harness().app).get(path);

  it.each(['/', '/nothing', '/v1/echo/', '/V1/echo', '/v1/things', '/v1/things/a/b', '/__proto__'])(
    'that is not there is a 404: %s',
    async (path) => {
      const { status, body, headers } = await get(path);
      expect(status).toBe(404);
      expect(headers['content-type']).toBe('application/problem+json');
      expect(body).toMatchObject({ code: 'ROUTE_NOT_FOUND' });
    },
  );

  it.each(['/v1/things/A', '/v1/things/..%2f', '/v1/things/%00', '/v1/things/abcdefghi', '/v1/things/a?k=0'])(
    'or query that its schema refuses is a 400: %s',
    async (path) => {
      const { status, body } = await get(path);
      expect(status).toBe(400);
      expect((body as { errors: { parameter: string }[] }).errors[0]?.parameter).toMatch(/^(name|k)$/);
    },
  );

  it('names its parameters, decoded', async () => {
    expect((await get('/v1/things/%61b?k=%37')).body).toEqual({ path: { name: 'ab' }, query: { k: 7 } });
    expect((await get('/v1/things/ab?k=1&k=2')).status).toBe(400);
    expect((await get('/v1/things/ab?__proto__=1')).status).toBe(400);
  });

  it('does not take other methods, and says which it takes', async () => {
    for (const [method, path, allow] of [
      ['GET', '/v1/echo', 'POST'],
      ['PATCH', '/v1/things/a', 'GET, HEAD'],
      ['OPTIONS', '/v1/echo', 'POST'],
      ['TRACE', '/livez', 'GET, HEAD'],
      ['PROPFIND', '/livez', 'GET, HEAD'],
    ] as const) {
      const { port } = await start(harness());
      const reply = await exchangeRaw(port, `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      expect(statusOf(reply)).toBe(405);
      expect(reply).toContain(`\r\nAllow: ${allow}\r\n`);
      expect(reply).toContain('METHOD_NOT_ALLOWED');
    }
    const { headers } = (await request(harness().app).options('/v1/openai')) as Answer;
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it.each([
    '/%',
    '/v1/things/%zz',
    '/v1/things/%ff',
    '/v1/things/%c0%af',
    '/v1/things/a?k=%ff',
    'http://[',
    'http://',
    'http://[::1',
    '//',
    '/\\',
    '*',
    '/a?%',
    '/v1/things/%E2%82',
  ])('that is no path gets no page of Express: %s', async (path) => {
    const { port } = await start(harness());
    const reply = await exchangeRaw(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect([400, 404]).toContain(statusOf(reply));
    expect(reply).toContain('Content-Type: application/problem+json');
    expect(reply).not.toMatch(/<html|<!doctype|X-Powered-By|ETag/i);
  });
});

describe('what is no HTTP', () => {
  it.each([
    ['a word', 'hello\r\n\r\n', 400],
    ['another version', 'GET / HTTP/9.9\r\n\r\n', 400],
    ['a line that is no header', 'GET / HTTP/1.1\r\nHost a\r\n\r\n', 400],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00', 400],
    ['headers of 17 kB', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(17 * 1024)}\r\n\r\n`, 431],
    ['many headers', `GET / HTTP/1.1\r\nHost: a\r\n${`X: ${'y'.repeat(50)}\r\n`.repeat(400)}\r\n`, 431],
    ['a long path', `GET /${'x'.repeat(17 * 1024)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
  ])('%s is refused in plain, and the server lives', async (_, bytes, status) => {
    const { port } = await start(harness());
    const reply = await exchangeRaw(port, bytes);
    expect(statusOf(reply)).toBe(status);
    expect(reply).toContain('Connection: close');
    expect(reply).toMatch(/"code":"(INVALID_REQUEST|REQUEST_TOO_LARGE)"/);
    expect(statusOf(await exchangeRaw(port, requestText('/v1/echo', '{"text":"a"}')))).toBe(200);
  });
});
