/** Keys and texts that were never seen before are looked for in everything that a server writes down or tells everybody. */
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { generateKey, hashKey } from '../../../src/server/keys/hash.js';
import { inPlace } from '../../selector/support.js';
import { FakeUpstream, json, refusal } from '../chat/fake-upstream.js';
import { withServers } from './server-process.js';
import { buildTiny, INDEX } from './support.js';

it('says no key and no text of a client in its log, its metrics and its document', async () => {
  const key = generateKey();
  const wrong = generateKey();
  const upstreamKey = `sk-${randomUUID()}`;
  const canary = `canary${randomUUID().replaceAll('-', '')}`;
  const upstream = await FakeUpstream.start(json(), refusal(401), refusal(400), json());
  const seen = await inPlace(async (place) => {
    await buildTiny(place);
    return withServers(place, async (start) => {
      const server = await start({
        options: ['--preload', INDEX, '--log-level', 'trace', '--llm-base-url', upstream.baseUrl, '--llm-model', 'm'],
        environment: { FUNGI_API_KEYS: `canary:admin:${hashKey(key)}`, FUNGI_LLM_API_KEY: upstreamKey },
      });
      const own = { Authorization: `Bearer ${key}` };
      const at = `/v1/indexes/${INDEX}`;
      const said: unknown[] = [];
      const post = async (path: string, body: object, headers: Readonly<Record<string, string>> = own) => {
        const { status, body: reply } = await server.post(path, body, headers);
        said.push(reply);
        return status;
      };
      const example = { id: canary, input: `${canary} cat`, label: canary, metadata: { [canary]: canary } };
      const messages = [{ role: 'user', content: canary }];
      expect(await post(`${at}/examples`, { examples: [example] })).toBe(200);
      expect(await post(`${at}/retrieve`, { query: canary, filter: { label: canary } })).toBe(200);
      expect(await post(`${at}/retrieve`, { query: canary, [canary]: 1 })).toBe(400);
      expect(await post(`${at}/prompt`, { query: canary })).toBe(200);
      expect(await post(`${at}/answer`, { query: canary })).toBe(200);
      expect(await post('/v1/embeddings', { model: INDEX, input: canary })).toBe(200);
      expect(await post('/v1/embeddings', { model: canary, input: canary })).toBe(404);
      for (const status of [502, 400, 200]) {
        expect(await post('/v1/chat/completions', { model: 'm', messages }, { ...own, 'x-fungi-index': INDEX })).toBe(
          status,
        );
      }
      expect(await post(`/v1/indexes/${canary}/retrieve?${canary}=${canary}`, { query: canary })).toBe(400);
      expect(await post(`/${canary}`, {})).toBe(404);
      expect(await post(`${at}/retrieve`, { query: canary }, { Authorization: `Bearer ${wrong}` })).toBe(401);
      expect(await post(`${at}/retrieve`, { query: canary }, { 'x-api-key': wrong, ...own })).toBe(401);
      expect(await post(`${at}/retrieve`, { query: canary }, { Authorization: `Basic ${wrong}` })).toBe(401);
      await server.ask(`${at}/retrieve`, {
        method: 'POST',
        headers: { ...own, 'Content-Type': 'application/json' },
        body: `{"query": "${canary}`,
      });
      const metrics = await server.text('/metrics', own);
      expect(metrics).toContain('http_request_duration_seconds');
      const document = await server.text('/openapi.json');
      const open = await Promise.all(['/docs', '/readyz', '/livez'].map((path) => server.text(path)));
      server.signal('SIGTERM');
      expect(await server.end()).toEqual([0, null]);
      return { log: server.output, metrics, document, open: open.join('\n'), replies: JSON.stringify(said) };
    });
  }).finally(() => upstream.close());

  // What is not logged cannot be found: these were.
  expect(seen.log).toContain('"keyName":"canary"');
  expect(seen.log.match(/"msg":"request/g)!.length).toBeGreaterThan(12);
  expect(upstream.received[0]!.headers.authorization).toBe(`Bearer ${upstreamKey}`);
  for (const [where, text] of Object.entries(seen)) {
    for (const secret of [key, hashKey(key), wrong, upstreamKey]) expect(text, where).not.toContain(secret);
    if (where !== 'replies') expect(text, where).not.toContain(canary);
  }
}, 240_000);
