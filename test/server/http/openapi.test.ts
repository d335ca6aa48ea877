import { readFileSync } from 'node:fs';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../../../src/core/errors.js';
import { CHAT, noChatRoute } from '../../../src/server/chat/chat-route.js';
import { openApiDocument, type Operation } from '../../../src/server/openapi/document.js';
import { documentPage } from '../../../src/server/openapi/page.js';
import { servedDocument } from '../../../src/server/openapi/served.js';
import { OPERATIONS } from '../../../src/server/operations/operations.js';
import { ROUTES } from '../../../src/server/routes/index.js';
import { emptyCatalogue, harness, route, type Answer } from './support.js';

const committed = JSON.parse(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')) as unknown;
const document = servedDocument();
const operations = Object.values(document.paths).flatMap((methods): Operation[] => Object.values(methods));

/** Every `$ref` below `node`. */
function refs(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => (key === '$ref' ? [value as string] : refs(value)));
}

function at(root: unknown, pointer: string): unknown {
  return pointer
    .slice(2)
    .split('/')
    .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], root);
}

describe('the document', () => {
  it('is the committed one, as it is served (npm run docs:openapi writes it)', async () => {
    const { app } = harness({ routes: [...ROUTES, noChatRoute], catalogue: emptyCatalogue() });
    const { status, body } = (await request(app).get('/openapi.json')) as Answer;
    expect(status).toBe(200);
    expect(body).toEqual(committed);
  });

  it('has every route once, each under an id of its own', () => {
    const routes = [...ROUTES, CHAT, ...Object.values(OPERATIONS)];
    expect(operations).toHaveLength(routes.length);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(routes.length);
  });

  it('refers to nothing that it does not hold', () => {
    const all = refs(document);
    expect(all.length).toBeGreaterThan(50);
    expect(all.filter((ref) => !ref.startsWith('#/components/') || at(document, ref) === undefined)).toEqual([]);
    expect(JSON.stringify(document)).not.toMatch(/\$defs|\$schema|__schema/);
  });

  it('states each status by itself, none by default, and what a path needs', () => {
    for (const { responses } of operations) {
      expect(responses).not.toHaveProperty('default');
      for (const status of ['400', '431', '500', '503', '504']) expect(responses).toHaveProperty(status);
    }
    for (const [path, methods] of Object.entries(document.paths)) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters = [] } of Object.values(methods)) {
        expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(names);
      }
    }
  });

  it('adds the statuses of keys, bodies and limits to those of the work', () => {
    const statuses = (parts: Parameters<typeof route>[0]): string[] =>
      Object.keys(openApiDocument([route(parts)]).paths['/v1/echo']?.['post']?.responses ?? {});
    const failures: ErrorCode[] = ['INDEX_LOCKED'];
    expect(statuses({ failures })).toEqual([
      '200',
      '400',
      '401',
      '403',
      '408',
      '413',
      '415',
      '423',
      '429',
      '431',
      '500',
      '503',
      '504',
    ]);
    expect(statuses({ failures: [], scope: null })).toEqual([
      '200',
      '400',
      '408',
      '413',
      '415',
      '431',
      '500',
      '503',
      '504',
    ]);
    expect(() => statuses({ failures: ['NO_SUCH_CODE'] })).toThrow('NO_SUCH_CODE');
  });

  it('says of a filter, and of query or queries, what the routes refuse', async () => {
    const { Filter } = document.components['schemas'] as Record<string, Record<string, unknown>>;
    expect(Filter).toMatchObject({ type: 'object', additionalProperties: false });
    expect(Object.keys(Filter!['properties'] as object)).toEqual(['label', 'metadata', 'and', 'or', 'not']);
    const { requestBody } = document.paths['/v1/indexes/{name}/retrieve']?.['post'] as Operation;
    expect(requestBody?.content['application/json']?.schema).toMatchObject({
      properties: { filter: { $ref: '#/components/schemas/Filter' } },
      additionalProperties: false,
      oneOf: [{ required: ['query'] }, { required: ['queries'] }],
    });
    const { app } = harness({ routes: [...ROUTES] });
    for (const body of [{}, { query: 'a', queries: ['a'] }, { query: 'a', filter: { lable: 'a' } }]) {
      const { status } = await request(app).post('/v1/indexes/desk/retrieve').send(body);
      expect(status).toBe(400);
    }
  });

  it('has streams beside whole replies: what an event or a line is, and the error that may end it', () => {
    const content = (path: string): Record<string, { schema: unknown }> =>
      document.paths[path]!['post']!.responses['200']!.content as never;
    const problem = { $ref: '#/components/schemas/Problem' };
    const answered = content('/v1/indexes/{name}/answer');
    expect(Object.keys(answered)).toEqual(['application/json', 'text/event-stream']);
    expect(answered['text/event-stream']!.schema).toMatchObject({
      properties: { data: { contentMediaType: 'application/json', contentSchema: { anyOf: [{}, problem] } } },
    });
    const added = content('/v1/indexes/{name}/examples');
    expect(Object.keys(added)).toEqual(['application/json', 'application/x-ndjson']);
    expect(added['application/x-ndjson']!.schema).toMatchObject({ anyOf: [{}, { properties: { error: problem } }] });
    const chat = content('/v1/chat/completions');
    // Its last event is no JSON.
    expect(chat['text/event-stream']!.schema).toMatchObject({ properties: { data: { type: 'string' } } });
  });

  it('names the headers that a route reads and replies by itself', () => {
    const { parameters, responses } = document.paths['/v1/chat/completions']!['post']!;
    expect(parameters?.map(({ name, in: place }) => `${place} ${name}`)).toEqual([
      'header x-fungi-index',
      'header x-fungi-k',
    ]);
    expect(responses['200']?.headers).toHaveProperty('x-fungi-examples');
    expect(document.paths['/v1/indexes']!['post']!.responses['202']?.headers).toHaveProperty('Location');
  });

  it('has the security of a scope where there is one', () => {
    const { security } = document.paths['/livez']?.['get'] as Operation;
    expect(security).toEqual([]);
    const { security: guarded } = document.paths['/v1/indexes']?.['get'] as Operation;
    expect(guarded).toEqual([{ bearer: [] }, { apiKey: [] }]);
  });

  it('names every code of the table that a route says it can end in', () => {
    for (const one of ROUTES) {
      const { responses } = document.paths[one.path]?.[one.method] as Operation;
      for (const code of one.failures) {
        if (code === 'ABORTED') continue;
        expect(responses[ERRORS[code as ErrorCode].http]?.description).toContain(code);
      }
    }
  });

  it('takes parts that hold themselves out of where they stand', () => {
    interface Tree {
      readonly value: string;
      readonly children: Tree[];
    }
    const tree: z.ZodType<Tree> = z.lazy(() => z.strictObject({ value: z.string(), children: z.array(tree) }));
    const body = { size: 'small', schema: z.strictObject({ tree, again: tree.optional() }) } as const;
    const replies = { 200: { description: 'A tree', schema: tree } };
    const made = openApiDocument([route({ body, replies })]);
    expect(refs(made).filter((ref) => at(made, ref) === undefined)).toEqual([]);
    expect(JSON.stringify(made)).not.toContain('$defs');
    expect(Object.keys(made.components['schemas'] as object).length).toBeGreaterThan(2);
  });
});

