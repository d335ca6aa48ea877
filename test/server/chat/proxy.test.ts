/** What reaches the LLM endpoint, and what comes back. */
import { describe, expect, it } from 'vitest';
import { FakeUpstream, COMPLETION, EVENTS, events, json, refusal, STREAM } from './fake-upstream.js';
import { EXAMPLES, KEY, QUERY, startProxy, type Proxy, type ProxyOptions } from './proxy-server.js';

const LOST = [
  { role: 'user', content: EXAMPLES[0]!.input },
  { role: 'assistant', content: 'lost_card' },
];
const TRACE = 'a'.repeat(32);
const NAMED = { 'x-fungi-index': 'help-desk' };
const start = (options?: ProxyOptions): Promise<Proxy> => startProxy([json()], options);

interface ErrorBody {
  readonly error: { readonly message: string; readonly type: string; readonly param: unknown; readonly code: string };
}
const errorOf = async (response: Response): Promise<ErrorBody['error']> => ((await response.json()) as ErrorBody).error;

describe('a call', () => {
  it('that names no index goes on as it came', async () => {
    const { post, upstream, catalogue } = await start();
    const body = {
      ...{ model: 'm', messages: [{ role: 'system', content: 'x', odd: [1] }, QUERY], stream: false },
      ...{ temperature: 0.25, tools: [{ type: 'function' }], seed: null, vendor: { deep: { er: 'é🙂' } } },
    };
    const response = await post(body);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(COMPLETION);
    expect(upstream.received[0]).toMatchObject({ path: '/v1/chat/completions', body });
    expect(Object.keys(upstream.received[0]!.body).sort()).toEqual(Object.keys(body).sort());
    expect(response.headers.get('x-fungi-index')).toBeNull();
    expect(catalogue.indexes.get('help-desk')!.featurizer.items).toEqual([]);
  });

  it('that names one gets examples before its query, and is told which', async () => {
    const { post, upstream } = await start();
    const messages = [{ role: 'system', content: 'Be kind.' }, QUERY];
    const response = await post({ model: 'm', messages }, NAMED);
    expect(upstream.received[0]!.body).toEqual({ model: 'm', messages: [messages[0], ...LOST, QUERY] });
    expect(response.headers.get('x-fungi-index')).toBe('help-desk;generation=g1');
    expect(response.headers.get('x-fungi-examples')).toBe('lost');
    expect(Number(response.headers.get('x-fungi-overhead-ms'))).toBeGreaterThan(0);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('server-timing')).toMatch(/upstream;dur=/);
  });

  it('gets those of the index of the configuration where it names none', async () => {
    const { post, upstream } = await start({ defaultIndex: 'help-desk' });
    await post({ messages: [QUERY] });
    expect(upstream.received[0]!.body.messages).toEqual([...LOST, QUERY]);
  });

  it('has options of its own, which are not sent on', async () => {
    const { post, upstream } = await start({ defaultIndex: 'help-desk' });
    const response = await post({ messages: [QUERY], fungi: { k: 2, filter: { not: { label: 'lost_card' } } } });
    expect(upstream.received[0]!.body).not.toHaveProperty('fungi');
    expect(upstream.received[0]!.body.messages).toHaveLength(5);
    expect(response.headers.get('x-fungi-examples')!.split(',').sort()).toEqual(['late%2C%20too', 'room']);
    await post({ messages: [QUERY], fungi: { skip: true } });
    expect(upstream.received[1]!.body).toEqual({ messages: [QUERY] });
    await post({ messages: [QUERY] }, { 'x-fungi-k': '3' });
    expect(upstream.received[2]!.body.messages).toHaveLength(7);
    await post({ messages: [QUERY], fungi: { k: 1 } }, { 'x-fungi-k': '3' });
    expect(upstream.received[3]!.body.messages).toHaveLength(3);
  });

  it('may hold images: they stay, and the text beside them is the query', async () => {
    const { post, upstream, catalogue } = await start();
    const content = [
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
      { type: 'text', text: QUERY.content },
      { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
    ];
    await post({ messages: [{ role: 'user', content }] }, NAMED);
    expect(upstream.received[0]!.body.messages).toEqual([...LOST, { role: 'user', content }]);
    expect(catalogue.indexes.get('help-desk')!.featurizer.items).toEqual([QUERY.content]);
  });

  it('without a text for a query gets no examples', async () => {
    const { post, upstream } = await start();
    const messages = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }];
    const response = await post({ messages }, NAMED);
    expect(upstream.received[0]!.body.messages).toEqual(messages);
    expect(response.headers.get('x-fungi-examples')).toBe('');
  });

  it('that brings a result of a tool keeps the examples of the one before, though the index changed', async () => {
    const calls = [{ id: 'call-1', type: 'function', function: { name: 'find', arguments: '{}' } }];
    const asks = { role: 'assistant', content: null, tool_calls: calls };
    const inEvents = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { tool_calls: calls } }] })}\n\n`;
    const replies = [json({ choices: [{ index: 0, message: asks }] }), events([inEvents, 'data: [DONE]\n\n'])];
    for (const reply of replies) {
      const { post, upstream, catalogue } = await startProxy([reply, json()], { defaultIndex: 'help-desk' });
      await (await post({ messages: [QUERY] })).text();
      const { selector } = catalogue.indexes.get('help-desk')!;
      await selector.add([{ id: 'new', input: QUERY.content, label: 'nearer' }]);
      const loop = [QUERY, asks, { role: 'tool', tool_call_id: 'call-1', content: 'found' }];
      const response = await post({ messages: loop });
      expect(response.headers.get('x-fungi-examples')).toBe('lost');
      expect(upstream.received[1]!.body.messages).toEqual([...LOST, ...loop]);
      const next = await post({ messages: [QUERY] });
      expect(next.headers.get('x-fungi-examples')).toBe('new');
    }
  });

  it('names as many examples in the header as fit', async () => {
    const { post, catalogue } = await start();
    const ids = Array.from({ length: 40 }, (_, i) => `${'é'.repeat(20)}${i}`);
    await catalogue.put(
      'wide',
      ids.map((id) => ({ id, input: 'card', label: id })),
    );
    const response = await post({ messages: [QUERY], fungi: { k: 40 } }, { 'x-fungi-index': 'wide' });
    const named = response.headers.get('x-fungi-examples')!;
    expect(named.length).toBeLessThan(2010);
    const [left, ...some] = named.split(',').reverse();
    expect(Number(left!.slice(1))).toBe(40 - some.length);
    for (const id of some) expect(ids).toContain(decodeURIComponent(id));
  });
});

describe('a policy of a call', () => {
  const rows = Array.from({ length: 700 }, (_, i) => ({
    id: `r${i}`,
    input: `card ${'a'.repeat(i % 50)}`,
    label: `${i % 3}`,
  }));

  it('chooses its examples as the library does, and does not go up', async () => {
    const { post, upstream, catalogue } = await start({ defaultIndex: 'help-desk' });
    const { selector } = await catalogue.put('help-desk', rows);
    const fungi = { k: 3, policy: { maxPerLabel: 1, duplicates: true } };
    const reply = await post({ messages: [QUERY], fungi });
    const { examples } = await selector.select(QUERY.content, fungi);
    expect(reply.headers.get('x-fungi-examples')).toBe(examples.map(({ id }) => id).join(','));
    expect(new Set(examples.map(({ label }) => label)).size).toBe(3);
    expect(upstream.received[0]!.body).not.toHaveProperty('fungi');
  });

  it('is refused where it is none, or too much work', async () => {
    const { post, upstream, catalogue } = await start({ defaultIndex: 'help-desk' });
    await catalogue.put(
      'help-desk',
      Array.from({ length: 3 }, () => rows)
        .flat()
        .map((row, i) => ({ ...row, id: `${i}` })),
    );
    const codes: unknown[] = [];
    for (const fungi of [
      { policy: { maxPerLabel: 0 } },
      { k: 5, policy: { candidates: 1 } },
      { k: 600, policy: { choice: { by: 'mmr' } } },
    ]) {
      const reply = await post({ messages: [QUERY], fungi });
      const { code, message } = ((await reply.json()) as { error: { code: string; message: string } }).error;
      codes.push([reply.status, code, message]);
    }
    expect(codes).toEqual([
      [400, 'INVALID_REQUEST', expect.stringContaining('#/fungi/policy/maxPerLabel')],
      [400, 'INVALID_ARGUMENT', expect.stringContaining('policy.candidates: is 1')],
      [400, 'INVALID_ARGUMENT', expect.stringContaining('a request compares 1000000')],
    ]);
    expect(upstream.received).toEqual([]);
  });
});

describe('headers', () => {
  it("the server's own key goes up, the client's never does, nor what else it sends", async () => {
    const { post, upstream } = await start();
    const theirs = { authorization: 'Bearer theirs', cookie: 'a=b', 'x-api-key': 'theirs', 'openai-organization': 'o' };
    await post(
      { messages: [QUERY] },
      {
        ...theirs,
        accept: 'text/x',
        tracestate: 'a=1',
        traceparent: `00-${TRACE}-${'b'.repeat(16)}-01`,
        'x-request-id': 'r-1',
      },
    );
    const { headers } = upstream.received[0]!;
    expect(headers.authorization).toBe(`Bearer ${KEY}`);
    expect(JSON.stringify(headers)).not.toContain('theirs');
    expect(headers).toMatchObject({
      ...{
        accept: 'text/x',
        tracestate: 'a=1',
        traceparent: expect.stringContaining(`00-${TRACE}-`) as string,
        'x-request-id': 'r-1',
      },
      ...{ 'accept-encoding': 'identity', 'content-type': 'application/json' },
    });
    for (const name of ['cookie', 'x-api-key', 'openai-organization']) expect(headers).not.toHaveProperty(name);
  });

  it("the client's key goes up only where there is no other and the configuration says so", async () => {
    const bearer = { authorization: 'Bearer theirs' };
    const cases = [
      [{ apiKey: '' }, undefined],
      [{ apiKey: '', forwardAuthorization: true }, 'Bearer theirs'],
      [{ forwardAuthorization: true }, `Bearer ${KEY}`],
    ] as const;
    for (const [upstream, expected] of cases) {
      const proxy = await start({ upstream });
      await proxy.post({ messages: [QUERY] }, bearer);
      expect(proxy.upstream.received[0]!.headers.authorization).toBe(expected);
    }
  });

  it('of the reply are passed on by name', async () => {
    const sent = { 'x-ratelimit-remaining-tokens': '7', 'openai-model': 'm-1', 'set-cookie': 'a=b', server: 'x' };
    const { post } = await startProxy([json(COMPLETION, 200, sent)]);
    const { headers } = await post({ messages: [QUERY] });
    expect(headers.get('x-ratelimit-remaining-tokens')).toBe('7');
    expect(headers.get('openai-model')).toBe('m-1');
    expect(headers.get('set-cookie')).toBeNull();
    expect(headers.get('server')).toBeNull();
  });

  it('of a stream keep proxies from holding it up', async () => {
    const { post } = await startProxy([events()]);
    const response = await post({ messages: [QUERY], stream: true });
    expect(response.headers.get('content-type')).toBe(EVENTS['content-type']);
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(await response.text()).toBe(STREAM.join(''));
  });
});

describe('refuses, and asks no LLM', () => {
  it.each<[string, unknown, Record<string, string>, number, string]>([
    ['no messages', { model: 'm' }, {}, 400, 'INVALID_REQUEST'],
    ['messages that are none', { messages: 'hello' }, {}, 400, 'INVALID_REQUEST'],
    ['a message that is null', { messages: [null] }, {}, 400, 'INVALID_REQUEST'],
    ['a list', [], {}, 400, 'INVALID_REQUEST'],
    ['a stream that is no boolean', { messages: [], stream: 'yes' }, {}, 400, 'INVALID_REQUEST'],
    ['options that are none', { messages: [QUERY], fungi: { top: 3 } }, NAMED, 400, 'INVALID_REQUEST'],
    ['k beyond its bounds', { messages: [QUERY], fungi: { k: 1001 } }, NAMED, 400, 'INVALID_REQUEST'],
    ['k of a header that is none', { messages: [QUERY] }, { ...NAMED, 'x-fungi-k': '1e2' }, 400, 'INVALID_ARGUMENT'],
    ['options without an index', { messages: [QUERY], fungi: { k: 3 } }, {}, 400, 'INVALID_ARGUMENT'],
    ['an index that is not there', { messages: [QUERY] }, { 'x-fungi-index': 'none' }, 404, 'INDEX_NOT_FOUND'],
    ['ill-formed Unicode', { messages: [{ role: 'user', content: 'a \ud800' }] }, NAMED, 400, 'INVALID_REQUEST'],
  ])('%s', async (_, body, headers, status, code) => {
    const { post, upstream } = await start();
    const response = await post(body, headers);
    expect(response.status).toBe(status);
    expect(await errorOf(response)).toMatchObject({ code, type: 'invalid_request_error' });
    expect(upstream.received).toEqual([]);
  });

  it('a base URL or a key that can be none, when it starts', async () => {
    for (const upstream of [{ baseUrl: 'file:///etc/passwd' }, { baseUrl: 'http://a:b@c' }, { apiKey: 'a\nb' }]) {
      await expect(start({ upstream })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
  });
});

describe('a refusal of the LLM endpoint', () => {
  it.each([400, 403, 404, 409, 413, 422])('%i is passed on with its error, at once', async (status) => {
    const { post, upstream, outcomes } = await startProxy([refusal(status)]);
    const response = await post({ messages: [QUERY] }, NAMED);
    expect(response.status).toBe(status);
    expect(await errorOf(response)).toEqual({
      message: `refused with ${status}`,
      type: 'upstream',
      param: null,
      code: 'own',
    });
    expect(response.headers.get('x-fungi-examples')).toBe('lost');
    expect(upstream.received).toHaveLength(1);
    expect(outcomes).toEqual(['refused']);
  });

  it('that is no OpenAI error becomes one', async () => {
    const { post } = await startProxy([
      (response) => void response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>nginx</h1>'),
      (response) => void response.writeHead(413).end('x'.repeat(100_000)),
    ]);
    const html = await post({ messages: [QUERY] });
    expect(html.headers.get('content-type')).toBe('application/json');
    expect(await errorOf(html)).toMatchObject({
      type: 'invalid_request_error',
      message: 'the LLM endpoint answered with status 404: <h1>nginx</h1>',
    });
    const huge = await post({ messages: [QUERY] });
    expect(await errorOf(huge)).toMatchObject({ message: 'the LLM endpoint answered with status 413' });
  });

  it('never holds the key', async () => {
    const error = { message: `Incorrect API key: ${KEY}`, type: 'x', param: null, code: KEY };
    const { post } = await startProxy([json({ error }, 400, { 'openai-model': KEY }), json({ error }, 401)]);
    for (const status of [400, 502]) {
      const response = await post({ messages: [QUERY] });
      expect(response.status).toBe(status);
      expect(JSON.stringify([await response.text(), [...response.headers]])).not.toContain(KEY);
    }
  });

  it("of the client's own key is its own", async () => {
    const { post } = await startProxy([refusal(401)], { upstream: { apiKey: '', forwardAuthorization: true } });
    expect((await post({ messages: [QUERY] }, { authorization: 'Bearer theirs' })).status).toBe(401);
  });

  it('that points elsewhere is not followed', async () => {
    const elsewhere = await FakeUpstream.start(json());
    const { post } = await startProxy([
      (response) => void response.writeHead(307, { location: `${elsewhere.baseUrl}/chat/completions` }).end(),
    ]);
    const response = await post({ messages: [QUERY] });
    expect(response.status).toBe(502);
    expect((await errorOf(response)).message).toContain('redirects are not followed');
    expect(elsewhere.received).toEqual([]);
    await elsewhere.close();
  });
});
