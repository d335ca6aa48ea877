/** Each adapter hands policy and explain to the selector, and says what the selector says. */
import { AIMessage, HumanMessage, SystemMessage } from '@langchain/core/messages';
import express from 'express';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { fungiMiddleware } from '../../src/adapters/ai-sdk/index.js';
import { fungiAnswer, fungiFewShot, fungiSelection } from '../../src/adapters/express/index.js';
import { parseCall } from '../../src/adapters/few-shot-options.js';
import { fungiAgentMiddleware } from '../../src/adapters/langchain/agent.js';
import { FungiExampleSelector, FungiRetriever } from '../../src/adapters/langchain/index.js';
import type { FungiSelector, Selection } from '../../src/selector/selector.js';
import { FakeCatalogue } from '../server/routes/fake-catalogue.js';

const ROWS = [
  { id: 'a', input: 'aaaa', label: 'as' },
  { id: 'again', input: 'aaaa', label: 'as' },
  { id: 'ae', input: 'aaaae', label: 'as' },
  { id: 'e', input: 'eeee', label: 'es' },
];
const QUERY = 'aaaa';
const CHOICE = { k: 2, policy: { maxPerLabel: 1 }, explain: true } as const;

async function opened(): Promise<{ selector: FungiSelector; selection: Selection; ids: string[] }> {
  const { selector } = await new FakeCatalogue().put('desk', ROWS);
  const selection = await selector.select(QUERY, CHOICE);
  const ids = selection.examples.map(({ id }) => id);
  expect(ids).toEqual(['a', 'e']); // and not the two nearest
  return { selector, selection, ids };
}

/** What a report says of the choice. */
const told = ({ examples, explanation }: { examples: readonly { id: string }[]; explanation?: unknown }) => ({
  ids: examples.map(({ id }) => id),
  explanation,
});

describe.each([
  ['options', CHOICE, undefined],
  ['a call', { k: 1 }, CHOICE],
] as const)('of %s', (_, options, call) => {
  it('reach the AI SDK', async () => {
    const { selector, selection, ids } = await opened();
    const middleware = fungiMiddleware({ selector, ...options });
    const prompt = [{ role: 'user', content: [{ type: 'text', text: QUERY }] }];
    const params = await middleware.transformParams({
      params: { prompt, ...(call && { providerOptions: { fungi: call } }) },
    });
    expect(params.prompt).toHaveLength(5);
    const doGenerate = () => Promise.resolve({ content: [] as object[], providerMetadata: {} });
    const { providerMetadata } = await middleware.wrapGenerate({ doGenerate, params });
    const report = (providerMetadata as { fungi: Parameters<typeof told>[0] }).fungi;
    expect(told(report)).toEqual({ ids, explanation: selection.explanation });
  });

  it("reach LangChain's agents", async () => {
    const { selector, selection, ids } = await opened();
    const middleware = fungiAgentMiddleware({ selector, ...options });
    const asked = {
      messages: [new HumanMessage(QUERY)],
      systemMessage: new SystemMessage(''),
      runtime: { context: call === undefined ? {} : { fungi: call } },
    };
    const reply = new AIMessage('as');
    await middleware.wrapModelCall!(asked as never, () => Promise.resolve(reply));
    const report = reply.response_metadata['fungi'] as Parameters<typeof told>[0];
    expect(told(report)).toEqual({ ids, explanation: selection.explanation });
  });

  it('reach Express', async () => {
    const { selector, selection, ids } = await opened();
    const app = express().use(express.json());
    app.post('/', fungiFewShot({ selector, ...options, call: () => call }), (asked, response) => {
      response.json((asked as { fungi?: unknown }).fungi);
    });
    const messages = [{ role: 'user', content: QUERY }];
    const { body } = (await request(app).post('/').send({ messages })) as { body: Parameters<typeof told>[0] };
    expect(told(body)).toEqual({ ids, explanation: JSON.parse(JSON.stringify(selection.explanation)) as unknown });
  });
});

describe('the options', () => {
  it('reach what shows a selection and what answers, in Express', async () => {
    const { selector, selection, ids } = await opened();
    const app = express();
    const query = (): string => QUERY;
    app.get('/select', fungiSelection({ selector, query, ...CHOICE }), (asked, response) => {
      response.json((asked as { fungi?: unknown }).fungi);
    });
    const abstaining = { ...CHOICE, policy: { ...CHOICE.policy, abstain: { below: 1 } } };
    app.get('/answer', fungiAnswer({ selector, query, ...abstaining }));
    const explanation = JSON.parse(JSON.stringify(selection.explanation)) as unknown;
    const found = (await request(app).get('/select')) as { body: Parameters<typeof told>[0] };
    expect(told(found.body)).toEqual({ ids, explanation });
    const answered = (await request(app).get('/answer')) as { body: Parameters<typeof told>[0] };
    expect(told(answered.body)).toEqual({ ids, explanation });
    const { confidence } = selection.posterior!;
    expect(answered.body).toMatchObject({ label: null, by: 'vote', abstained: { likeliest: 'as', confidence } });
  });

  it('reach example selectors and retrievers of LangChain', async () => {
    const { selector, selection, ids } = await opened();
    const { chosen } = selection.explanation!;
    const scored = await new FungiExampleSelector({ selector, ...CHOICE }).selectWithScores({ input: QUERY });
    expect(scored.map(({ id, explained }) => ({ id, explained }))).toEqual(
      ids.map((id, i) => ({ id, explained: chosen[i] })),
    );
    const documents = await new FungiRetriever({ selector, ...CHOICE }).invoke(QUERY);
    expect(documents.map(({ metadata }) => metadata['fungi'] as unknown)).toEqual(chosen);
    const plain = await new FungiRetriever({ selector, k: 1 }).invoke(QUERY);
    expect(plain[0]!.metadata['fungi']).toEqual({ id: 'a', label: 'as', rank: 1, distance: 0 });
  });

  it('bound what a policy looks at', async () => {
    const { selector } = await opened();
    const selectors = { selector, ...CHOICE, policy: { duplicates: true }, k: 4, maxCandidates: 2 };
    const scored = await new FungiExampleSelector(selectors).selectWithScores({ input: QUERY });
    expect(scored.map(({ id }) => id)).toEqual(['a']);
  });
});

it('a policy of a request that is none is refused by its member, before anything is computed', async () => {
  const { selector } = await opened();
  const middleware = fungiMiddleware({ selector });
  const prompt = [{ role: 'user', content: [{ type: 'text', text: QUERY }] }];
  const params = { prompt, providerOptions: { fungi: { policy: { maxPerLabel: 0 } } } };
  await expect(middleware.transformParams({ params })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('policy.maxPerLabel') as string,
  });
  expect(() => parseCall({ explain: 'why' }, 'call')).toThrow(/explain/);
});
