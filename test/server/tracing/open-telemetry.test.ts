/** With OpenTelemetry's API and an SDK: what a request becomes, whose trace it is part of, and what is never told. */
import * as api from '@opentelemetry/api';
import { AsyncLocalStorage } from 'node:async_hooks';
import { join } from 'node:path';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readSettings } from '../../../src/server/configuration/read-settings.js';
import { hashKey } from '../../../src/server/keys/hash.js';
import { startServer } from '../../../src/server/start.js';
import { openTelemetryTracer, openTracer } from '../../../src/server/tracing/open-telemetry.js';
import { plainTracer } from '../../../src/server/tracing/trace.js';
import { inPlace, type Place } from '../../selector/support.js';
import { FakeUpstream, json, refusal, type Step } from '../chat/fake-upstream.js';
import { buildTiny, INDEX } from '../faults/support.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const TRACEPARENT = { traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: 'vendor=1' };
const KEY = 'canary-key';

const exporter = new InMemorySpanExporter();
type ReadableSpan = ReturnType<typeof exporter.getFinishedSpans>[number];

/** As an SDK's own. */
class Contexts implements api.ContextManager {
  private readonly storage = new AsyncLocalStorage<api.Context>();
  active(): api.Context {
    return this.storage.getStore() ?? api.ROOT_CONTEXT;
  }
  with<A extends unknown[], F extends (...given: A) => ReturnType<F>>(
    context: api.Context,
    work: F,
    self?: ThisParameterType<F>,
    ...given: A
  ): ReturnType<F> {
    return this.storage.run(context, () => work.call(self as never, ...given));
  }
  bind<T>(_: api.Context, target: T): T {
    return target;
  }
  enable(): this {
    return this;
  }
  disable(): this {
    return this;
  }
}

beforeAll(() => {
  api.context.setGlobalContextManager(new Contexts());
  api.trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
});
afterEach(() => {
  exporter.reset();
});
afterAll(() => {
  api.trace.disable();
  api.context.disable();
});

interface Served {
  readonly post: (path: string, body: object, headers?: Readonly<Record<string, string>>) => Promise<Response>;
  readonly upstream: FakeUpstream;
}

