/** What each command prints under --json, and that nothing else lands on stdout. */
import { readdir, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { FungiSelector } from '../../src/selector/selector.js';
import { ScriptedLlm } from '../../src/testing/scripted-llm.js';
import { tinyModel } from '../encoders/tiny-model.js';
import { EXAMPLES, jsonl, Workspace } from './support.js';
import { textOf } from '../support/message-text.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
  const built = await workspace.fungi(['index', 'pets', '--data', '@train.jsonl', '--encoder', 'MODEL', '--json']);
  expect(built.stderr).toBe('');
  expect(indexJson.parse(built.json()).state).toBe('built');
});
afterAll(() => workspace.remove());

const manifestJson = z.looseObject({
  name: z.literal('pets'),
  rows: z.literal(EXAMPLES.length),
  labels: z.array(z.string()),
  fingerprint: z.string(),
});
const indexJson = z.strictObject({
  state: z.enum(['built', 'replaced', 'unchanged']),
  indexes: z.string(),
  seconds: z.number(),
  read: z.number(),
  repeated: z.number(),
  conflicts: z.number(),
  warnings: z.array(z.string()),
  manifest: manifestJson,
});
const exampleJson = z.strictObject({
  id: z.string(),
  input: z.string(),
  label: z.string(),
  metadata: z.strictObject({ year: z.number() }),
  rank: z.number(),
  distance: z.number(),
});
const retrieveJson = z.strictObject({
  index: z.literal('pets'),
  query: z.string(),
  k: z.number(),
  truncated: z.boolean(),
  examples: z.array(exampleJson),
});
const answerJson = z.strictObject({
  index: z.literal('pets'),
  query: z.string(),
  by: z.enum(['llm', 'vote']),
  llm: z.string().nullable(),
  label: z.string().nullable(),
  kind: z.enum(['label', 'invalid']),
  reply: z.string().optional(),
  truncated: z.boolean(),
  vote: z.strictObject({ label: z.string(), votes: z.number(), total: z.number() }),
  examples: z.array(z.strictObject({ rank: z.number(), id: z.string(), label: z.string(), distance: z.number() })),
  usage: z.strictObject({ promptTokens: z.number(), completionTokens: z.number() }).nullable(),
  cached: z.boolean(),
});
const answersJson = z.strictObject({
  index: z.literal('pets'),
  by: z.enum(['llm', 'vote']),
  llm: z.string().nullable(),
  total: z.number(),
  answered: z.number(),
  invalid: z.number(),
  failed: z.number(),
  failures: z.record(z.string(), z.number()),
  accuracy: z
    .strictObject({
      judged: z.number(),
      correct: z.number(),
      coverage: z.number().nullable(),
      selectiveAccuracy: z.number().nullable(),
      overall: z.number().nullable(),
      ofAll: z.strictObject({ low: z.number(), high: z.number() }),
    })
    .nullable(),
  truncated: z.number(),
  answers: z.array(
    z.strictObject({
      input: z.string(),
      truth: z.string().nullable(),
      kind: z.enum(['label', 'invalid', 'failed']),
      label: z.string().nullable(),
      reply: z.string().optional(),
      error: z.strictObject({ code: z.string(), message: z.string() }).optional(),
      vote: z.string().nullable(),
      truncated: z.boolean(),
    }),
  ),
});

