/** The drop-ins under the real `@langchain/core`. Where LangChain's own way fails, a test shows that it does. */
import { AIMessage, HumanMessage } from '@langchain/core/messages';
import {
  ChatPromptTemplate,
  FewShotChatMessagePromptTemplate,
  FewShotPromptTemplate,
  PromptTemplate,
  type Example,
} from '@langchain/core/prompts';
import { FakeVectorStore } from '@langchain/core/utils/testing';
import { SemanticSimilarityExampleSelector } from '@langchain/core/example_selectors';
import fc from 'fast-check';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  FungiEmbeddings,
  FungiExampleSelector,
  FungiRetriever,
  SafeFewShotChatMessagePromptTemplate,
  SafeFewShotPromptTemplate,
  type FungiExampleSelectorOptions,
} from '../../src/adapters/langchain/index.js';
import type { Example as Row } from '../../src/core/item.js';
import { tinyModel, writeFiles } from '../encoders/tiny-model.js';
import { placeIn } from '../selector/support.js';
import { example, FakeSelector, LIBRARY } from './fake-selector.js';

class OpenSelector extends FakeSelector {
  closed = false;
  add = (): never => {
    throw new Error('not here');
  };
  close = (): Promise<void> => {
    this.closed = true;
    return Promise.resolve();
  };
}

const over = (rows: Row[], options: FungiExampleSelectorOptions = {}): FungiExampleSelector =>
  new FungiExampleSelector({ selector: new OpenSelector(rows), ...options });

const examplePrompt = PromptTemplate.fromTemplate('{input} => {output}');

/** Strings that LangChain's second filling trips over. */
const HOSTILE = [
  '{"a": {"b": 1}}',
  '\\frac{a}{b}',
  '{',
  '}',
  '}{',
  '{secret}',
  '{{secret}}',
  '{{',
  '{{{secret}}}',
  '{{#secret}}',
];

describe('SafeFewShotPromptTemplate', () => {
  const fields = (row: Row, options: FungiExampleSelectorOptions = {}) => ({
    exampleSelector: over([row], { queryKey: 'message', ...options }),
    examplePrompt,
    prefix: 'For {audience}:',
    suffix: '{message} =>',
    inputVariables: ['message'],
    partialVariables: { audience: 'staff', secret: 'S3CRET' },
    validateTemplate: false,
  });
  const values = { message: 'is {my} card here' };

  it.each(HOSTILE)('writes %s as it is', async (text) => {
    const prompt = new SafeFewShotPromptTemplate(fields(example('x', text, 'a label')));
    expect(await prompt.format(values)).toBe(`For staff:\n\n${text} => a label\n\nis {my} card here =>`);
  });

  it("is needed: LangChain's own throws at a brace, and fills a variable into an example", async () => {
    const stock = (text: string): Promise<string> =>
      new FewShotPromptTemplate(fields(example('x', text, 'l'))).format(values);
    await expect(stock('{"a": 1}')).rejects.toThrow(/Missing value/);
    await expect(stock('}')).rejects.toThrow(/Single '}'/);
    expect(await stock('{secret}')).toContain('S3CRET');
  });

  it.each(HOSTILE)("with escapeBraces LangChain's own writes %s as it is, too", async (text) => {
    const stock = new FewShotPromptTemplate(fields(example('x', text, 'a label'), { escapeBraces: true }));
    expect(await stock.format(values)).toBe(`For staff:\n\n${text} => a label\n\nis {my} card here =>`);
  });

  it("writes what LangChain's own writes, of examples without braces", async () => {
    const text = fc.string({ minLength: 1 }).filter((value) => !/[{}]/.test(value));
    await fc.assert(
      fc.asyncProperty(text, text, fc.constantFrom('', 'Before.'), async (input, output, prefix) => {
        const safe = { ...fields(example('x', input, output)), prefix };
        expect(await new SafeFewShotPromptTemplate(safe).format(values)).toBe(
          await new FewShotPromptTemplate(safe).format(values),
        );
      }),
    );
  });

  it('stays safe when variables are filled in advance, also as a runnable', async () => {
    const { partialVariables, ...rest } = fields(example('x', '{secret}', 'l'));
    const partial = await new SafeFewShotPromptTemplate(rest).partial(partialVariables);
    expect(partial).toBeInstanceOf(SafeFewShotPromptTemplate);
    expect((await partial.invoke(values)).toString()).toBe('For staff:\n\n{secret} => l\n\nis {my} card here =>');
  });

  it('takes mustache templates and fixed examples', async () => {
    const prompt = new SafeFewShotPromptTemplate({
      examples: [{ input: '{{secret}} & {x}', output: 'l' }],
      examplePrompt: PromptTemplate.fromTemplate('{{input}} => {{output}}', { templateFormat: 'mustache' }),
      templateFormat: 'mustache',
      suffix: '{{message}}',
      inputVariables: ['message', 'secret'],
    });
    expect(await prompt.format({ message: 'm', secret: 'S3CRET' })).toBe('\n\n{{secret}} & {x} => l\n\nm');
  });

  it.each<[string, PromptTemplate]>([
    [
      'of a partial variable',
      new PromptTemplate({
        template: '{input} ({style})',
        inputVariables: ['input', 'style'],
        partialVariables: { style: 'formal' },
      }),
    ],
    [
      'of a partial variable that the example has too',
      new PromptTemplate({
        template: '{input} [{source}]',
        inputVariables: ['input'],
        partialVariables: { source: 'none' },
      }),
    ],
    [
      'of a section that is absent',
      PromptTemplate.fromTemplate('{{input}}{{#note}} ({{note}}){{/note}}', { templateFormat: 'mustache' }),
    ],
  ])("writes what LangChain's own writes, %s", async (_, examplePrompt) => {
    const options = {
      examples: [{ input: 'a', source: 's' }],
      examplePrompt,
      suffix: '{message}',
      inputVariables: ['message'],
    };
    const own = await new FewShotPromptTemplate(options).format({ message: 'm' });
    expect(await new SafeFewShotPromptTemplate(options).format({ message: 'm' })).toBe(own);
  });

  it('names the key that an example lacks', async () => {
    const prompt = new SafeFewShotPromptTemplate({
      ...fields(example('x', 'a', 'l')),
      examplePrompt: PromptTemplate.fromTemplate('{question}'),
    });
    await expect(prompt.format(values)).rejects.toMatchObject({
      code: 'TEMPLATE_INVALID',
      message: expect.stringMatching(/"question".*input, output/) as string,
    });
  });
});

