/** The clients that people have, pointed at the proxy: their code does not change. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, embed, embedMany, generateText, streamText } from 'ai';
import OpenAI, { APIError, InternalServerError, NotFoundError, RateLimitError } from 'openai';
import { describe, expect, it } from 'vitest';
import { breaksOff, events, json, refusal } from './fake-upstream.js';
import { EXAMPLES, QUERY, startProxy } from './proxy-server.js';

const ASKED = [{ role: 'user', content: EXAMPLES[0]!.input }, { role: 'assistant', content: 'lost_card' }, QUERY];
const HEADERS = { 'x-fungi-index': 'help-desk' };
const REQUEST = { model: 'm', messages: [{ role: 'user' as const, content: QUERY.content }] };

describe('the openai client', () => {
  const clientOf = (baseURL: string): OpenAI =>
    new OpenAI({ baseURL, apiKey: 'theirs', defaultHeaders: HEADERS, maxRetries: 0 });

  it('completes, and finds the chosen examples in the headers', async () => {
    const { url, upstream } = await startProxy([json()]);
    const { data, response } = await clientOf(url).chat.completions.create(REQUEST).withResponse();
    expect(data.choices[0]!.message.content).toBe('lost_card');
    expect(data.usage?.total_tokens).toBe(2);
    expect(response.headers.get('x-fungi-examples')).toBe('lost');
    expect(upstream.received[0]!.body.messages).toEqual(ASKED);
  });

  it('streams', async () => {
    const { url, upstream } = await startProxy([events()]);
    let text = '';
    for await (const { choices } of await clientOf(url).chat.completions.create({ ...REQUEST, stream: true })) {
      text += choices[0]!.delta.content ?? '';
    }
    expect(text).toBe('lost_card');
    expect(upstream.received[0]!.body).toMatchObject({ stream: true, messages: ASKED });
  });

  it('throws at a stream that breaks off, and does not take it for whole', async () => {
    const { url } = await startProxy([breaksOff]);
    let text = '';
    const read = async (): Promise<void> => {
      for await (const { choices } of await clientOf(url).chat.completions.create({ ...REQUEST, stream: true })) {
        text += choices[0]!.delta.content ?? '';
      }
    };
    const error: unknown = await read().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ code: 'LLM_UNREACHABLE', type: 'server_error' });
    expect(text).toBe('lost');
  });

  it('waits as long as the proxy says, and asks again', async () => {
    const { url, upstream } = await startProxy([refusal(429, { 'retry-after-ms': '1500' }), json()], {
      upstream: { retries: { maxRetryAfterMs: 1000 } },
    });
    const client = new OpenAI({ baseURL: url, apiKey: 'theirs', defaultHeaders: HEADERS, maxRetries: 1 });
    const start = performance.now();
    const { choices } = await client.chat.completions.create(REQUEST);
    expect(choices[0]!.message.content).toBe('lost_card');
    expect(upstream.received).toHaveLength(2);
    // By itself it would wait for half a second at most.
    expect(performance.now() - start).toBeGreaterThan(1400);
  });

  it('throws its own errors', async () => {
    const create = (url: string, headers = HEADERS): Promise<unknown> =>
      Promise.resolve(clientOf(url).chat.completions.create(REQUEST, { headers }));
    const { url } = await startProxy([refusal(429), refusal(429), refusal(429), refusal(500)]);
    await expect(create(url)).rejects.toBeInstanceOf(RateLimitError);
    await expect(create(url)).rejects.toBeInstanceOf(InternalServerError);
    const none = await create(url, { 'x-fungi-index': 'none' }).catch((reason: unknown) => reason);
    expect(none).toBeInstanceOf(NotFoundError);
    expect(none).toMatchObject({ code: 'INDEX_NOT_FOUND', type: 'invalid_request_error' });
  });
});

describe('the AI SDK', () => {
  const providerOf = (baseURL: string) => createOpenAICompatible({ name: 'fungi', baseURL, headers: HEADERS });
  const modelOf = (baseURL: string) => providerOf(baseURL)('m');

  it('embeds', async () => {
    const { url } = await startProxy([json()]);
    const model = providerOf(url).embeddingModel('help-desk');
    const values = ['a card', 'eee'];
    const { embeddings, usage } = await embedMany({ model, values });
    expect(embeddings).toEqual([
      [6, 2, 0, 0],
      [3, 0, 3, 0],
    ]);
    expect(usage.tokens).toBe(3);
    const failed: unknown = await embed({ model, value: '', maxRetries: 0 }).catch((reason: unknown) => reason);
    expect(failed).toMatchObject({ statusCode: 400 });
  });

  it('completes', async () => {
    const { url, upstream } = await startProxy([json()]);
    const { text, response } = await generateText({ model: modelOf(url), prompt: QUERY.content });
    expect(text).toBe('lost_card');
    expect(response.headers).toMatchObject({ 'x-fungi-examples': 'lost' });
    expect(upstream.received[0]!.body.messages).toEqual(ASKED);
  });

  it('streams', async () => {
    const { url } = await startProxy([events()]);
    expect(await streamText({ model: modelOf(url), prompt: QUERY.content }).text).toBe('lost_card');
  });

  it('takes options of a call by the key fungi, which the provider sends as it is', async () => {
    const { url, upstream } = await startProxy([json()]);
    const providerOptions = { fungi: { fungi: { k: 2 } } };
    await generateText({ model: modelOf(url), prompt: QUERY.content, providerOptions });
    expect(upstream.received[0]!.body.messages).toHaveLength(5);
    expect(upstream.received[0]!.body).not.toHaveProperty('fungi');
  });

  it('tells of a stream that breaks off', async () => {
    const { url } = await startProxy([breaksOff]);
    const errors: unknown[] = [];
    const { fullStream } = streamText({ model: modelOf(url), prompt: QUERY.content, onError: () => undefined });
    for await (const part of fullStream) if (part.type === 'error') errors.push(part.error);
    expect(errors).toHaveLength(1);
  });

  it('throws its own errors, with the message', async () => {
    const { url } = await startProxy([refusal(400)]);
    const failed = generateText({ model: modelOf(url), prompt: QUERY.content, maxRetries: 0 });
    const error: unknown = await failed.catch((reason: unknown) => reason);
    expect(APICallError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({ statusCode: 400, message: 'refused with 400' });
  });
});
