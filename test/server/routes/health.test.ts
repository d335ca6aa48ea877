/** The report on an index's health over HTTP: the library's, one at a time, and never the server's whole attention. */
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import supertest from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import type { ExampleInput } from '../../../src/core/item.js';
import type { HealthOptions } from '../../../src/health/pool-health.js';
import type { FungiSelector } from '../../../src/selector/selector.js';
import { createApp } from '../../../src/server/app.js';
import type { HttpLimits } from '../../../src/server/http/limits.js';
import { createLog } from '../../../src/server/http/log.js';
import type { IndexCatalogue } from '../../../src/server/indexes/catalogue.js';
import { ROUTES } from '../../../src/server/routes/index.js';
import { deferred, emptyCatalogue } from '../http/support.js';
import { ask, askJson, codeOf } from './ask.js';
import { FakeCatalogue } from './fake-catalogue.js';

const path = { name: 'desk' };

/** Texts of letters that are counted; some twice, some under two labels. */
const letters = (count: number): ExampleInput[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ id: `r${i}`, label: `label ${i % 3}` },
    input: `${'a'.repeat(i % 7)}${'e'.repeat(i % 5)}${'o'.repeat((3 * i) % 4)}x`,
  }));

async function desk(count = 60) {
  const catalogue = new FakeCatalogue();
  const { selector, featurizer } = await catalogue.put('desk', letters(count));
  return { catalogue, selector, featurizer };
}

const health = (catalogue: IndexCatalogue, body: object = {}, signal = new AbortController().signal) =>
  askJson(catalogue, 'indexHealth', { path, body, context: { signal } });

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

