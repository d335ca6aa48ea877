import fc from 'fast-check';
import request from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import type { Impairment, IndexStatus } from '../../../src/server/indexes/catalogue.js';
import { Lifecycle } from '../../../src/server/http/lifecycle.js';
import { createLog } from '../../../src/server/http/log.js';
import { phaseListener } from '../../../src/core/phases.js';
import { createMetrics } from '../../../src/server/operations/metrics.js';
import type { RequestContext } from '../../../src/server/route.js';
import {
  emptyCatalogue,
  exchangeRaw,
  harness,
  json,
  keyRing,
  KEYS,
  route,
  start,
  statusOf,
  stopAll,
  type Answer,
} from './support.js';

const get = async (app: ReturnType<typeof harness>['app'], path: string, headers = {}): Promise<Answer> =>
  request(app).get(path).set(headers);

const traced = (): ReturnType<typeof harness> =>
  harness({
    routes: [
      route({}, ({ context }: { context: RequestContext }) => {
        context.timing('upstream', 1.25);
        return json({ id: context.requestId, traceparent: context.call().headers['traceparent'] });
      }),
    ],
  });

afterEach(stopAll);

describe('a request', () => {
  it.each([
    ['abc-_9', true],
    ['x'.repeat(128), true],
    ['x'.repeat(129), false],
    ['a b', false],
    ['a"b', false],
    ['', false],
  ])('keeps the id %j: %s', async (id, kept) => {
    const reply = (await request(traced().app).post('/v1/echo').set('X-Request-Id', id).send({ text: 'a' })) as Answer;
    const own = reply.headers['x-request-id'];
    expect(own).toMatch(/^[\w-]{1,128}$/);
    expect(own === id).toBe(kept);
    expect(reply.body).toMatchObject({ id: own });
    expect(reply.headers['server-timing']).toMatch(/^upstream;dur=1\.[23], total;dur=\d+\.\d$/);
  });

  it.each([
    ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', true],
    ['00-00000000000000000000000000000000-00f067aa0ba902b7-01', false],
    ['00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01', false],
    ['ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', false],
    ['00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01', false],
    ['nonsense', false],
  ])('is part of the trace %s: %s', async (given, same) => {
    const reply = await request(traced().app).post('/v1/echo').set('traceparent', given).send({ text: 'a' });
    const { traceparent } = (reply as Answer).body as { traceparent: string };
    expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
    expect(traceparent.slice(0, 35) === given.slice(0, 35)).toBe(same);
    expect(traceparent).not.toBe(given);
  });

  it('counts by its route how long it waited for a model process', async () => {
    const metrics = createMetrics();
    const waiting = route({}, async () => {
      await new Promise(setImmediate);
      for (const [start, end] of [
        [1000, 1250],
        [2000, 2500],
      ] as const)
        phaseListener()?.({ name: 'queue', start, end, sizes: {} });
      phaseListener()?.({ name: 'infer', start: 0, end: 40, sizes: {} });
      return json({});
    });
    const { app } = harness({ routes: [waiting], metrics });
    const reply = (await request(app).post('/v1/echo').send({ text: 'a' })) as Answer;
    expect(reply.headers['server-timing']).toMatch(/^queue;dur=750\.0, infer;dur=40\.0, total;dur=/);
    const { text } = await get(app, '/metrics');
    expect(text).toMatch(/^fungi_queue_wait_seconds_sum\{route="\/v1\/echo"\} 0\.75$/m);
    expect(text).toMatch(/^fungi_queue_wait_seconds_count\{route="\/v1\/echo"\} 2$/m);
    expect(text).toMatch(/^fungi_queue_wait_seconds_bucket\{le="0\.25",route="\/v1\/echo"\} 1$/m);
  });

  it('is a line of the log that says which and how long, and neither text nor key', async () => {
    const served = harness({ keys: keyRing() });
    const headers = { Authorization: `Bearer ${KEYS.read}`, 'x-canary': 'canary-header' };
    await request(served.app).post('/v1/echo?canary-query').set(headers).send({ text: 'canary-text' });
    await request(served.app).post('/v1/echo').set(headers).send({ text: 'canary-text', 'canary-member': 1 });
    await request(served.app)
      .post('/v1/echo')
      .set('Authorization', 'Bearer canary-wrong')
      .send({ text: 'canary-text' });
    await request(served.app).post('/v1/echo').set(headers).set('Content-Type', 'canary/type').send('canary-text');
    await get(served.app, '/v1/things/canary-path', headers);
    await get(served.app, '/canary-nowhere', headers);
    const log = served.log.join('');
    expect(served.log).toHaveLength(6);
    expect(log).not.toContain('canary');
    const [first, ...others] = served.log.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toMatchObject({ method: 'POST', route: '/v1/echo', status: 200, keyName: 'read', msg: 'request' });
    expect(others.map(({ status }) => status)).toEqual([400, 401, 415, 400, 404]);
    const { text } = await get(served.app, '/metrics', headers);
    expect(text).not.toContain('canary');
  });

  it('logs no secret, wherever one turns up', () => {
    const lines: string[] = [];
    const log = createLog('info', { write: (line) => lines.push(line) });
    const secrets = {
      authorization: 'canary',
      'x-api-key': 'canary',
      apiKey: 'canary',
      cookie: 'canary',
      token: 'canary',
    };
    log.info(secrets, 'a');
    log.info({ req: { headers: secrets }, llm: secrets }, 'b');
    expect(lines.join('')).not.toContain('canary');
    expect(lines.join('').split('[redacted]').length).toBe(16);
  });
});

