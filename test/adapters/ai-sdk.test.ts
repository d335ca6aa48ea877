/** The drop-ins under the real `ai` 6 and `ai` 7, with models that keep what they are asked. */
import * as ai6 from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import * as ai7 from 'ai-7';
import { MockLanguageModelV4 } from 'ai-7/test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fungiEmbeddingModel, fungiMiddleware, type FewShotOptions } from '../../src/adapters/ai-sdk/index.js';
import { EncoderEmbedder } from '../../src/selector/embedder.js';
import { FungiSelector } from '../../src/selector/selector.js';
import { tinyModel, writeFiles } from '../encoders/tiny-model.js';
import { placeIn, tinyExamples } from '../selector/support.js';
import { example, FakeSelector, LIBRARY } from './fake-selector.js';

interface Message {
  readonly role: string;
  readonly content: string | readonly { readonly type: string; readonly text?: string }[];
}
interface Call {
  readonly prompt: readonly Message[];
  readonly providerOptions?: object;
}
type Reply = { readonly tool: string } | { readonly text: string };

const USAGE = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
};
const contentOf = (reply: Reply, call: number): object[] =>
  'text' in reply
    ? [{ type: 'text', text: reply.text }]
    : [{ type: 'tool-call', toolCallId: `call-${call}-${Math.random()}`, toolName: reply.tool, input: '{}' }];
const finishOf = (reply: Reply): object => {
  const unified = 'text' in reply ? 'stop' : 'tool-calls';
  return { unified, raw: unified };
};

/** Replies one by one, by either way of asking. */
function modelOf(Mock: typeof MockLanguageModelV3, calls: Call[], replies: readonly Reply[]): MockLanguageModelV3 {
  const next = (call: unknown): Reply => replies[calls.push(call as Call) - 1]!;
  return new Mock({
    doGenerate: (call: unknown) => {
      const reply = next(call);
      const result = {
        content: contentOf(reply, calls.length),
        finishReason: finishOf(reply),
        usage: USAGE,
        warnings: [],
      };
      return Promise.resolve({ ...result, providerMetadata: { mock: { seen: true } } } as never);
    },
    doStream: (call: unknown) => {
      const reply = next(call);
      const parts: object[] = [{ type: 'stream-start', warnings: [] }];
      if ('text' in reply) {
        parts.push(
          { type: 'text-start', id: 't' },
          { type: 'text-delta', id: 't', delta: reply.text },
          { type: 'text-end', id: 't' },
        );
      } else parts.push(...contentOf(reply, calls.length));
      parts.push({
        type: 'finish',
        finishReason: finishOf(reply),
        usage: USAGE,
        providerMetadata: { mock: { seen: true } },
      });
      return Promise.resolve({ stream: ai6.simulateReadableStream({ chunks: parts }) } as never);
    },
  });
}

const textsOf = ({ content }: Message): string =>
  typeof content === 'string' ? content : content.map(({ text, type }) => text ?? `<${type}>`).join('|');
const linesOf = ({ prompt }: Call): string[] => prompt.map((message) => `${message.role}: ${textsOf(message)}`);

const LOST = ['user: my card was stolen', 'assistant: lost_card'];

const VERSIONS = [
  ['ai 6', ai6, MockLanguageModelV3],
  ['ai 7', ai7 as unknown as typeof ai6, MockLanguageModelV4 as unknown as typeof MockLanguageModelV3],
] as const;