describe('the page of the document', () => {
  it('is one page of its own style and no script, as its policy says', async () => {
    const { app } = harness({ routes: [...ROUTES, noChatRoute] });
    const { status, text, headers } = (await request(app).get('/docs')) as Answer;
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none';style-src 'sha256-[\w+/]+=*';frame-ancestors 'none';base-uri 'none';form-action 'none'$/,
    );
    expect(text).not.toMatch(/<script|<img|<link|<iframe|\son\w+=|\sstyle=|javascript:|https?:/i);
    expect(text).toContain('prefers-color-scheme: dark');
    for (const { path, summary } of ROUTES) {
      expect(text).toContain(path);
      expect(text).toContain(summary.replaceAll("'", '&#39;'));
    }
  });

  it('holds nothing but text where a route says anything', () => {
    const hostile = `</pre><script>alert("1")</script>'&amp;`;
    const made = openApiDocument([
      route({
        summary: hostile,
        path: `/v1/${hostile}`,
        replies: { 200: { description: hostile, schema: z.string().meta({ description: hostile }) } },
        querySchema: z.strictObject({ [hostile]: z.string().meta({ description: hostile }) }),
      }),
    ]);
    const { html } = documentPage(made);
    expect(html).not.toContain('<script');
    expect(html.split('&lt;script&gt;').length).toBeGreaterThan(5);
  });
});