describe('health', () => {
  it('is alive without a key, and without asking any part', async () => {
    const catalogue = emptyCatalogue({ readiness: () => Promise.reject(new Error('no')) });
    const { app } = harness({ keys: keyRing(), catalogue });
    expect(await get(app, '/livez')).toMatchObject({ status: 200, body: { status: 'ok' } });
  });

  it.each(['/readyz', '/healthz', '/health'])('%s names the parts that do not work', async (path) => {
    expect(await get(harness({ keys: keyRing() }).app, path)).toMatchObject({
      status: 200,
      body: { status: 'ready', reasons: [] },
    });
    const of = (...impacts: Impairment['impact'][]) => {
      const reasons = impacts.map((impact): Impairment => ({ part: 'index a', reason: 'INDEX_CORRUPT', impact }));
      const { app } = harness({ catalogue: emptyCatalogue({ readiness: () => Promise.resolve(reasons) }) });
      return { app, reasons };
    };
    const unready = of('degraded', 'unready', 'starting');
    const reply = await get(unready.app, path);
    expect(reply).toMatchObject({ status: 503, body: { status: 'unready', reasons: unready.reasons } });
    expect(reply.headers['retry-after']).toBe('5');
    expect(await get(of('starting', 'degraded').app, path)).toMatchObject({
      status: 503,
      body: { status: 'starting' },
    });
    const degraded = of('degraded', 'degraded');
    expect(await get(degraded.app, path)).toMatchObject({
      status: 200,
      body: { status: 'degraded', reasons: degraded.reasons },
    });
    const { text } = await get(degraded.app, '/metrics');
    expect(text).toMatch(/^fungi_ready 1$/m);
    expect(text).toMatch(/^fungi_impairments\{impact="degraded"\} 2$/m);
    expect((await get(unready.app, '/metrics')).text).toMatch(/^fungi_ready 0$/m);
  });

  it('is unready from the moment of a stop, and keeps no connection', async () => {
    const lifecycle = new Lifecycle();
    const { app } = harness({ lifecycle });
    lifecycle.drain();
    const reply = await get(app, '/readyz');
    expect(reply.status).toBe(503);
    expect(reply.headers['connection']).toBe('close');
    expect((await get(app, '/livez')).status).toBe(200);
  });
});

describe('metrics', () => {
  /** Names with labels, values left out. */
  const series = (text: string): string[] =>
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.replace(/ [^ ]*$/, ''))
      .filter((name) => !/^nodejs|^process/.test(name))
      .sort();

  it('ask for a key where there are keys', async () => {
    const { app } = harness({ keys: keyRing() });
    expect((await get(app, '/metrics')).status).toBe(401);
    expect((await get(app, '/metrics', { 'x-api-key': KEYS.read })).status).toBe(200);
  });

  it('have the names that docs and dashboards know', async () => {
    const ready = (name: string, rows: number): IndexStatus => ({ state: 'ready', name, rows, manifest: {} as never });
    const many = Array.from({ length: 130 }, (_, i) => ready(`i${String(i).padStart(3, '0')}`, 2));
    const overloaded = route({}, () => Promise.reject(new FungiError('OVERLOADED', 'full')));
    const { app } = harness({ routes: [overloaded], catalogue: emptyCatalogue({ list: () => Promise.resolve(many) }) });
    await request(app).post('/v1/echo').send({ text: 'a' });
    const { text, headers } = await get(app, '/metrics');
    expect(headers['content-type']).toContain('text/plain');
    for (const line of [
      'http_request_duration_seconds_count{method="POST",route="/v1/echo",status="503"} 1',
      'http_requests_in_flight 1',
      'fungi_requests_shed_total{reason="OVERLOADED"} 1',
      'fungi_index_rows{index="i000"} 2',
      'fungi_index_rows{index="OTHERS"} 60',
      'nodejs_eventloop_lag_p99_seconds ',
      'fungi_build_info{version="',
    ]) {
      expect(text).toContain(line);
    }
    expect(text.match(/fungi_index_rows\{/g)).toHaveLength(101);
  });

  it('get no series from paths, methods, ids or keys that clients make up', async () => {
    const served = harness({ keys: keyRing(), metrics: createMetrics() });
    const { port } = await start(served);
    const ask = (line: string): Promise<string> =>
      exchangeRaw(port, `${line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nx-api-key: ${KEYS.admin}\r\n\r\n`);
    for (const first of [
      'GET /nowhere',
      'GET /v1/things/a',
      'GET /v1/things/A',
      'GET /%',
      'REPORT /livez',
      'GET /metrics',
    ]) {
      await ask(first);
    }
    const metrics = async (): Promise<string[]> =>
      series((await get(served.app, '/metrics', { 'x-api-key': KEYS.read })).text);
    await metrics();
    const before = await metrics();
    const path = fc
      .string({
        unit: fc.constantFrom('/', 'a', 'b', '.', '%', '%20', '?', '&', '=', ':', '{', '}', '~', 'é'),
        maxLength: 20,
      })
      .map((text) => `/${encodeURI(text)}`);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('', '/v1/things', '/zzz'), path, async (start_, rest) => {
        const status = statusOf(await ask(`GET ${start_}${rest}`));
        expect([200, 400, 404]).toContain(status);
      }),
      { numRuns: 150 },
    );
    expect(await metrics()).toEqual(before);
  });
});