describe('index', () => {
  const again = ['index', 'pets', '--data', '@train.jsonl', '--encoder', 'MODEL'];

  it('leaves the same index alone', async () => {
    const { code, stdout } = await workspace.fungi(again);
    expect(code).toBe(0);
    expect(stdout).toContain('nothing to do');
    expect(stdout).toContain('centred only: 12 rows are too few for a PCA');
  });

  it('refuses to replace one of other settings or data, naming what differs', async () => {
    await workspace.write({ 'fewer.jsonl': jsonl(EXAMPLES.slice(1)) });
    const settings = await workspace.fungi([...again, '--seed', '7']);
    expect(settings.code).toBe(5);
    expect(settings.stderr).toMatch(/^error \[INDEX_EXISTS\]: /);
    expect(settings.stderr).toContain('features.seed: 0 in the index, 7 asked for');
    expect(settings.stderr).toMatch(/^hint: .*--force/m);
    const reducer = await workspace.fungi([...again, '--recipe', 'paper']);
    expect(reducer.code).toBe(5);
    expect(reducer.stderr).toContain('reducer: auto in the index, pca asked for');
    const losses = await workspace.fungi([...again, '--losses', 'none']);
    expect(losses.stderr).toMatch(/:\n {2}losses: kl in the index, none asked for\nhint/);
    const data = await workspace.fungi(['index', 'pets', '--data', '@fewer.jsonl', '--encoder', 'MODEL']);
    expect(data.code).toBe(5);
    expect(data.stderr).toContain('1 example of the index not in the data, 0 of the data not in the index');
    const paper = ['index', 'paper', ...again.slice(2), '--recipe', 'paper'];
    expect((await workspace.fungi(paper)).code).toBe(0);
    const metric = await workspace.fungi([...paper, '--metric', 'cosine']);
    expect(metric.code).toBe(5);
    expect(metric.stderr).toContain('metric: l2 in the index, cosine asked for');
    await workspace.fungi(['indexes', 'remove', 'paper']);
  });

  it('replaces it under --force, and goes back', async () => {
    const other = await workspace.fungi([...again, '--losses', 'none', '--force', '--json']);
    expect(indexJson.parse(other.json()).state).toBe('replaced');
    const back = await workspace.fungi([...again, '--force', '--json']);
    expect(indexJson.parse(back.json()).state).toBe('replaced');
    const once = await workspace.fungi([...again, '--force', '--json']);
    expect(indexJson.parse(once.json()).state).toBe('unchanged');
  });

  it('counts repeated rows and texts with several labels', async () => {
    await workspace.write({
      'repeats.jsonl': jsonl([...EXAMPLES, EXAMPLES[0]!, { text: 'the cat sat', label: 'dog', year: 1 }]),
    });
    const { stderr, json } = await workspace.fungi([
      ...['index', 'repeats', '--data', '@repeats.jsonl', '--encoder', 'MODEL', '--losses', 'none', '--json'],
    ]);
    expect(json()).toMatchObject({ read: 14, repeated: 1, conflicts: 1, manifest: { rows: 13 } });
    expect(stderr).toContain('warning: same text and label as an earlier row: 1 row, kept once\n');
  });
});

describe('retrieve', () => {
  it('prints the nearest examples, nearest first', async () => {
    const { code, json } = await workspace.fungi(['retrieve', 'pets', 'the cat sat', '-k', '3', '--json']);
    expect(code).toBe(0);
    const { examples, k } = retrieveJson.parse(json());
    expect(k).toBe(3);
    expect(examples.map(({ rank }) => rank)).toEqual([1, 2, 3]);
    expect(examples[0]).toMatchObject({ input: 'the cat sat', label: 'cat' });
    expect(examples[0]!.distance).toBeLessThan(1e-3);
  });

  it('reads the query from standard input', async () => {
    const { json } = await workspace.fungi(['retrieve', 'pets', '-', '-k', '1', '--json'], { stdin: 'a dog\n' });
    expect(retrieveJson.parse(json())).toMatchObject({ query: 'a dog', examples: [{ input: 'a dog' }] });
  });

  it('filters by label and by metadata', async () => {
    const filter = JSON.stringify({ metadata: { year: { gte: 2024 } } });
    const { json } = await workspace.fungi([
      ...['retrieve', 'pets', 'a cat', '--label', 'dog', '--filter', filter, '-k', '2', '--json'],
    ]);
    const { examples } = retrieveJson.parse(json());
    expect(examples).toHaveLength(2);
    expect(examples.every(({ label, metadata }) => label === 'dog' && metadata.year >= 2024)).toBe(true);
  });

  it('returns all there are when k is larger, and says so', async () => {
    const { code, stderr, json } = await workspace.fungi(['retrieve', 'pets', 'a cat', '-k', '50', '--json']);
    expect(code).toBe(0);
    expect(retrieveJson.parse(json()).examples).toHaveLength(EXAMPLES.length);
    expect(stderr).toBe('warning: 50 examples were asked for, and there are only 12\n');
  });

  it('warns of a query that is longer than the encoder reads', async () => {
    const { stderr, json } = await workspace.fungi(['retrieve', 'pets', 'a '.repeat(50_000), '-k', '1', '--json']);
    expect(retrieveJson.parse(json()).truncated).toBe(true);
    expect(stderr).toContain('its end was not seen');
  });

  it('shows a table without --json', async () => {
    const { stdout } = await workspace.fungi(['retrieve', 'pets', 'a cat', '-k', '2']);
    expect(stdout).toMatch(/^rank {2}distance {2}label {2}text\n {3}1 {4}\d\.\d{4} {2}cat {4}a cat\n/);
  });
});