describe.each(VERSIONS)('fungiMiddleware, %s', (version, ai, Mock) => {
  const instructions = version === 'ai 6' ? 'system' : 'instructions';
  let calls: Call[];
  let selector: FakeSelector;
  beforeEach(() => {
    calls = [];
    selector = new FakeSelector(LIBRARY());
  });
  const wrapped = (
    replies: readonly Reply[],
    options: Partial<FewShotOptions> = {},
  ): ReturnType<typeof ai.wrapLanguageModel> =>
    ai.wrapLanguageModel({
      model: modelOf(Mock, calls, replies),
      middleware: fungiMiddleware({ selector, k: 1, ...options }),
    });
  const report = (ids: readonly string[]): object =>
    expect.objectContaining({
      index: 'fake',
      examples: ids.map((id) => expect.objectContaining({ id }) as object),
    }) as object;

  it('puts examples before the query, and reports them beside what the provider reports', async () => {
    const { text, providerMetadata } = await ai.generateText({
      model: wrapped([{ text: 'lost_card' }]),
      [instructions]: 'Give the label.',
      prompt: 'is my card here',
    });
    expect(text).toBe('lost_card');
    expect(linesOf(calls[0]!)).toEqual(['system: Give the label.', ...LOST, 'user: is my card here']);
    expect(providerMetadata).toEqual({ mock: { seen: true }, fungi: report(['lost']) });
  });

  it('reports in streams too', async () => {
    const stream = ai.streamText({ model: wrapped([{ text: 'lost_card' }]), prompt: 'is my card here' });
    expect(await stream.text).toBe('lost_card');
    expect(linesOf(calls[0]!)).toEqual([...LOST, 'user: is my card here']);
    expect(await stream.providerMetadata).toEqual({ mock: { seen: true }, fungi: report(['lost']) });
  });

  /** A tool that brings the index an example nearer than any: choosing at each step would show it to the second. */
  const tools = (): Record<string, unknown> => ({
    learn: ai.tool({
      description: 'Learns.',
      inputSchema: z.object({}),
      execute: () => {
        selector.examples.unshift(example('new', 'is my card here', 'found_card'));
        return Promise.resolve('learned');
      },
    }),
  });

  it.each(['generate', 'stream'])('gives all steps of a call the same examples, once: %s', async (way) => {
    const model = wrapped([{ tool: 'learn' }, { tool: 'learn' }, { text: 'done' }, { text: 'next' }]);
    const asked = { model, prompt: 'is my card here', tools: tools(), stopWhen: ai.stepCountIs(5) } as never;
    const text = way === 'generate' ? (await ai.generateText(asked)).text : await ai.streamText(asked).text;
    expect(text).toBe('done');
    expect(calls).toHaveLength(3);
    for (const call of calls) {
      expect(linesOf(call).slice(0, 3)).toEqual([...LOST, 'user: is my card here']);
      expect(linesOf(call).filter((line) => line === LOST[0])).toHaveLength(1);
    }
    expect(calls[2]!.prompt.map(({ role }) => role)).toEqual([
      ...['user', 'assistant', 'user', 'assistant', 'tool', 'assistant', 'tool'],
    ]);
    expect(selector.queries).toHaveLength(1);

    await ai.generateText({ model, prompt: 'is my card here' });
    expect(linesOf(calls[3]!)[1]).toBe('assistant: found_card');
  });

  it('injects once where a model is wrapped twice', async () => {
    const model = ai.wrapLanguageModel({
      model: wrapped([{ text: 'x' }]),
      middleware: fungiMiddleware({ selector, k: 1 }),
    });
    const { providerMetadata } = await ai.generateText({ model, prompt: 'is my card here' });
    expect(linesOf(calls[0]!)).toEqual([...LOST, 'user: is my card here']);
    expect(providerMetadata).toMatchObject({ fungi: report(['lost']) });
  });

  it('of two indexes adds from both, by the same options, and reports both', async () => {
    const other = Object.assign(new FakeSelector([example('tone', 'my card', 'polite')]), { name: 'tones' });
    const both = [
      fungiMiddleware({ selector: other, template: 'turns' }),
      fungiMiddleware({ selector, template: 'turns' }),
    ];
    const model = ai.wrapLanguageModel({
      model: modelOf(Mock, calls, [{ text: 'x' }, { text: 'y' }]),
      middleware: both,
    });
    const providerOptions = { fungi: { k: 1 } };
    const { providerMetadata } = await ai.generateText({ model, prompt: 'is my card here', providerOptions });
    // Were the options kept from the inner one, it would add three.
    expect(linesOf(calls[0]!)).toEqual([...['user: my card', 'assistant: polite', ...LOST, 'user: is my card here']]);
    expect(calls[0]!.providerOptions).toEqual({});
    expect(providerMetadata!['fungi']).toMatchObject({
      index: 'tones',
      also: [{ index: 'fake', examples: [{ id: 'lost' }] }],
    });
    await ai.generateText({ model, prompt: 'is my card here', providerOptions: { fungi: { skip: true } } });
    expect(linesOf(calls[1]!)).toEqual(['user: is my card here']);
  });

  it("reads a call's options, and does not pass them on", async () => {
    const fungi = { k: 2, filter: { not: { label: 'lost_card' } } };
    const providerOptions = { fungi, mock: { keep: true } };
    const model = wrapped([{ text: 'x' }, { text: 'y' }]);
    const { providerMetadata } = await ai.generateText({ model, prompt: 'my card', providerOptions });
    expect(providerMetadata).toMatchObject({ fungi: report(['late', 'room']) });
    expect(calls[0]!.providerOptions).toEqual({ mock: { keep: true } });
    const skipped = await ai.generateText({ model, prompt: 'my card', providerOptions: { fungi: { skip: true } } });
    expect(linesOf(calls[1]!)).toEqual(['user: my card']);
    expect(skipped.providerMetadata).toEqual({ mock: { seen: true } });
  });

  it('finds the query in the last user message, among its parts', async () => {
    await ai.generateText({
      model: wrapped([{ text: 'x' }]),
      messages: [
        { role: 'user', content: 'can i book a room' },
        { role: 'assistant', content: 'Yes.' },
        {
          role: 'user',
          content: [
            { type: 'file', data: new Uint8Array([137, 80, 78, 71]), mediaType: 'image/png' },
            { type: 'text', text: 'is my card here' },
          ],
        },
      ],
    });
    expect(linesOf(calls[0]!)).toEqual([
      ...['user: can i book a room', 'assistant: Yes.', ...LOST, 'user: <file>|is my card here'],
    ]);
  });

  it('puts the instructions of a template behind the system message', async () => {
    const model = wrapped([{ text: 'x' }], { template: 'classify-chat' });
    await ai.generateText({ model, [instructions]: 'Be kind.', prompt: 'my card' });
    const [own, added, ...rest] = linesOf(calls[0]!);
    expect(own).toBe('system: Be kind.');
    expect(added).toMatch(/^system: You have to annotate[^]*lost_card, overdue, rooms/);
    expect(rest).toEqual([...LOST, 'user: my card']);
  });

  it('gives typed errors, and asks no model', async () => {
    const model = wrapped([]);
    const failing = (providerOptions: object, prompt = 'x'): Promise<unknown> =>
      Promise.resolve(ai.generateText({ model, prompt, providerOptions: providerOptions as never }));
    await expect(failing({ fungi: { k: 0 } })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(failing({ fungi: { top: 3 } })).rejects.toMatchObject({
      message: expect.stringContaining('providerOptions.fungi') as string,
    });
    await expect(failing({}, 'x \ud800')).rejects.toMatchObject({ code: 'INVALID_TEXT' });
    expect(calls).toEqual([]);
  });

  it('does nothing for a call that was aborted', async () => {
    const asked = { model: wrapped([]), prompt: 'my card', abortSignal: AbortSignal.abort() };
    await expect(Promise.resolve(ai.generateText(asked))).rejects.toMatchObject({ name: 'AbortError' });
    expect(selector.queries).toEqual([]);
  });
});

describe('over an index', () => {
  let folder: string;
  let selector: FungiSelector;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fungi-ai-sdk-'));
    await writeFiles(join(folder, 'model'), await tinyModel());
    selector = await FungiSelector.build({ ...placeIn(folder).options('bank'), examples: tinyExamples(20) });
  });
  afterAll(async () => {
    await selector.close();
    await rm(folder, { recursive: true });
  });

  it('shows the model what select gives', async () => {
    const calls: Call[] = [];
    const model = ai6.wrapLanguageModel({
      model: modelOf(MockLanguageModelV3, calls, [{ text: 'dog' }]),
      middleware: fungiMiddleware({ selector, k: 3 }),
    });
    const { providerMetadata } = await ai6.generateText({ model, prompt: 'dog sat' });
    const { examples } = await selector.select('dog sat', { k: 3 });
    const turns = examples.toReversed().flatMap(({ input, label }) => [`user: ${input}`, `assistant: ${label}`]);
    expect(linesOf(calls[0]!)).toEqual([...turns, 'user: dog sat']);
    expect(providerMetadata!['fungi']).toMatchObject({ index: 'bank', examples: examples.map(({ id }) => ({ id })) });
  });

  describe.each(VERSIONS)('fungiEmbeddingModel, %s', (_, ai) => {
    it('gives the features of the index', async () => {
      const model = fungiEmbeddingModel(selector);
      const values = ['cat a b', 'dog', 'the dog sat'];
      const { embeddings } = await ai.embedMany({ model, values });
      const { vectors } = await selector.embed(values);
      expect(embeddings).toEqual(vectors.map((vector) => Array.from(vector)));
      const { embedding } = await ai.embed({ model, value: 'dog' });
      expect(embedding).toHaveLength(selector.dims);
      // What select has of a query.
      const { vector } = await selector.select('dog', { includeVector: true });
      expect(embedding).toEqual(Array.from(vector!));
    });

    it('gives features of one space that are what select compares', async () => {
      const options = { ...placeIn(folder).options('plain'), examples: tinyExamples(20) };
      const plain = await FungiSelector.build({ ...options, reducer: { kind: 'pca' } });
      const { input, distance } = (await plain.select('cat a b', { k: 1 })).examples[0]!;
      const { embeddings } = await ai.embedMany({ model: fungiEmbeddingModel(plain), values: ['cat a b', input] });
      const [query, stored] = embeddings;
      expect(Math.hypot(...stored!.map((value, i) => value - query![i]!))).toBeCloseTo(distance, 4);
      await plain.close();
    });

    it('gives plain embeddings of an encoder, at unit length', async () => {
      const embedder = await EncoderEmbedder.load(placeIn(folder).options('bank'));
      const { embeddings } = await ai.embedMany({ model: fungiEmbeddingModel(embedder), values: ['cat', 'dog sat'] });
      for (const embedding of embeddings) {
        expect(embedding).toHaveLength(embedder.dims);
        expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
      }
      expect(embeddings[0]).not.toEqual(embeddings[1]);
      await embedder.close();
    });

    it('refuses a blank text, naming it, and an aborted call', async () => {
      const model = fungiEmbeddingModel(selector);
      await expect(ai.embedMany({ model, values: ['a', ' '] })).rejects.toMatchObject({
        code: 'INVALID_TEXT',
        message: expect.stringContaining('item 1') as string,
      });
      const aborted = ai.embed({ model, value: 'a', abortSignal: AbortSignal.abort() });
      await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    });
  });

  it('warns of texts that were cut', async () => {
    const { warnings } = await fungiEmbeddingModel(selector).doEmbed({ values: ['dog', 'dog '.repeat(50)] });
    expect(warnings).toEqual([{ type: 'other', message: expect.stringContaining('1 of 2 texts') as string }]);
    expect((await fungiEmbeddingModel(selector).doEmbed({ values: [] })).embeddings).toEqual([]);
  });
});
