import request from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import { generateKey, hashKey } from '../../../src/server/keys/hash.js';
import { allows, KeyRing } from '../../../src/server/keys/key-ring.js';
import { FailureThrottle } from '../../../src/server/keys/failure-throttle.js';
import { SCOPES } from '../../../src/server/route.js';
import { exchangeRaw, harness, keyRing, KEYS, requestText, start, statusOf, stopAll, type Answer } from './support.js';

const TEXT = '{"text":"a"}';

async function send(
  headers: Record<string, string>,
  path = '/v1/echo',
  served = harness({ keys: keyRing() }),
): Promise<Answer> {
  return request(served.app).post(path).set(headers).send({ text: 'a' });
}

afterEach(stopAll);

describe('a key', () => {
  it('is new each time, and long', () => {
    const keys = Array.from({ length: 100 }, generateKey);
    expect(new Set(keys).size).toBe(100);
    for (const key of keys) expect(key).toMatch(/^fungi_[\w-]{43}$/);
    expect(hashKey('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('is found among several by its digest, and no other is', () => {
    const ring = keyRing();
    for (const [name, key] of Object.entries(KEYS)) expect(ring.find(key)).toMatchObject({ name, scope: name });
    for (const wrong of ['', ' ', KEYS.read.slice(1), `${KEYS.read} `, hashKey(KEYS.read), 'é']) {
      expect(ring.find(wrong)).toBeUndefined();
    }
    expect(new KeyRing([]).find('')).toBeUndefined();
  });

  it('includes the scopes below its own', () => {
    const table = SCOPES.map((held) => SCOPES.map((needed) => allows(held, needed)));
    expect(table).toEqual([
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ]);
  });

  it.each([
    [[{ name: 'a b', sha256: hashKey('x'), scope: 'read' }]],
    [[{ name: 'a', sha256: 'x', scope: 'read' }]],
    [[{ name: 'a', sha256: hashKey('x').toUpperCase(), scope: 'read' }]],
    [['x', 'y'].map((key) => ({ name: 'a', sha256: hashKey(key), scope: 'read' }))],
    [['a', 'b'].map((name) => ({ name, sha256: hashKey('x'), scope: 'read' }))],
  ] as const)('is not configured amiss: %j', (keys) => {
    expect(() => new KeyRing(keys as never)).toThrow(FungiError);
  });
});

describe('a request with a key', () => {
  it.each([
    [{ Authorization: `Bearer ${KEYS.read}` }, 200],
    [{ authorization: `bearer  ${KEYS.admin}` }, 200],
    [{ 'x-api-key': KEYS.read }, 200],
    [{ 'x-api-key': KEYS.read, Authorization: `Bearer ${KEYS.read}` }, 200],
    [{ 'x-api-key': KEYS.read, Authorization: `Bearer ${KEYS.admin}` }, 401],
    [{ 'x-api-key': KEYS.read, Authorization: 'Basic YTpi' }, 401],
    [{}, 401],
    [{ Authorization: '' }, 401],
    [{ Authorization: 'Bearer' }, 401],
    [{ Authorization: 'Bearer ' }, 401],
    [{ Authorization: KEYS.read }, 401],
    [{ Authorization: `Basic ${KEYS.read}` }, 401],
    [{ Authorization: `Bearer ${KEYS.read}x` }, 401],
    [{ Authorization: `Bearer ${hashKey(KEYS.read)}` }, 401],
    [{ Authorization: `Bearer ${'x'.repeat(5000)}` }, 401],
    [{ 'x-api-key': '' }, 401],
  ])('%j: %i', async (headers, status) => {
    const reply = await send(headers);
    expect(reply.status).toBe(status);
    if (status === 200) return;
    expect(reply.headers['www-authenticate'] ?? 'Bearer').toMatch(/^Bearer/);
    expect(reply.body).toMatchObject({ code: 'UNAUTHENTICATED' });
    for (const key of Object.values(KEYS)) expect(reply.text).not.toContain(key);
  });

  it('given twice is refused: Node drops the second without a word', async () => {
    const { port } = await start(harness({ keys: keyRing() }));
    const once = requestText('/v1/echo', TEXT, { Authorization: `Bearer ${KEYS.read}` });
    expect(statusOf(await exchangeRaw(port, once))).toBe(200);
    for (const second of [`Bearer ${KEYS.read}`, 'Bearer other']) {
      const twice = once.replace('\r\nHost', `\r\nauthorization: ${second}\r\nHost`);
      expect(statusOf(await exchangeRaw(port, twice))).toBe(401);
    }
    const apiKeys = requestText('/v1/echo', TEXT, { 'X-Api-Key': KEYS.read }).replace(
      '\r\nHost',
      `\r\nx-api-key: b\r\nHost`,
    );
    expect(statusOf(await exchangeRaw(port, apiKeys))).toBe(401);
  });

  it('of a lower scope is a 403 that names the scope', async () => {
    const reply = await send({ Authorization: `Bearer ${KEYS.read}` }, '/v1/lines');
    expect(reply.status).toBe(403);
    expect(reply.headers['www-authenticate']).toContain('insufficient_scope');
    expect(reply.body).toMatchObject({ code: 'FORBIDDEN' });
    expect((await send({ Authorization: `Bearer ${KEYS.write}` }, '/v1/lines')).status).toBe(200);
  });

  it('is refused before its body is read', async () => {
    const { port } = await start(harness({ keys: keyRing() }));
    const head = requestText('/v1/echo', '', { 'Content-Length': '50000', Connection: 'keep-alive' });
    expect(statusOf(await exchangeRaw(port, head))).toBe(401);
  });

  it('is let in by no server that has keys and none of them', async () => {
    const none = harness({ keys: new KeyRing([]) });
    expect((await send({}, '/v1/echo', none)).status).toBe(401);
    expect((await send({ Authorization: 'Bearer ' }, '/v1/echo', none)).status).toBe(401);
  });

  it('is not needed where no keys are asked for, and is then not looked at', async () => {
    expect((await send({}, '/v1/lines', harness())).status).toBe(200);
    expect((await send({ Authorization: 'Bearer any' }, '/v1/echo', harness())).status).toBe(200);
  });

  it('is a 401 as OpenAI has it on their routes', async () => {
    expect((await send({}, '/v1/openai')).body).toMatchObject({
      error: { type: 'authentication_error', code: 'UNAUTHENTICATED', param: null },
    });
  });
});

describe('wrong keys', () => {
  it('end in a wait, for right ones from that address too, and others are not held up', async () => {
    let now = 0;
    const served = harness({
      keys: keyRing(),
      limits: { failedKeysPerMinute: 3 },
      clock: () => now,
      trustProxy: true,
    });
    const from = (address: string, key: string): Promise<Answer> =>
      send({ 'X-Forwarded-For': address, Authorization: `Bearer ${key}` }, '/v1/echo', served);
    for (let i = 0; i < 3; i += 1) expect((await from('192.0.2.1', 'wrong')).status).toBe(401);
    const waiting = await from('192.0.2.1', KEYS.read);
    expect(waiting.status).toBe(429);
    expect(waiting.headers['retry-after']).toBe('60');
    expect((await from('192.0.2.2', KEYS.read)).status).toBe(200);
    now += 60_001;
    expect((await from('192.0.2.1', KEYS.read)).status).toBe(200);
  });

  it('are counted by the network of an IPv6 address: one host has all of it', async () => {
    const served = harness({ keys: keyRing(), limits: { failedKeysPerMinute: 2 }, trustProxy: true });
    const statuses = [];
    for (const end of [1, 2, 3]) {
      const headers = { 'X-Forwarded-For': `2001:db8::${end}`, Authorization: 'Bearer wrong' };
      statuses.push((await send(headers, '/v1/echo', served)).status);
    }
    expect(statuses).toEqual([401, 401, 429]);
  });

  it('from a forwarded address count for the sender, where no proxy is trusted', async () => {
    const served = harness({ keys: keyRing(), limits: { failedKeysPerMinute: 2 } });
    const statuses = [];
    for (const end of [1, 2, 3]) {
      const headers = { 'X-Forwarded-For': `192.0.2.${end}`, Authorization: 'Bearer wrong' };
      statuses.push((await send(headers, '/v1/echo', served)).status);
    }
    expect(statuses).toEqual([401, 401, 429]);
  });

  it('of a flood of addresses take no memory without end', () => {
    const throttle = new FailureThrottle(1, () => 0);
    for (let i = 0; i < 20_000; i += 1) throttle.failed(String(i));
    expect(throttle.waitMs('0')).toBe(0);
    expect(throttle.waitMs('19999')).toBe(60_000);
  });
});

describe('requests of a key', () => {
  const served = (): ReturnType<typeof harness> => harness({ keys: keyRing(), limits: { requestsPerMinute: 2 } });

  it('are counted by key, not by address, and shown as the draft has it', async () => {
    const app = served();
    const ask = (key: string, path = '/v1/echo'): Promise<Answer> => send({ 'x-api-key': key }, path, app);
    const first = await ask(KEYS.read);
    expect(first.status).toBe(200);
    expect(first.headers['ratelimit-policy']).toContain('"requests"; q=2; w=60');
    expect(first.headers['ratelimit']).toContain('"requests"; r=1;');
    expect(first.headers).not.toHaveProperty('x-ratelimit-limit-requests');
    const second = await ask(KEYS.read, '/v1/openai');
    expect(second.headers).toMatchObject({
      'x-ratelimit-limit-requests': '2',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': expect.stringMatching(/^\d+s$/) as string,
    });
    const third = await ask(KEYS.read);
    expect(third.status).toBe(429);
    expect(third.body).toMatchObject({ code: 'RATE_LIMITED' });
    expect(Number(third.headers['retry-after-ms'])).toBeGreaterThan(1000);
    expect(third.headers).not.toHaveProperty('x-ratelimit-limit');
    expect((await ask(KEYS.read, '/v1/openai')).body).toMatchObject({ error: { type: 'rate_limit_error' } });
    expect((await ask(KEYS.write)).status).toBe(200);
  });

  it('may be more for one key, and are without a limit where none is set', async () => {
    const keys = new KeyRing([
      { name: 'big', sha256: hashKey('big'), scope: 'read', requestsPerMinute: 5 },
      { name: 'small', sha256: hashKey('small'), scope: 'read' },
    ]);
    const app = harness({ keys });
    const statuses = [];
    for (let i = 0; i < 6; i += 1) statuses.push((await send({ 'x-api-key': 'big' }, '/v1/echo', app)).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
    const { status, headers } = await send({ 'x-api-key': 'small' }, '/v1/echo', app);
    expect(status).toBe(200);
    expect(headers).not.toHaveProperty('ratelimit');
  });

  it('never count for health', async () => {
    const { app } = served();
    for (let i = 0; i < 5; i += 1) await request(app).get('/livez').expect(200);
  });
});