describe('in a conversation', () => {
  const chatExample = ChatPromptTemplate.fromMessages([
    ['human', '{input}'],
    ['ai', '{output}'],
  ]);
  const promptWith = (fewShot: FewShotChatMessagePromptTemplate): ChatPromptTemplate =>
    ChatPromptTemplate.fromMessages([['system', 'Give the label.'], fewShot as never, ['human', '{message}']]);
  const contents = async (prompt: ChatPromptTemplate): Promise<string[]> =>
    (await prompt.formatMessages({ message: 'my {card}' })).map(({ type, text }) => `${type}: ${text}`);

  it.each([FewShotChatMessagePromptTemplate, SafeFewShotChatMessagePromptTemplate])(
    'writes turns: %o',
    async (Template) => {
      const exampleSelector = over([example('x', '{"a": {secret}}', 'a label')]);
      const fewShot = new Template({ exampleSelector, examplePrompt: chatExample, inputVariables: ['message'] });
      expect(await contents(promptWith(fewShot))).toEqual([
        ...['system: Give the label.', 'human: {"a": {secret}}', 'ai: a label', 'human: my {card}'],
      ]);
    },
  );

  it.each([FewShotChatMessagePromptTemplate, SafeFewShotChatMessagePromptTemplate])(
    'names the cause where no variable arrives, as with empty inputVariables: %o',
    async (Template) => {
      const fewShot = new Template({
        exampleSelector: over(LIBRARY()),
        examplePrompt: chatExample,
        inputVariables: [],
      });
      await expect(contents(promptWith(fewShot))).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        hint: expect.stringContaining('inputVariables') as string,
      });
    },
  );

  it('names the key that an example lacks, where LangChain writes "undefined"', async () => {
    const fields = {
      exampleSelector: over([example('x', 'a', 'l')]),
      examplePrompt: ChatPromptTemplate.fromMessages([['human', '{question}']]),
      inputVariables: ['message'],
    };
    const [stock] = await new FewShotChatMessagePromptTemplate(fields).formatMessages({ message: 'm' });
    expect(stock!.content).toBe('undefined');
    const safe = new SafeFewShotChatMessagePromptTemplate(fields);
    await expect(safe.formatMessages({ message: 'm' })).rejects.toMatchObject({ code: 'TEMPLATE_INVALID' });
  });

  it('is filled once as a string too, and after partial', async () => {
    const fields = {
      exampleSelector: over([example('x', '{secret}', 'l')], { queryKey: 'message' }),
      examplePrompt: chatExample,
      prefix: '{message}',
      inputVariables: ['message', 'secret'],
    };
    const values = { message: 'm', secret: 'S3CRET' };
    expect(await new FewShotChatMessagePromptTemplate(fields).format(values)).toContain('S3CRET');
    expect(await new SafeFewShotChatMessagePromptTemplate(fields).format(values)).toBe('m\n\n{secret}\n\nl\n\n');
    const partial = await new SafeFewShotChatMessagePromptTemplate(fields).partial({ secret: 'S3CRET' });
    expect(await partial.format({ message: 'm' })).toBe('m\n\n{secret}\n\nl\n\n');
    expect(await partial.formatMessages({ message: 'm' })).toEqual([new HumanMessage('{secret}'), new AIMessage('l')]);
  });
});

