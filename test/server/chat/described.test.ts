/** The proxy in the server's document and metrics. */
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { chatMetrics } from '../../../src/server/chat/chat-metrics.js';
import { events, refusal, STREAM } from './fake-upstream.js';
import { QUERY, startProxy } from './proxy-server.js';

it('is in the document, with the statuses that it may pass on', async () => {
  const { url } = await startProxy([]);
  const document = (await (await fetch(url.replace('/v1', '/openapi.json'))).json()) as {
    readonly paths: Readonly<Record<string, { readonly post: { readonly responses: object } }>>;
  };
  const { responses } = document.paths['/v1/chat/completions']!.post;
  for (const status of [200, 400, 402, 404, 422, 429, 502, 503, 504]) expect(responses).toHaveProperty(String(status));
  expect(responses).not.toHaveProperty('default');
});

it('counts calls by what became of them, and attempts', async () => {
  const registry = new Registry();
  const { onEnd, onRetry } = chatMetrics(registry);
  const { post } = await startProxy([refusal(503), events(), events(STREAM.slice(0, 1)), refusal(400)], {
    onEnd,
    upstream: { onRetry },
  });
  for (let i = 0; i < 3; i++) await (await post({ messages: [QUERY], stream: true })).text();
  const text = await registry.metrics();
  for (const outcome of ['complete', 'truncated', 'refused']) {
    expect(text).toContain(`fungi_upstream_duration_seconds_count{outcome="${outcome}"} 1`);
  }
  expect(text).toContain('fungi_upstream_retries_total 1');
});