async function serving(place: Place, script: readonly Step[], work: (served: Served) => Promise<void>): Promise<void> {
  await buildTiny(place);
  const upstream = await FakeUpstream.start(...script);
  const { indexes, encoder } = place.options(INDEX);
  const options = {
    ...{ port: '0', indexes: indexes!, encoders: encoder, preload: INDEX, threads: '1' },
    ...{ apiKeys: `team:read:${hashKey(KEY)}`, llmBaseUrl: upstream.baseUrl, llmModel: 'the-model' },
    ...{ llmApiKey: 'canary-upstream-key', chatIndex: INDEX },
  };
  const environment = { FUNGI_CACHE: join(place.folder, 'cache'), FUNGI_OFFLINE: '1' };
  const server = await startServer(await readSettings({ options }), pino({ level: 'silent' }), environment);
  try {
    await server.preloaded;
    exporter.reset();
    await work({
      upstream,
      post: (path, body, headers = {}) =>
        fetch(server.url + path, {
          method: 'POST',
          body: JSON.stringify(body),
          headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${KEY}`, ...headers },
        }),
    });
  } finally {
    await server.stop();
    await upstream.close();
  }
}

/** A request's own span ends behind the reply's last byte. */
async function spansOf(count: number): Promise<ReadableSpan[]> {
  await expect.poll(() => exporter.getFinishedSpans().length).toBeGreaterThanOrEqual(count);
  return exporter.getFinishedSpans();
}

const named = (spans: readonly ReadableSpan[], name: string): ReadableSpan => {
  const found = spans.filter((span) => span.name === name);
  expect(found.map((span) => span.name)).toEqual([name]);
  return found[0]!;
};
const millis = ([seconds, nanos]: readonly [number, number]): number => seconds * 1000 + nanos / 1e6;

describe('a request', () => {
  it(
    'is a span below its caller, and what it waits for, computes and searches are spans below it',
    () =>
      inPlace((place) =>
        serving(place, [json()], async ({ post }) => {
          const before = Date.now();
          const path = `/v1/indexes/${INDEX}/retrieve`;
          const reply = await post(path, { queries: ['canary cat', 'canary dog'], k: 3 }, TRACEPARENT);
          expect(reply.status).toBe(200);
          const spans = await spansOf(4);
          expect(spans.map(({ name }) => name).sort()).toEqual([
            'POST /v1/indexes/{name}/retrieve',
            'fungi.encode',
            'fungi.queue',
            'fungi.search',
          ]);
          const request = named(spans, 'POST /v1/indexes/{name}/retrieve');
          expect(request.kind).toBe(api.SpanKind.SERVER);
          expect(request.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: CALLER, isRemote: true });
          expect(request.attributes).toEqual({
            'http.request.method': 'POST',
            'http.route': '/v1/indexes/{name}/retrieve',
            'http.response.status_code': 200,
          });
          expect(request.status.code).toBe(api.SpanStatusCode.UNSET);
          const own = request.spanContext();
          for (const span of spans.filter((one) => one !== request)) {
            expect(span.spanContext().traceId).toBe(TRACE);
            expect(span.parentSpanContext?.spanId).toBe(own.spanId);
            expect(millis(span.startTime)).toBeGreaterThanOrEqual(millis(request.startTime) - 2);
            expect(millis(span.endTime)).toBeLessThanOrEqual(millis(request.endTime) + 2);
            expect(millis(span.endTime)).toBeGreaterThanOrEqual(millis(span.startTime));
          }
          expect(millis(request.startTime)).toBeGreaterThan(before - 1000);
          expect(named(spans, 'fungi.queue').attributes).toEqual({ 'fungi.items': 2 });
          expect(named(spans, 'fungi.encode').attributes).toEqual({
            'fungi.items': 2,
            'fungi.run.items': 2,
            'fungi.run.tokens': expect.any(Number) as number,
          });
          expect(named(spans, 'fungi.search').attributes).toEqual({ 'fungi.queries': 2, 'fungi.k': 3 });
          // The queue comes before the computation, and that before the search.
          expect(millis(named(spans, 'fungi.queue').endTime)).toBeLessThanOrEqual(
            millis(named(spans, 'fungi.encode').startTime) + 1,
          );
          expect(reply.headers.get('server-timing')).toMatch(/^queue;dur=.*, infer;dur=.*, search;dur=.*, total;dur=/);

          // What is in memory is neither waited for nor computed.
          exporter.reset();
          await post(path, { query: 'canary cat' });
          expect((await spansOf(2)).map(({ name }) => name).sort()).toEqual([
            'POST /v1/indexes/{name}/retrieve',
            'fungi.search',
          ]);
          expect(exporter.getFinishedSpans().every((span) => span.parentSpanContext?.spanId !== CALLER)).toBe(true);
        }),
      ),
    120_000,
  );

  it(
    'has a span for its call to the LLM, which gets that span as its parent',
    () =>
      inPlace((place) =>
        serving(place, [json(), json(), refusal(400)], async ({ post, upstream }) => {
          await post(`/v1/indexes/${INDEX}/answer`, { query: 'canary cat' }, TRACEPARENT);
          const spans = await spansOf(5);
          const call = named(spans, 'chat the-model');
          const answer = named(spans, 'POST /v1/indexes/{name}/answer');
          expect(call.kind).toBe(api.SpanKind.CLIENT);
          expect(call.parentSpanContext?.spanId).toBe(answer.spanContext().spanId);
          expect(call.attributes).toEqual({
            'gen_ai.operation.name': 'chat',
            'gen_ai.request.model': 'the-model',
            'gen_ai.usage.input_tokens': 1,
            'gen_ai.usage.output_tokens': 1,
          });
          const parentOf = (span: ReadableSpan): string => `00-${TRACE}-${span.spanContext().spanId}-01`;
          expect(upstream.received[0]!.headers).toMatchObject({ traceparent: parentOf(call), tracestate: 'vendor=1' });

          exporter.reset();
          const conversation = { model: 'canary-model', messages: [{ role: 'user', content: 'canary cat' }] };
          const reply = await post('/v1/chat/completions', conversation, TRACEPARENT);
          await reply.text();
          const proxied = named(await spansOf(3), 'chat');
          expect(proxied.attributes).toEqual({ 'gen_ai.operation.name': 'chat' });
          expect(upstream.received[1]!.headers['traceparent']).toBe(parentOf(proxied));

          exporter.reset();
          expect((await post('/v1/chat/completions', conversation)).status).toBe(400);
          const refused = named(await spansOf(3), 'chat');
          expect(refused.attributes).toMatchObject({ 'error.type': 'refused' });
          expect(refused.status).toEqual({ code: api.SpanStatusCode.ERROR });
        }),
      ),
    120_000,
  );

  it(
    'tells by code what it ended in, and no text, id or key of a client',
    () =>
      inPlace((place) =>
        serving(place, [refusal(401)], async ({ post }) => {
          await post('/v1/indexes/canary/retrieve?canary=1', { query: 'canary text' });
          await post(`/v1/indexes/${INDEX}/retrieve`, { query: 'canary text', filter: { label: 'canary' } });
          await post(`/v1/indexes/${INDEX}/answer`, { query: 'canary text', labels: ['canary'] });
          await post(`/v1/canary`, {}, { Authorization: 'Bearer canary-wrong' });
          await expect.poll(() => exporter.getFinishedSpans().map(({ name }) => name)).toContain('POST');
          const spans = exporter.getFinishedSpans();
          const ended = spans.map(({ name, attributes, status }) => [name, attributes['error.type'], status.code]);
          const { ERROR, UNSET } = api.SpanStatusCode;
          expect(ended).toEqual(
            expect.arrayContaining([
              ['POST /v1/indexes/{name}/retrieve', 'INVALID_REQUEST', UNSET],
              ['POST /v1/indexes/{name}/answer', 'LLM_FAILED', ERROR],
              ['chat the-model', 'LLM_FAILED', ERROR],
              ['POST', 'ROUTE_NOT_FOUND', UNSET],
            ]),
          );
          const told = spans.map(({ name, attributes, events, status, links }) => [
            name,
            attributes,
            events,
            status,
            links,
          ]);
          expect(JSON.stringify(told)).not.toContain('canary');
        }),
      ),
    120_000,
  );

  it('is below what made a span of it already', () => {
    const tracer = openTelemetryTracer(api);
    const outer = api.trace.getTracer('instrumentation').startSpan('GET');
    api.context.with(api.trace.setSpan(api.ROOT_CONTEXT, outer), () => {
      const trace = tracer.request(TRACEPARENT);
      trace.run(() => {
        api.trace.getTracer('instrumentation').startSpan('inner').end();
      });
      trace.end({ method: 'GET', route: '/livez', status: 200, code: undefined });
    });
    const spans = exporter.getFinishedSpans();
    const request = named(spans, 'GET /livez');
    expect(request.parentSpanContext?.spanId).toBe(outer.spanContext().spanId);
    expect(named(spans, 'inner').parentSpanContext?.spanId).toBe(request.spanContext().spanId);
  });
});

describe('without an SDK, or without the API', () => {
  const handsOn = (tracer: typeof plainTracer): void => {
    const trace = tracer.request(TRACEPARENT);
    expect(trace.traceId).toBe(TRACE);
    const { headers } = trace.call('m');
    expect(headers['traceparent']).toMatch(new RegExp(`^00-${TRACE}-(?!${CALLER})[0-9a-f]{16}-01$`));
    expect(headers['tracestate']).toBe('vendor=1');
    expect(tracer.request({ tracestate: 'vendor=1' }).call().headers).toEqual({
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/) as string,
    });
  };

  it('nothing is recorded, and the trace is handed on', () => {
    handsOn(plainTracer);
    api.trace.disable();
    handsOn(openTelemetryTracer(api));
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  it('a package that is not there is no error, one that is broken is', async () => {
    const missing = Object.assign(new Error('no such package'), { code: 'ERR_MODULE_NOT_FOUND' });
    expect(await openTracer(() => Promise.reject(missing))).toBe(plainTracer);
    await expect(openTracer(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await openTracer()).not.toBe(plainTracer);
  });
});
