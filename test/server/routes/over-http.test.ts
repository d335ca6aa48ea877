/** The routes as clients meet them: over sockets, with an index of a real, tiny model. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { OpenAI } from 'openai';
import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FungiSelector } from '../../../src/selector/selector.js';
import { createApp } from '../../../src/server/app.js';
import { createLog } from '../../../src/server/http/log.js';
import { ROUTES } from '../../../src/server/routes/index.js';
import { tinyModel, writeFiles } from '../../encoders/tiny-model.js';
import { placeIn, tinyExamples } from '../../selector/support.js';
import { FakeCatalogue } from './fake-catalogue.js';

let folder: string;
let selector: FungiSelector;
let catalogue: FakeCatalogue;
let server: Server;
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-over-http-'));
  await writeFiles(join(folder, 'model'), await tinyModel());
  const features = { losses: [{ name: 'kl' as const }], projection: { kind: 'khatri-rao' as const, width: 16 } };
  selector = await FungiSelector.build({
    ...placeIn(folder).options('tiny'),
    ...{ examples: tinyExamples(40), features, dims: 8 },
  });
  catalogue = new FakeCatalogue();
  catalogue.hold(selector);
  await catalogue.put('letters', [{ id: 'a', input: 'aaa', label: 'as' }]);
  const log = createLog('silent');
  server = createServer(createApp({ routes: ROUTES, catalogue, keys: undefined, log })).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await selector.close();
  await rm(folder, { recursive: true });
});

const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  supertest(server).post(path).set(headers).send(body);
const bodyOf = ({ body }: { body: unknown }): Record<string, unknown> => body as Record<string, unknown>;

describe('a selection', () => {
  it('is what the library selects', async () => {
    const query = 'cat sat the dog';
    const filter = { label: 'cat', metadata: { year: { gte: 2001 } } };
    const { examples } = await selector.select(query, { k: 5, filter });
    const reply = await post('/v1/indexes/tiny/retrieve', { query, k: 5, filter }).expect(200);
    expect(bodyOf(reply)['examples']).toEqual(examples);
    const { messages } = await selector.prompt(query, { k: 5, template: 'classify' });
    const prompt = await post('/v1/indexes/tiny/prompt', { query, k: 5, template: 'classify' }).expect(200);
    expect(bodyOf(prompt)['messages']).toEqual(messages);
    const answer = await post('/v1/indexes/tiny/answer', { query, k: 5 }).expect(200);
    expect(bodyOf(answer)).toMatchObject({ by: 'vote', label: (await selector.answer(query, { k: 5 })).label });
  });

  it("holds the query's feature, which finds the same again", async () => {
    const reply = await post('/v1/indexes/tiny/retrieve', { queries: ['cat', 'dog sat'], includeVectors: true });
    const { vectors } = await selector.embed(['cat', 'dog sat']);
    const results = bodyOf(reply)['results'] as { vector: number[] }[];
    expect(results.map(({ vector }) => vector)).toEqual(vectors.map((vector) => [...vector]));
  });

  it('is found for any name of an index by its name alone', async () => {
    for (const name of [
      '..',
      '%2e%2e',
      '%2e%2e%2ftiny',
      'tiny%00',
      'TINY',
      'tiny%20',
      'a'.repeat(64),
      '%F0%9F%98%80',
      "x'%20OR%201",
    ]) {
      const { status, headers } = await post(`/v1/indexes/${name}/retrieve`, { query: 'cat' });
      expect([400, 404], name).toContain(status);
      expect(headers['content-type']).toMatch(/^application\/problem\+json/);
    }
  });

  it('is refused with a pointer to what is wrong', async () => {
    const reply = await post('/v1/indexes/tiny/retrieve', { query: 'cat', k: 0, filter: { lable: 'x' } }).expect(400);
    const pointers = (bodyOf(reply)['errors'] as { pointer: string }[]).map(({ pointer }) => pointer);
    expect(pointers.sort()).toEqual(['#/filter', '#/k']);
    await post('/v1/indexes/none/retrieve', { query: 'cat' }).expect(404);
    await supertest(server).get('/v1/indexes?deep=1').expect(400);
  });

  it('is refused for half a surrogate pair, and takes NUL as data', async () => {
    const send = (text: string) =>
      supertest(server).post('/v1/indexes/tiny/retrieve').set('Content-Type', 'application/json').send(text);
    await send('{"query": "cat \\ud800"}').expect(400);
    await send('{"query": "cat \\u0000\\u202e"}').expect(200);
  });
});

describe('events', () => {
  it('are a selection, then an answer', async () => {
    const reply = await post('/v1/indexes/tiny/answer', { query: 'cat', k: 3 }, { Accept: 'text/event-stream' }).expect(
      200,
    );
    expect(reply.headers['content-type']).toMatch(/^text\/event-stream/);
    const events = reply.text
      .trim()
      .split('\n\n')
      .map((event) => event.split('\n'));
    expect(events.map(([name]) => name)).toEqual(['event: selection', 'event: answer']);
    const types = events.map(([, data]) => (JSON.parse(data!.replace(/^data: /, '')) as { type: string }).type);
    expect(types).toEqual(['selection', 'answer']);
  });
});

describe('an example', () => {
  it('is had by its id, whatever characters that has', async () => {
    const id = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 12 })
      .filter((text) => text.isWellFormed() && !text.includes('\0') && !/^\.{1,2}$/.test(text));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(id, fc.constantFrom('a/b', 'a%2Fb', '%', '?q=1#f', 'delete', '__proto__', ' ', '...')),
        async (one) => {
          await catalogue.put('letters', [
            { id: one, input: `the text of ${one}`, label: 'x' },
            { id: `${one}!`, input: 'another', label: 'y' },
          ]);
          const reply = await supertest(server).get(`/v1/indexes/letters/examples/${encodeURIComponent(one)}`);
          expect(reply.status).toBe(200);
          expect(bodyOf(reply)).toMatchObject({ id: one, input: `the text of ${one}`, label: 'x' });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('has the vector that is searched, and 404 says that there is none', async () => {
    const { id } = tinyExamples(1)[0]!;
    const reply = await supertest(server).get(`/v1/indexes/tiny/examples/${id!}?includeVectors=true`).expect(200);
    const { vector, ...example } = bodyOf(reply);
    const { examples } = await selector.select(tinyExamples(1)[0]!.input, { k: 40, includeVector: true });
    const { rank, distance, ...same } = examples.find((one) => one.id === id)!;
    expect(example).toEqual({ ...same, index: 'tiny', generation: selector.manifest.storeId });
    expect([rank, distance]).toEqual([1, expect.closeTo(0, 3)]);
    expect(vector).toHaveLength(8);

    const none = await supertest(server).get('/v1/indexes/tiny/examples/none%2Fat-all').expect(404);
    expect(none.headers['content-type']).toBe('application/problem+json');
    expect(bodyOf(none)).toMatchObject({
      code: 'EXAMPLE_NOT_FOUND',
      detail: 'index "tiny" has no example "none/at-all"',
    });
    expect(bodyOf(await supertest(server).get('/v1/indexes/none/examples/a').expect(404))['code']).toBe(
      'INDEX_NOT_FOUND',
    );
    await supertest(server).get('/v1/indexes/tiny/examples/a%zz').expect(400);
    await supertest(server).get('/v1/indexes/tiny/examples/a?includeVectors=yes').expect(400);
    const { headers } = await supertest(server).delete('/v1/indexes/tiny/examples/a').expect(405);
    expect(headers['allow']).toBe('GET, HEAD');
    const other = await supertest(server).delete('/v1/indexes/tiny/examples/delete').expect(405);
    expect(other.headers['allow']).toBe('POST');
  });
});

describe('lines', () => {
  const line = (i: number): string => `{"id": "h${i}", "input": "${'a'.repeat((i % 9) + 1)}", "label": "x"}\n`;

  it('are acknowledged while more of them come', async () => {
    await catalogue.put('letters', []);
    const request = httpRequest(`${url}/v1/indexes/letters/examples`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-ndjson' },
    });
    for (let i = 0; i < 256; i++) request.write(line(i));
    // The body has not ended, and the first batch is told of.
    const response = await new Promise<IncomingMessage>((resolve) => request.once('response', resolve));
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toMatch(/^application\/x-ndjson/);
    let text = '';
    const first = new Promise<void>((resolve) => {
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes('\n')) resolve();
      });
    });
    await first;
    expect(JSON.parse(text)).toEqual({ acknowledged: 256, inserted: 256, updated: 0, truncated: 0 });
    const ended = new Promise((resolve) => response.once('end', resolve));
    request.end(line(256) + line(0));
    await ended;
    const last = JSON.parse(text.trim().split('\n').at(-1)!) as object;
    expect(last).toEqual({ acknowledged: 258, inserted: 257, updated: 1, truncated: 0, complete: true });
  });

  it('end at a bad one with its number, and what was acknowledged stays', async () => {
    await catalogue.put('letters', []);
    const body = Array.from({ length: 300 }, (_, i) => (i === 270 ? '{"input": "a"}\n' : line(i))).join('');
    const reply = await supertest(server)
      .post('/v1/indexes/letters/examples')
      .set('Content-Type', 'application/x-ndjson')
      .buffer(true)
      .parse((response, done) => {
        const parts: string[] = [];
        response.on('data', (chunk: Buffer) => parts.push(chunk.toString()));
        response.on('end', () => {
          done(null, parts.join(''));
        });
      })
      .send(body);
    const lines = (reply.body as string).trim().split('\n');
    expect(JSON.parse(lines[0]!)).toEqual({ acknowledged: 256, inserted: 256, updated: 0, truncated: 0 });
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/line 271/);
    expect(catalogue.indexes.get('letters')!.selector.size).toBe(256);
  });
});

describe('a repetition', () => {
  it('gets the first reply, byte for byte, and stores nothing', async () => {
    const path = '/v1/indexes/letters/examples';
    const body = { examples: [{ input: 'eee', label: 'es' }] };
    const key = { 'Idempotency-Key': 'once' };
    const first = await post(path, body, key).expect(200);
    const again = await post(path, body, key).expect(200);
    expect(again.text).toBe(first.text);
    expect([first.headers['idempotent-replayed'], again.headers['idempotent-replayed']]).toEqual([undefined, 'true']);
    await post(path, { examples: [{ input: 'ooo', label: 'os' }] }, key).expect(409);
    await post(path, body, { 'Idempotency-Key': 'x'.repeat(256) }).expect(400);
  });
});

describe("OpenAI's own client", () => {
  const client = (): OpenAI => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });

  it('reads embeddings, which it asks for in base64, as the very floats', async () => {
    const input = ['cat sat', 'the dog'];
    const { data, model, usage } = await client().embeddings.create({ model: 'tiny', input });
    const { vectors } = await selector.embed(input);
    expect(data.map(({ embedding }) => embedding)).toEqual(vectors.map((vector) => [...vector]));
    expect(data.map(({ index }) => index)).toEqual([0, 1]);
    expect([model, usage]).toEqual(['tiny', { prompt_tokens: 4, total_tokens: 4 }]);
    const floats = await client().embeddings.create({ model: 'tiny', input, encoding_format: 'float' });
    expect(floats.data.map(({ embedding }) => embedding)).toEqual(data.map(({ embedding }) => embedding));
  });

  it('lists models, and finds one whose id has a slash', async () => {
    const ids: string[] = [];
    for await (const { id } of client().models.list()) ids.push(id);
    expect(ids).toEqual(['owner/letters', 'letters', 'tiny']);
    expect(await client().models.retrieve('owner/letters')).toMatchObject({
      object: 'model',
      owned_by: 'fungi-encoder',
    });
    expect(await client().models.retrieve('tiny')).toMatchObject({ object: 'model', owned_by: 'fungi-index' });
  });

  it('tells errors apart', async () => {
    const none = client().embeddings.create({ model: 'none', input: 'a' });
    await expect(none).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(none).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND', param: 'model' });
    const empty = client().embeddings.create({ model: 'tiny', input: '' });
    await expect(empty).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    await expect(empty).rejects.toMatchObject({ param: 'input' });
    const wide = client().embeddings.create({ model: 'tiny', input: 'a', dimensions: 9 });
    await expect(wide).rejects.toMatchObject({ status: 400, param: 'dimensions' });
    const tokens = client().embeddings.create({ model: 'tiny', input: [1, 2] });
    await expect(tokens).rejects.toThrow(/token arrays/);
  });
});

describe('the document', () => {
  interface Documented {
    readonly parameters: { readonly name: string; readonly in: string }[];
    readonly responses: Record<string, { readonly content: object }>;
  }
  const operations = async (): Promise<Record<string, { post: Documented }>> =>
    bodyOf(await supertest(server).get('/openapi.json').expect(200))['paths'] as Record<string, { post: Documented }>;

  it('names what streams, beside the whole', async () => {
    const paths = await operations();
    const types = (path: string): string[] => Object.keys(paths[path]!.post.responses['200']!.content);
    expect(types('/v1/indexes/{name}/answer')).toEqual(['application/json', 'text/event-stream']);
    expect(types('/v1/indexes/{name}/examples')).toEqual(['application/json', 'application/x-ndjson']);
  });

  it('names the header that a handler reads', async () => {
    const { parameters } = (await operations())['/v1/indexes/{name}/examples']!.post;
    expect(parameters).toContainEqual(
      expect.objectContaining({ name: 'Idempotency-Key', in: 'header', required: false }),
    );
  });
});