describe('FungiExampleSelector', () => {
  it('reads the query from its variable, whatever others the prompt has', async () => {
    const queried = async (variables: Record<string, unknown>, options: FungiExampleSelectorOptions = {}) => {
      const selector = new OpenSelector(LIBRARY());
      await new FungiExampleSelector({ selector, ...options }).selectExamples(variables);
      return selector.queries;
    };
    expect(await queried({ message: 'my card' })).toEqual(['my card']);
    expect(await queried({ input: 'my card', audience: 'can i book a room' })).toEqual(['my card']);
    expect(await queried({ message: 'my card', audience: 'x' }, { queryKey: 'message' })).toEqual(['my card']);
    expect(await queried({ text: 7 })).toEqual(['7']);
  });

  it.each([
    [{ message: 'a', audience: 'b' }, {}, '"input", and there is none; the variables are message, audience'],
    [{ input: ['a'] }, {}, 'an array'],
    [{ input: null }, {}, 'null'],
    [{ other: 'a' }, { queryKey: 'message' }, '"message", and there is none'],
    [{ a: 1, b: 2 }, { queryKey: 'constructor' }, '"constructor", and there is none'],
  ])('asks which variable is the query: %j %j', async (variables, options, message) => {
    await expect(over(LIBRARY(), options).selectExamples(variables)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message) as string,
    });
  });

  it('gives metadata back as strings, and text and label under their keys', async () => {
    const row = example('x', 'a text', 'a label', { year: 2020, checked: true, source: 'web', input: 'not this' });
    expect(await over([row]).selectExamples({ input: 'q' })).toEqual([
      { input: 'a text', output: 'a label', year: '2020', checked: 'true', source: 'web' },
    ]);
    const named = over([row], { inputKey: 'question', outputKey: 'answer' });
    expect(await named.selectExamples({ question: 'q' })).toEqual([
      { question: 'a text', answer: 'a label', year: '2020', checked: 'true', source: 'web', input: 'not this' },
    ]);
  });

  it('gives scores, k, filter and order', async () => {
    const scored = await over(LIBRARY(), { k: 2 }).selectWithScores({ input: 'my card' });
    expect(scored).toEqual([
      { example: { input: 'my card was stolen', output: 'lost_card' }, id: 'lost', rank: 1, distance: 1 / 3 },
      { example: { input: 'the book is late', output: 'overdue' }, id: 'late', rank: 2, distance: 1 },
    ]);
    const last = await over(LIBRARY(), { k: 2, order: 'nearest-last' }).selectWithScores({ input: 'my card' });
    expect(last).toEqual(scored.toReversed());
    const filtered = await over(LIBRARY(), { filter: { metadata: { year: { gte: 2020 } } } }).selectWithScores({
      input: 'x',
    });
    expect(filtered.map(({ id }) => id)).toEqual(['room']);
  });

  it("breaks chat formats' control tokens, unless told to keep them", async () => {
    const row = example('x', '<|im_start|>system', '</s>', { source: '[INST]' });
    expect(await over([row]).selectExamples({ input: 'q' })).toEqual([
      { input: '< |im_start|>system', output: '< /s>', source: '[ INST]' },
    ]);
    const kept = await over([row], { controlTokens: 'keep' }).selectExamples({ input: 'q' });
    expect(kept[0]).toEqual({ input: '<|im_start|>system', output: '</s>', source: '[INST]' });
  });

  it('is written down without the index in it', () => {
    expect(JSON.parse(JSON.stringify(over(LIBRARY())))).toEqual({
      lc: 1,
      type: 'not_implemented',
      id: ['fungi_icl', 'example_selectors', 'FungiExampleSelector'],
    });
  });

  it('refuses keys that are the same, and an index of images', () => {
    const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error;
    expect(() => over([], { outputKey: 'input' })).toThrow(refused);
    const selector = Object.assign(new OpenSelector([]), { modality: 'image' as const });
    expect(() => new FungiExampleSelector({ selector })).toThrow(refused);
  });
});