describe('prompt', () => {
  it('prints messages, the examples used and the size', async () => {
    const { json } = await workspace.fungi(['prompt', 'pets', 'a cat', '-k', '2', '--json']);
    const message = z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });
    const used = z.strictObject({ rank: z.number(), id: z.string(), label: z.string() });
    const parsed = z
      .strictObject({
        index: z.literal('pets'),
        query: z.literal('a cat'),
        messages: z.array(message),
        used: z.array(used),
        dropped: z.array(z.unknown()),
        size: z.strictObject({ characters: z.number(), tokens: z.number() }),
        truncated: z.literal(false),
      })
      .parse(json());
    expect(parsed.messages.at(-1)).toEqual({ role: 'user', content: 'a cat' });
    expect(parsed.messages).toHaveLength(1 + 2 * 2 + 1);
    expect(parsed.used.map(({ rank }) => rank)).toEqual([1, 2]);
  });

  it('warns of a query that is longer than the encoder reads', async () => {
    const { stderr, json } = await workspace.fungi(['prompt', 'pets', 'a '.repeat(100), '-k', '1', '--json']);
    expect(json()).toMatchObject({ truncated: true });
    expect(stderr).toContain('its end was not seen');
  });

  it('fills the inputs of a template', async () => {
    const { stdout } = await workspace.fungi([
      ...['prompt', 'pets', 'a cat', '-k', '1', '--template', 'classify', '--var', 'role=Sort pets.'],
    ]);
    expect(stdout).toMatch(/^Sort pets\.\n/);
    expect(stdout).toMatch(/query\] a cat\n$/);
  });
});

describe('answer', () => {
  it('votes without an LLM, and says so', async () => {
    const { json } = await workspace.fungi(['answer', 'pets', 'a cat', '-k', '3', '--json']);
    const parsed = answerJson.parse(json());
    expect(parsed).toMatchObject({ by: 'vote', llm: null, usage: null });
    expect(parsed.label).toBe(parsed.vote.label);
    const { stdout } = await workspace.fungi(['answer', 'pets', 'a cat', '-k', '3']);
    expect(stdout).toContain('by majority vote of the nearest examples (no LLM');
  });

  it('asks the LLM, with the key of the variable named, and keeps the reply', async () => {
    const llm = await ScriptedLlm.start([{ reply: 'Dog.' }]);
    const ask = (): ReturnType<Workspace['fungi']> =>
      workspace.fungi(['answer', 'pets', 'a cat', '--model', 'tiny', '--api-key-env', 'MY_KEY', '--json'], {
        env: { OPENAI_BASE_URL: llm.baseUrl, OPENAI_API_KEY: 'not-this-one', MY_KEY: 'sesame' },
      });
    try {
      expect(answerJson.parse((await ask()).json())).toMatchObject({
        by: 'llm',
        llm: 'tiny',
        label: 'dog',
        cached: false,
      });
      expect(llm.requests[0]!.headers.authorization).toBe('Bearer sesame');
      expect(answerJson.parse((await ask()).json())).toMatchObject({ label: 'dog', cached: true });
      expect(llm.requests).toHaveLength(1);
    } finally {
      await llm.close();
    }
  });

  it('counts replies off the list and failures apart from wrong ones', async () => {
    const replies: Record<string, string> = { 'the cat sat': 'cat', 'a cat': 'dog', 'cats sat': 'elephant' };
    const llm = await ScriptedLlm.start(({ body }) => {
      const reply = replies[textOf(body.messages.at(-1))];
      return reply === undefined ? { status: 400, message: 'too long' } : { reply };
    });
    await workspace.write({ 'four.jsonl': jsonl(EXAMPLES.slice(0, 4)) });
    try {
      const { code, json } = await workspace.fungi([
        ...[
          'answer',
          'pets',
          '--data',
          '@four.jsonl',
          '--base-url',
          llm.baseUrl,
          '--model',
          'm',
          '--no-cache',
          '--json',
        ],
      ]);
      const parsed = answersJson.parse(json());
      expect(code).toBe(6);
      expect(parsed).toMatchObject({ total: 4, answered: 2, invalid: 1, failed: 1, failures: { LLM_FAILED: 1 } });
      expect(parsed.accuracy).toEqual({
        judged: 4,
        correct: 1,
        coverage: 2 / 3,
        selectiveAccuracy: 1 / 2,
        overall: 1 / 3,
        ofAll: { low: 1 / 4, high: 2 / 4 },
      });
      expect(parsed.answers.map(({ kind }) => kind)).toEqual(['label', 'label', 'invalid', 'failed']);
      expect(parsed.answers[2]).toMatchObject({ label: null, reply: 'elephant' });
    } finally {
      await llm.close();
    }
  });

  it('answers a file without labels, and judges nothing', async () => {
    await workspace.write({ 'texts.csv': 'text\na cat\na dog\n' });
    const { code, json } = await workspace.fungi(['answer', 'pets', '--data', '@texts.csv', '-k', '1', '--json']);
    const parsed = answersJson.parse(json());
    expect(code).toBe(0);
    expect(parsed.accuracy).toBeNull();
    expect(parsed.answers.map(({ label }) => label)).toEqual(['cat', 'dog']);
  });
});