async function serve(catalogue: IndexCatalogue, limits: Partial<HttpLimits> = {}): Promise<number> {
  const app = createApp({ routes: ROUTES, catalogue, keys: undefined, limits, log: createLog('silent') });
  server = createServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server!.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

describe('the report', () => {
  it("is the library's, with the generation that it is of", async () => {
    const { catalogue, selector } = await desk();
    const item = fc.constantFrom('a', 'aae', 'ooo', 'AAE ', 'xyz', 'eeeee');
    const options = fc.record(
      {
        k: fc.integer({ min: 1, max: 200 }),
        nearDistance: fc.double({ min: 0, max: 2, noNaN: true }),
        ...{ top: fc.integer({ min: 1, max: 40 }), select: fc.integer({ min: 1, max: 5 }) },
        ...{ queries: fc.array(item, { minLength: 1 }), unlabelled: fc.array(item, { minLength: 1 }) },
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(options, async (given) => {
        const { select, ...rest } = given as HealthOptions;
        const body = rest.unlabelled === undefined || select === undefined ? rest : { ...rest, select };
        const { index, generation, ...report } = await health(catalogue, body);
        expect([index, generation]).toEqual(['desk', 'one']);
        expect(report).toEqual(await selector.health(body as HealthOptions));
      }),
      { numRuns: 40 },
    );
  });

  it('shows no path of the server, and data as they are', async () => {
    const catalogue = new FakeCatalogue({ 'owner/pictures': 'image' });
    const data = 'data:image/png;base64,iVBORw0KGgo=';
    await catalogue.put(
      'desk',
      Array.from({ length: 12 }, (_, i) => ({
        input: i === 0 ? data : `/srv/secret/${'x'.repeat(50)}${i % 5}.png`,
        label: `l${i % 2}`,
      })),
      { modality: 'image' },
    );
    const body = {
      ...{ k: 2, top: 50 },
      nearDistance: 2,
      queries: [data + 'x'.repeat(90)],
      unlabelled: [data + 'x'.repeat(40), `${data}o`],
    };
    const report = await health(catalogue, body);
    const text = JSON.stringify(report);
    expect(text).not.toContain('/srv');
    expect(text).toContain(`"input":"${data}"`);
    for (const part of ['doubts', 'duplicates', 'coverage', 'next', 'drift']) {
      expect(JSON.stringify(report[part]), part).toContain('"input":null');
    }
  });

  it('says over a socket what it says here, and 404 and 400 what is not there or not taken', async () => {
    const { catalogue, selector } = await desk();
    await catalogue.put('small', [{ input: 'a', label: 'as' }]);
    await serve(catalogue);
    const post = (name: string, body: object) => supertest(server!).post(`/v1/indexes/${name}/health`).send(body);
    const reply = await post('desk', { k: 3 }).expect(200);
    expect(reply.body).toEqual({ index: 'desk', generation: 'one', ...(await selector.health({ k: 3 })) });
    expect((await post('none', {}).expect(404)).body).toMatchObject({ code: 'INDEX_NOT_FOUND' });
    expect((await post('desk', { k: 0 }).expect(400)).body).toMatchObject({ errors: [{ pointer: '#/k' }] });
    expect((await post('small', {}).expect(400)).body).toMatchObject({
      ...{ code: 'INVALID_ARGUMENT', detail: 'health: the index has 1 examples, two are needed' },
    });
    await supertest(server!).get('/v1/indexes/desk/health').expect(405);
  });
});

describe('what is asked for', () => {
  const refused: [name: string, body: unknown][] = [
    ...[0, 201, 1.5, '3', null].map((k): [string, unknown] => [`k ${JSON.stringify(k)}`, { k }]),
    ...[0, 1001].flatMap((n): [string, unknown][] => [[`top ${n}`, { top: n }], [`select ${n}`, { select: n }]]), // prettier-ignore
    ...[-0.1, 2.1].map((nearDistance): [string, unknown] => [`nearDistance ${nearDistance}`, { nearDistance }]),
    ...['queries', 'unlabelled'].flatMap((list): [string, unknown][] => [
      [`no ${list}`, { [list]: [] }],
      [`2,049 ${list}`, { [list]: Array(2049).fill('a') }],
      [`${list} of which one is empty`, { [list]: ['a', ''] }],
      [`${list} that are no list`, { [list]: 'a' }],
    ]),
    ['a member that there is not', { neighbours: 3 }],
    ['nothing', undefined],
  ];
  it.each(refused)('is refused where it is %s', async (_, body) => {
    const { catalogue } = await desk(2);
    expect(await codeOf(ask(catalogue, 'indexHealth', { path, body }))).toBe('INVALID_REQUEST');
  });

  it('takes the bounds themselves, and 2,048 items in all', async () => {
    const { catalogue } = await desk(3);
    await health(catalogue, { k: 200, top: 1000, select: 1000, nearDistance: 2, unlabelled: ['a'] });
    const items = Array<string>(1024).fill('a');
    await health(catalogue, { queries: items, unlabelled: items });
    const more = health(catalogue, { queries: items, unlabelled: [...items, 'b'] });
    await expect(more).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: /2049 items/ });
  });

  it('is refused where there is nothing to select from', async () => {
    const { catalogue } = await desk(3);
    await expect(health(catalogue, { select: 5 })).rejects.toMatchObject({
      ...{ code: 'INVALID_ARGUMENT', hint: expect.stringContaining('unlabelled') as string },
    });
    await serve(catalogue);
    const reply = await supertest(server!).post('/v1/indexes/desk/health').send({ select: 5 }).expect(400);
    expect(reply.body).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('may be nothing at all: no body is that of no members', async () => {
    const { catalogue } = await desk(3);
    await serve(catalogue);
    const url = '/v1/indexes/desk/health';
    const { body } = (await supertest(server!).post(url).send({}).expect(200)) as { readonly body: unknown };
    expect((await supertest(server!).post(url).expect(200)).body).toEqual(body);
    const typed = supertest(server!).post(url).set('Content-Type', 'application/json').set('Content-Length', '0');
    expect((await typed.expect(200)).body).toEqual(body);
    await supertest(server!).post('/v1/indexes/desk/retrieve').expect(415);
  });

  it('is refused where an item is none, before others are waited for', async () => {
    const { catalogue, featurizer } = await desk(5);
    const gate = deferred<undefined>();
    featurizer.gate = gate.promise;
    const first = health(catalogue, { queries: ['a'] });
    const path = 'a'.repeat(100_001);
    await expect(health(catalogue, { queries: ['a', path] })).rejects.toMatchObject({
      ...{ code: 'INVALID_TEXT', message: /^queries 1: / },
    });
    await expect(health(catalogue, { unlabelled: [path] })).rejects.toMatchObject({ message: /^unlabelled 0: / });
    await expect(health(catalogue, { unlabelled: [' '] }, AbortSignal.timeout(50))).rejects.toMatchObject({});
    gate.resolve(undefined);
    await first;
    expect(await codeOf(health(catalogue, { queries: [' '] }))).toBe('INVALID_TEXT');
  });

  it.each([
    [20_000, 512, 0, true],
    [20_001, 512, 0, false],
    [20_000, 8, 0, true],
    [20_001, 8, 0, false],
    [20_000, 512, 1, false],
    [7071, 4096, 0, true],
    [7072, 4096, 0, false],
  ])('may be %i examples of %i dimensions with %i items: %s', async (size, dims, items, fits) => {
    const report = new Error('asked for');
    const selector = { size, dims, modality: 'text', health: () => Promise.reject(report) } as unknown as FungiSelector;
    const catalogue = emptyCatalogue({ use: (_, work) => work(selector) });
    const asked = health(catalogue, items === 0 ? {} : { queries: Array(items).fill('a') });
    if (fits) await expect(asked).rejects.toBe(report);
    else await expect(asked).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: /pairs of \d+ dimensions/ });
  });
});