describe('over an index', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fungi-langchain-'));
    await writeFiles(join(folder, 'model'), await tinyModel());
  });
  afterAll(() => rm(folder, { recursive: true }));
  const options = (name: string) => placeIn(folder).options(name);

  const EXAMPLES = (): Example[] => [
    { question: 'the cat sat', answer: 'cat', source: 'a' },
    { question: 'the dog sat', answer: 'dog', source: 'b' },
    { question: 'a dog', answer: 'dog', source: 'c' },
  ];
  const keys = { inputKey: 'question', outputKey: 'answer', k: 1 };

  it('is built from examples, takes more, and is opened again', async () => {
    const examples = EXAMPLES();
    const selector = await FungiExampleSelector.fromExamples(examples, { ...options('qa'), ...keys });
    examples[0]!['answer'] = 'changed';
    const [first] = await selector.selectExamples({ question: 'the cat sat' });
    expect(first).toEqual({ question: 'the cat sat', answer: 'cat', source: 'a' });
    // What was given back is the caller's: changing it changes no row.
    first!['answer'] = 'changed';
    first!['source'] = 'changed';
    expect(await selector.selectExamples({ question: 'the cat sat' })).toEqual([EXAMPLES()[0]]);

    const added: Example = { question: 'c d', answer: 'letters', source: 'd' };
    const id = await selector.addExample(added);
    added['answer'] = 'changed';
    const found = { example: { question: 'c d', answer: 'letters', source: 'd' }, id, rank: 1 };
    expect(await selector.selectWithScores({ question: 'c d' })).toMatchObject([found]);
    // The same example once more is the same row.
    expect(await selector.addExample({ question: 'c d', answer: 'letters', source: 'd' })).toBe(id);
    await selector.close();

    const opened = await FungiExampleSelector.open({ ...options('qa'), ...keys, k: 10 });
    const all = await opened.selectWithScores({ question: 'c d' });
    expect(all).toHaveLength(4);
    expect(all[0]).toMatchObject(found);
    expect(all[0]!.distance).toBeLessThan(1e-4);
    await opened.close();
  });

  it('leaves the index that there is where keys are the same', async () => {
    const first = await FungiExampleSelector.fromExamples(EXAMPLES(), { ...options('kept'), ...keys });
    await first.close();
    const same = { ...options('kept'), inputKey: 'question', outputKey: 'question' };
    await expect(FungiExampleSelector.fromExamples(EXAMPLES(), same)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    const opened = await FungiExampleSelector.open({ ...options('kept'), ...keys });
    expect(await opened.selectExamples({ question: 'the cat sat' })).toEqual([EXAMPLES()[0]]);
    await opened.close();
  });

  it('names the example and the key that it lacks', async () => {
    const build = FungiExampleSelector.fromExamples(EXAMPLES(), { ...options('bad'), inputKey: 'question' });
    await expect(build).rejects.toMatchObject({
      code: 'INVALID_DATA',
      message: 'example 0 has no "output"; its keys are question, answer, source',
    });
    await expect(FungiExampleSelector.open(options('none'))).rejects.toMatchObject({ code: 'INDEX_NOT_FOUND' });
  });

  it('gives vectors to stores and selectors of LangChain', async () => {
    const built = await FungiExampleSelector.fromExamples(EXAMPLES(), { ...options('vectors'), ...keys });
    const features = await FungiEmbeddings.open(options('vectors'));
    const plain = await FungiEmbeddings.load(options('vectors'));
    const texts = EXAMPLES().map(({ question }) => question!);
    for (const embeddings of [features, plain]) {
      const vectors = await embeddings.embedDocuments(texts);
      expect(vectors.map(({ length }) => length)).toEqual(texts.map(() => embeddings.embedder.dims));
      const alone = await embeddings.embedQuery(texts[1]!);
      alone.forEach((value, i) => {
        expect(value).toBeCloseTo(vectors[1]![i]!, 4);
      });
      expect(await embeddings.embedDocuments([])).toEqual([]);
      await expect(embeddings.embedDocuments(['a', ''])).rejects.toMatchObject({ code: 'INVALID_TEXT' });
      const similar = await SemanticSimilarityExampleSelector.fromExamples(EXAMPLES(), embeddings, FakeVectorStore, {
        k: 1,
        inputKeys: ['question'],
      });
      expect(await similar.selectExamples({ question: 'the cat sat' })).toMatchObject([{ answer: 'cat' }]);
    }
    expect(Math.hypot(...(await plain.embedQuery('cat')))).toBeCloseTo(1, 5);
    await Promise.all([built.close(), features.close(), plain.close()]);
  });

  it('gives documents', async () => {
    const built = await FungiExampleSelector.fromExamples(EXAMPLES(), { ...options('documents'), ...keys });
    const retriever = new FungiRetriever({ selector: built.selector, k: 2, filter: { label: 'dog' } });
    const documents = await retriever.invoke('the dog sat');
    expect(documents).toHaveLength(2);
    expect(documents[0]).toMatchObject({
      pageContent: 'the dog sat',
      metadata: { source: 'b', fungi: { label: 'dog', rank: 1 } },
    });
    documents[0]!.metadata['source'] = 'changed';
    expect((await retriever.invoke('the dog sat'))[0]!.metadata['source']).toBe('b');
    await expect(retriever.invoke(' ')).rejects.toMatchObject({ code: 'INVALID_TEXT' });
    await built.close();
  });
});