describe('indexes', () => {
  it('lists, describes, verifies and removes', async () => {
    await workspace.fungi(['index', 'spare', '--data', '@train.jsonl', '--encoder', 'MODEL', '--losses', 'none']);
    const list = z.strictObject({
      folder: z.string(),
      indexes: z.array(z.looseObject({ name: z.string(), manifest: z.looseObject({ rows: z.number() }) })),
    });
    const names = async (): Promise<string[]> =>
      list.parse((await workspace.fungi(['indexes', 'list', '--json'])).json()).indexes.map(({ name }) => name);
    expect(await names()).toContain('spare');
    const described = await workspace.fungi(['indexes', 'describe', 'pets', '--json']);
    const descriptionJson = { folder: z.string(), rows: z.literal(12), manifest: manifestJson, previous: z.null() };
    z.strictObject(descriptionJson).parse(described.json());
    const verified = await workspace.fungi(['indexes', 'verify', 'spare', '--json']);
    expect(verified.json()).toEqual({ name: 'spare', rows: 12, problems: [] });
    await workspace.write({ 'blend.safetensors': 'damaged' }, 'indexes', 'spare');
    const damaged = await workspace.fungi(['indexes', 'verify', 'spare']);
    expect(damaged.code).toBe(5);
    expect(damaged.stdout).toContain('blend.safetensors is damaged');
    expect((await workspace.fungi(['indexes', 'remove', 'spare', '--json'])).json()).toEqual({
      name: 'spare',
      removed: true,
    });
    expect(await names()).not.toContain('spare');
  });
});

it('says that a filter leaves no example, and which', async () => {
  const filter = '{"metadata": {"yeer": 2020}}';
  const { code, stderr } = await workspace.fungi(['retrieve', 'pets', 'a cat', '--label', 'cat', '--filter', filter]);
  expect(code).toBe(0);
  expect(stderr).toContain(`warning: the filter leaves no example: --label cat --filter ${filter}; keys and types`);
  expect(stderr).not.toContain('asked for');
});

it('shows whole texts where no terminal is, and fits them into one', async () => {
  const long = 'the cat '.repeat(40).trim();
  await workspace.write({ 'wide.jsonl': jsonl([...EXAMPLES, { text: long, label: 'cat' }]) });
  await workspace.fungi(['index', 'wide', '--encoder', 'MODEL', '--data', '@wide.jsonl']);
  const argv = ['retrieve', 'wide', long, '-k', '1'];
  expect((await workspace.fungi(argv)).stdout).toContain(long);
  expect((await workspace.fungi(argv, { columns: 60 })).stdout.split('\n')[1]).toMatch(/^.{59}…$/);
});

