/** LangChain's own classes for OpenAI, pointed at the server: their code does not change. */
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { describe, expect, it } from 'vitest';
import { events, json, refusal } from './fake-upstream.js';
import { EXAMPLES, QUERY, startProxy } from './proxy-server.js';

const ASKED = [{ role: 'user', content: EXAMPLES[0]!.input }, { role: 'assistant', content: 'lost_card' }, QUERY];

describe('ChatOpenAI', () => {
  const modelOf = (baseURL: string, more: object = {}): ChatOpenAI => {
    const configuration = { baseURL, defaultHeaders: { 'x-fungi-index': 'help-desk' } };
    return new ChatOpenAI({ model: 'm', apiKey: 'theirs', maxRetries: 0, configuration, ...more });
  };

  it('completes, with examples before its last message', async () => {
    const { url, upstream } = await startProxy([json()]);
    const { text, usage_metadata } = await modelOf(url).invoke(QUERY.content);
    expect(text).toBe('lost_card');
    expect(usage_metadata).toMatchObject({ total_tokens: 2 });
    expect(upstream.received[0]!.body.messages).toEqual(ASKED);
  });

  it('streams', async () => {
    const { url, upstream } = await startProxy([events()]);
    let text = '';
    for await (const chunk of await modelOf(url).stream(QUERY.content)) text += chunk.text;
    expect(text).toBe('lost_card');
    expect(upstream.received[0]!.body).toMatchObject({ stream: true, messages: ASKED });
  });

  it('sends options of a call as it is told to', async () => {
    const { url, upstream } = await startProxy([json()]);
    await modelOf(url, { modelKwargs: { fungi: { k: 2 } } }).invoke(QUERY.content);
    expect(upstream.received[0]!.body.messages).toHaveLength(5);
    expect(upstream.received[0]!.body).not.toHaveProperty('fungi');
  });

  it('throws the errors of the server by their status', async () => {
    const { url } = await startProxy([refusal(429), refusal(429), refusal(429), refusal(400)]);
    await expect(modelOf(url).invoke(QUERY.content)).rejects.toMatchObject({ status: 429 });
    await expect(modelOf(url).invoke(QUERY.content)).rejects.toMatchObject({ status: 400 });
  });
});

describe('OpenAIEmbeddings', () => {
  const embeddingsOf = (baseURL: string, more: object = {}): OpenAIEmbeddings =>
    new OpenAIEmbeddings({ model: 'help-desk', apiKey: 'theirs', maxRetries: 0, configuration: { baseURL }, ...more });

  it('embeds queries and documents', async () => {
    const { url } = await startProxy([json()]);
    expect(await embeddingsOf(url).embedQuery('a card')).toEqual([6, 2, 0, 0]);
    expect(await embeddingsOf(url).embedDocuments(['a card', 'eee'])).toEqual([
      [6, 2, 0, 0],
      [3, 0, 3, 0],
    ]);
    expect(await embeddingsOf(url, { dimensions: 2 }).embedQuery('a card')).toEqual([6, 2]);
  });

  it('throws where there is no such model', async () => {
    const { url } = await startProxy([json()]);
    await expect(embeddingsOf(url, { model: 'none' }).embedQuery('a')).rejects.toMatchObject({ status: 404 });
  });
});