describe('requests', () => {
  it('take turns, whatever their index, and the library waits for none', async () => {
    const { catalogue, selector, featurizer } = await desk(20);
    await catalogue.put('other', letters(10));
    const gate = deferred<undefined>();
    featurizer.gate = gate.promise;
    const ended: string[] = [];
    const one = health(catalogue, { queries: ['a'] }).then(() => ended.push('one'));
    const two = health(catalogue, {}).then(() => ended.push('two'));
    const other = askJson(catalogue, 'indexHealth', { path: { name: 'other' }, body: {} }).then(() =>
      ended.push('other'),
    );
    const elsewhere = health((await desk(5)).catalogue).then(() => ended.push('elsewhere')); // the event loop is the same
    await selector.health(); // is not held up
    expect(ended).toEqual([]);
    expect(catalogue.inUse).toBe(1); // who waits keeps no generation open
    gate.resolve(undefined);
    await Promise.all([one, two, other, elsewhere]);
    expect(ended).toEqual(['one', 'two', 'other', 'elsewhere']);
  });

  it('wait as long as they like, eight of them; one that leaves makes room', async () => {
    const { catalogue, featurizer } = await desk(20);
    const gate = deferred<undefined>();
    featurizer.gate = gate.promise;
    const first = health(catalogue, { queries: ['a'] });
    const leaver = new AbortController();
    const leaving = health(catalogue, {}, leaver.signal);
    const waiting = Array.from({ length: 7 }, () => health(catalogue));
    await catalogue.put('other', letters(10));
    await turn();
    for (const name of ['desk', 'other']) {
      const tooMany = askJson(catalogue, 'indexHealth', { path: { name }, body: {} });
      await expect(tooMany).rejects.toMatchObject({ code: 'OVERLOADED', details: { retryAfterMs: 5000 } });
    }
    const reason = new FungiError('DEADLINE_EXCEEDED', 'late');
    leaver.abort(reason);
    await expect(leaving).rejects.toBe(reason);
    waiting.push(health(catalogue));
    gate.resolve(undefined);
    await Promise.all([first, ...waiting]);
  });

  it('what cannot be done is told of at once, whoever waits', async () => {
    const { catalogue, featurizer } = await desk(20);
    const gate = deferred<undefined>();
    featurizer.gate = gate.promise;
    const first = health(catalogue, { queries: ['a'] });
    const waiting = Array.from({ length: 8 }, () => health(catalogue));
    await turn();
    const none = askJson(catalogue, 'indexHealth', { path: { name: 'none' }, body: {} });
    expect(await codeOf(none)).toBe('INDEX_NOT_FOUND');
    gate.resolve(undefined);
    await Promise.all([first, ...waiting]);
  });

  it('end with the request, and let the next one go on', async () => {
    const { catalogue, featurizer } = await desk(20);
    const gate = deferred<undefined>();
    featurizer.gate = gate.promise;
    const reason = new FungiError('ABORTED', 'left');
    const leaver = new AbortController();
    const first = health(catalogue, { queries: ['a'] }, leaver.signal);
    await turn();
    leaver.abort(reason);
    gate.resolve(undefined);
    await expect(first).rejects.toBe(reason);
    expect(catalogue.inUse).toBe(0);
    expect(await health(catalogue)).toMatchObject({ rows: 20 });
    expect(await codeOf(health(catalogue, {}, AbortSignal.abort(reason)))).toBe('ABORTED');
  });
});

describe('while a report is made', () => {
  const many = letters(4000).map((example, i) => ({ ...example, input: `${example.input} ${i}` }));

  it('other requests are answered', async () => {
    const catalogue = new FakeCatalogue();
    await catalogue.put('desk', many);
    await serve(catalogue);
    let isOver = false;
    const ended = (async () => {
      await supertest(server!).post('/v1/indexes/desk/health').send({ k: 50 }).expect(200);
      isOver = true;
    })();
    let answered = 0;
    const goesOn = (): boolean => !isOver;
    while (goesOn()) {
      await supertest(server!).get('/livez').expect(200);
      answered++;
    }
    await ended;
    expect(answered).toBeGreaterThan(20);
  });

  it('a client that leaves ends it', async () => {
    const catalogue = new FakeCatalogue();
    await catalogue.put('desk', many);
    const port = await serve(catalogue);
    const headers = { 'Content-Type': 'application/json' };
    const asked = httpRequest({ port, path: '/v1/indexes/desk/health', method: 'POST', headers });
    asked.on('error', () => undefined);
    asked.end('{"k": 200}');
    while (catalogue.inUse === 0) await turn();
    asked.destroy();
    while (catalogue.inUse > 0) await sleep(1);
    const { text } = await supertest(server!).get('/metrics').expect(200);
    expect(text).not.toContain('fungi_health_examples{');
  });

  it('the deadline ends it', async () => {
    const catalogue = new FakeCatalogue();
    await catalogue.put('desk', many);
    await serve(catalogue, { deadlineMs: 100 });
    const late = await supertest(server!).post('/v1/indexes/desk/health').send({ k: 200 }).expect(504);
    expect(late.body).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    while (catalogue.inUse > 0) await sleep(1);
    const { text } = await supertest(server!).get('/metrics').expect(200);
    expect(text).not.toContain('fungi_health_examples{');
  });
});