it('indexes tells the rows there are now, not those of the build', async () => {
  await workspace.fungi(['index', 'growing', '--data', '@train.jsonl', '--encoder', 'MODEL', '--losses', 'none']);
  const selector = await FungiSelector.open({ name: 'growing', indexes: workspace.path('indexes') });
  await selector.add([{ id: 'new', input: 'the dog', label: 'dog' }]);
  await selector.close();
  expect((await workspace.fungi(['indexes', 'list'])).stdout).toMatch(/^growing +13 +2 /m);
  const described = ['indexes', 'describe', 'growing'];
  expect((await workspace.fungi(described)).stdout).toContain('13 (when it was built: 12, 2 labels)');
  const data = ['indexes', 'growing', 'examples.lance', 'data'];
  for (const file of await readdir(workspace.path(...data))) await workspace.write({ [file]: 'damaged' }, ...data);
  expect((await workspace.fungi(described)).stdout).toContain('13 (when it was built: 12, 2 labels)'); // reads no row
  await rm(workspace.path('indexes', 'growing', 'examples.lance'), { recursive: true });
  expect((await workspace.fungi(described)).stdout).toContain('unreadable now (when it was built: 12, 2 labels)');
  const { indexes } = (await workspace.fungi(['indexes', 'list', '--json'])).json() as { indexes: object[] };
  expect(indexes).toContainEqual(expect.objectContaining({ name: 'growing', rows: null }));
  await workspace.fungi(['indexes', 'remove', 'growing']);
});

it('index takes ids from another column, or from none', async () => {
  const rows = EXAMPLES.map((row, i) => ({ ...row, id: `twice ${i % 2}`, key: `k${i}` }));
  await workspace.write({ 'ids.jsonl': jsonl(rows) });
  const index = async (...more: string[]): ReturnType<Workspace['fungi']> =>
    workspace.fungi(['index', 'ids', '--data', '@ids.jsonl', '--encoder', 'MODEL', '--losses', 'none', ...more]);
  const refused = await index();
  expect(refused.code).toBe(3);
  expect(refused.stderr).toMatch(/the id "twice 0" is already that of .*ids\.jsonl:1\nhint: .*--id-key none/);
  const first = async (): Promise<unknown> => {
    const { json } = await workspace.fungi(['retrieve', 'ids', EXAMPLES[0]!.text, '-k', '1', '--json']);
    return (json() as { examples: unknown[] }).examples[0];
  };
  expect((await index('--id-key', 'key')).code).toBe(0);
  expect(await first()).toMatchObject({ id: 'k0', metadata: { id: 'twice 0' } });
  expect((await index('--id-key', 'none', '--force')).code).toBe(0);
  expect(await first()).toMatchObject({ id: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
  const answered = await workspace.fungi(['answer', 'ids', '--data', '@ids.jsonl', '-k', '1', '--json']);
  expect(answered.json()).toMatchObject({ total: 12 });
  await workspace.fungi(['indexes', 'remove', 'ids']);
});

describe('models', () => {
  it('lists what is known, finds what is here, and says what is not', async () => {
    const listing = z.looseObject({ id: z.string(), aliases: z.array(z.string()), bytes: z.number() });
    const { models } = z
      .strictObject({ models: z.array(listing) })
      .parse((await workspace.fungi(['models', 'list', '--json'])).json());
    expect(models.map(({ id }) => id)).toContain('sentence-transformers/all-MiniLM-L6-v2');
    const { json } = await workspace.fungi(['models', 'path', 'MODEL', '--json']);
    expect(json()).toEqual({ id: workspace.path('model'), folder: workspace.path('model') });
    expect((await workspace.fungi(['models', 'pull', 'MODEL', '--json'])).json()).toMatchObject({
      licence: 'apache-2.0',
    });
    await workspace.write(await tinyModel(), 'cache', 'models', 'google-bert--bert-base-uncased');
    const known = await workspace.fungi(['models', 'path', 'bert-base', '--json']);
    expect(known.json()).toMatchObject({ id: 'google-bert/bert-base-uncased' }); // as pull has it
    const { code, stderr } = await workspace.fungi(['models', 'pull', 'minilm']);
    expect(code).toBe(4);
    expect(stderr).toMatch(/^error \[MODEL_NOT_FOUND\]/);
  });
});
