/** From its creation to its end, over HTTP: real builds in a process of their own, features from model processes. */
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import supertest, { type Test } from 'supertest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApp } from '../../../src/server/app.js';
import { createLog } from '../../../src/server/http/log.js';
import { FolderCatalogue } from '../../../src/server/indexes/folder-catalogue.js';
import { ROUTES } from '../../../src/server/routes/index.js';
import { FeatureCache } from '../../../src/workers/feature-cache.js';
import { ModelPool } from '../../../src/workers/model-pool.js';
import { makePlace, tinyExamples, type Place } from '../../selector/support.js';

let place: Place;
let pool: ModelPool;
let catalogue: FolderCatalogue;
let server: Server;

beforeAll(async () => {
  place = await makePlace();
  pool = new ModelPool();
  const { encoder, indexes, sources = {} } = place.options('any');
  const cache = new FeatureCache(1e6);
  catalogue = new FolderCatalogue({
    pool,
    sources,
    indexes: indexes!,
    encoders: new Map([[encoder, encoder]]),
    cache,
    checkMs: 0,
  });
  const app = createApp({
    routes: ROUTES,
    catalogue,
    keys: undefined,
    log: createLog('silent'),
    limits: { deadlineMs: 200_000 },
  });
  server = createServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await catalogue.close();
  await pool.close();
  await rm(place.folder, { recursive: true, force: true });
});

const at = '/v1/indexes/bank';
const post = (path: string, body: object): Test => supertest(server).post(path).send(body);
const get = (path: string): Test => supertest(server).get(path);
const bodyOf = ({ body }: { body: unknown }) => body as Record<string, unknown>;
const features = { losses: [{ name: 'kl' }], projection: { kind: 'khatri-rao', width: 16 } };
const building = (rows: number, more: object = {}): object => ({
  ...{ name: 'bank', examples: tinyExamples(rows), features, dims: 8 },
  ...more,
});

it('is built, found, changed, replaced under queries and removed', async () => {
  // Refused at once, and nothing is left of it.
  await post('/v1/indexes', building(0)).expect(400);
  await post('/v1/indexes', building(3, { examples: [{ input: ' ', label: 'x' }] })).expect(422);
  await post('/v1/indexes', building(3, { encoder: '/etc' })).expect(404);
  await get(at).expect(404);

  const begun = await post('/v1/indexes', building(24)).expect(202);
  expect(begun.headers['location']).toBe(at);
  await expect.poll(async () => bodyOf(await get(at).expect(200))['state'], { timeout: 100_000 }).toBe('ready');
  const described = bodyOf(await get(at).expect(200));
  expect(described).toMatchObject({ rows: 24, dims: 8, modality: 'text', encoder: 'model', labels: ['cat', 'dog'] });
  expect(JSON.stringify(described)).not.toContain(place.folder);
  await post('/v1/indexes', building(24)).expect(409);

  const own = tinyExamples(24)[5]!;
  const found = bodyOf(await post(`${at}/retrieve`, { query: own.input, k: 1 }).expect(200));
  expect(found).toMatchObject({ generation: described['generation'] });
  expect((found['examples'] as { distance: number }[])[0]!.distance).toBeCloseTo(0, 4);

  const more = tinyExamples(30).slice(20);
  const added = await post(`${at}/examples`, { examples: more }).expect(200);
  expect(bodyOf(added)).toEqual({ inserted: 6, updated: 4, truncated: 0, ids: more.map(({ id }) => id) });
  expect(bodyOf(await post(`${at}/examples/delete`, { ids: ['r0', 'none'] }).expect(200))).toEqual({ deleted: 1 });
  expect(bodyOf(await get(at).expect(200))).toMatchObject({
    rows: 29,
    builtRows: 24,
    choice: { expected: { rows: 24 } },
  });

  // Queries go on while another build takes the place; each is answered by one of the two.
  const generations = new Set<unknown>();
  const replacing = Promise.resolve(post('/v1/indexes?wait=true', building(12, { ifExists: 'replace' })).expect(201));
  for (let replaced = false; !replaced;) {
    const reply = bodyOf(await post(`${at}/retrieve`, { query: 'cat sat', k: 1000 }).expect(200));
    generations.add(reply['generation']);
    expect(reply['examples']).toHaveLength(reply['generation'] === described['generation'] ? 29 : 12);
    // Builds let queries go first: without a pause they would wait for ever.
    replaced = await Promise.race([replacing.then(() => true), pause(50, false)]);
  }
  const replaced = bodyOf(await replacing);
  expect(replaced).toMatchObject({ state: 'ready', rows: 12 });
  expect(replaced['generation']).not.toBe(described['generation']);
  expect(generations).toContain(described['generation']);
  const after = bodyOf(await post(`${at}/retrieve`, { query: 'cat sat' }).expect(200));
  expect(after['generation']).toBe(replaced['generation']);

  await supertest(server).delete(at).expect(204);
  await post(`${at}/retrieve`, { query: 'cat' }).expect(404);
  expect(bodyOf(await get('/v1/indexes').expect(200))).toEqual({ indexes: [] });
}, 300_000);
