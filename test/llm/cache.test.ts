import { readFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { fingerprint } from '../../src/core/fingerprint.js';
import { CachedClient } from '../../src/llm/cache.js';
import type { Completion, CompletionRequest, LlmClient } from '../../src/llm/client.js';
import { OpenAiClient } from '../../src/llm/openai.js';
import { ScriptedLlm } from '../../src/testing/scripted-llm.js';

const messages = [{ role: 'user' as const, content: 'q' }];
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-llm-cache-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Counts its calls and answers each when told to. */
class SlowClient implements LlmClient {
  readonly settings;
  readonly calls: { request: CompletionRequest; answer: (text: string) => void; fail: (error: Error) => void }[] = [];

  constructor(settings: Partial<LlmClient['settings']> = {}) {
    this.settings = { baseUrl: 'http://a/v1', model: 'm', ...settings };
  }

  complete(request: CompletionRequest): Promise<Completion> {
    return new Promise((resolve, reject) => {
      const answer = (text: string): void => {
        resolve({ text, finishReason: 'stop', cached: false, attempts: 1 });
      };
      this.calls.push({ request, answer, fail: reject });
    });
  }

  async called(times: number): Promise<void> {
    while (this.calls.length < times) await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function entries(): Promise<string[]> {
  const files = await readdir(folder, { recursive: true });
  return files.filter((file) => file.endsWith('.json')).map((file) => join(folder, file));
}

async function ask(settings: Partial<LlmClient['settings']>, request: Partial<CompletionRequest>): Promise<Completion> {
  const slow = new SlowClient(settings);
  const work = new CachedClient(slow, { folder }).complete({ messages, ...request });
  await Promise.race([work, slow.called(1)]);
  slow.calls[0]?.answer('a');
  return work;
}

it('makes no call the second time, in another client over the same folder', async () => {
  const llm = await ScriptedLlm.start([{ reply: 'a' }, { reply: 'b' }]);
  try {
    const run = (): Promise<Completion[]> => {
      const client = new CachedClient(new OpenAiClient({ baseUrl: llm.baseUrl, model: 'm' }), { folder });
      return Promise.all(['one', 'two'].map((content) => client.complete({ messages: [{ role: 'user', content }] })));
    };
    const first = await run();
    const second = await run();
    expect(first.map(({ cached }) => cached)).toEqual([false, false]);
    expect(second).toEqual(first.map((completion) => ({ ...completion, cached: true, attempts: 0 })));
    expect(llm.requests).toHaveLength(2);
  } finally {
    await llm.close();
  }
});

it('tells requests apart by everything that shapes the reply, and by nothing else', async () => {
  expect((await ask({}, {})).cached).toBe(false);
  const same = [{}, { temperature: 0 }, { model: 'm' }, { signal: new AbortController().signal }];
  for (const request of same) expect((await ask({}, request)).cached, JSON.stringify(request)).toBe(true);

  const other: [Partial<LlmClient['settings']>, Partial<CompletionRequest>][] = [
    [{}, { temperature: 1 }],
    [{}, { temperature: null }],
    [{}, { maxTokens: 5 }],
    [{}, { model: 'n' }],
    [{}, { messages: [{ role: 'system', content: 'q' }] }],
    [{}, { messages: [{ role: 'user', content: 'q ' }] }],
    [{ baseUrl: 'http://b/v1' }, {}],
    [{ extraBody: { seed: 1 } }, {}],
  ];
  for (const [settings, request] of other) {
    expect((await ask(settings, request)).cached, JSON.stringify([settings, request])).toBe(false);
  }
  expect(await entries()).toHaveLength(1 + other.length);
});

it('keeps how long the call took, and reads entries that do not tell', async () => {
  const timed: LlmClient = {
    settings: { baseUrl: 'http://a/v1', model: 'm' },
    complete: () => Promise.resolve({ text: 'a', finishReason: 'stop', cached: false, attempts: 1, latencyMs: 42.5 }),
  };
  const client = new CachedClient(timed, { folder });
  expect(await client.peek({ messages })).toBeUndefined();
  await client.complete({ messages });
  const known = { text: 'a', finishReason: 'stop', cached: true, attempts: 0 };
  expect(await client.complete({ messages })).toEqual({ ...known, latencyMs: 42.5 });
  expect(await client.peek({ messages })).toEqual({ ...known, latencyMs: 42.5 });
  // As version 0.1.0 wrote it.
  const [path] = await entries();
  const old = { text: 'a', finishReason: 'stop' };
  await writeFile(path!, JSON.stringify({ completion: old, sha256: fingerprint(old) }));
  expect(await client.peek({ messages })).toEqual(known);
});

it('has a reply on disk before it hands it out', async () => {
  const slow = new SlowClient();
  const work = new CachedClient(slow, { folder }).complete({ messages });
  await slow.called(1);
  slow.calls[0]!.answer('a');
  await work;
  expect(await new CachedClient(new SlowClient(), { folder }).peek({ messages })).toMatchObject({ text: 'a' });
});

describe('a damaged entry', () => {
  it.each([
    ['truncated', (text: string) => text.slice(0, -10)],
    ['empty', () => ''],
    ['of another shape', () => '{"completion": 1}'],
    ['changed', (text: string) => text.replace('"text":"a"', '"text":"b"')],
  ])('that is %s is asked for again and replaced', async (_name, damage) => {
    await ask({}, {});
    const [path] = await entries();
    const good = await readFile(path!, 'utf8');
    await writeFile(path!, damage(good));

    const warnings: string[] = [];
    const logger = { debug: () => undefined, info: () => undefined, warn: (message: string) => warnings.push(message) };
    const slow = new SlowClient();
    const work = new CachedClient(slow, { folder, logger }).complete({ messages });
    await slow.called(1);
    slow.calls[0]!.answer('a');
    expect((await work).cached).toBe(false);
    expect(warnings).toEqual([expect.stringContaining('is damaged and will be replaced')]);
    expect(await readFile(path!, 'utf8')).toBe(good);
  });
});

it('answers even when the reply cannot be kept', async () => {
  const blocked = join(folder, 'file');
  await writeFile(blocked, '');
  const slow = new SlowClient();
  const work = new CachedClient(slow, { folder: blocked }).complete({ messages });
  await slow.called(1);
  slow.calls[0]!.answer('a');
  expect((await work).text).toBe('a');
});

describe('equal requests at the same time', () => {
  it('share one call', async () => {
    const slow = new SlowClient();
    const client = new CachedClient(slow, { folder });
    const works = [client.complete({ messages }), client.complete({ messages }), client.complete({ messages })];
    await slow.called(1);
    slow.calls[0]!.answer('a');
    const completions = await Promise.all(works);
    expect(completions.map(({ text, cached, attempts }) => [text, cached, attempts])).toEqual([
      ['a', false, 1],
      ['a', true, 0],
      ['a', true, 0],
    ]);
    expect(slow.calls).toHaveLength(1);
  });

  it('fail together, and the failure is not kept', async () => {
    const slow = new SlowClient();
    const client = new CachedClient(slow, { folder });
    const works = Promise.allSettled([client.complete({ messages }), client.complete({ messages })]);
    await slow.called(1);
    slow.calls[0]!.fail(new FungiError('LLM_FAILED', 'no'));
    expect((await works).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await entries()).toEqual([]);
    const again = client.complete({ messages });
    await slow.called(2);
    slow.calls[1]!.answer('a');
    expect((await again).text).toBe('a');
  });

  it('outlive the one that is aborted; the call ends with the last', async () => {
    const slow = new SlowClient();
    const client = new CachedClient(slow, { folder });
    const [first, second] = [new AbortController(), new AbortController()];
    const works = Promise.allSettled([
      client.complete({ messages, signal: first.signal }),
      client.complete({ messages, signal: second.signal }),
    ]);
    await slow.called(1);
    first.abort();
    expect(slow.calls[0]!.request.signal?.aborted).toBe(false);
    second.abort();
    expect(slow.calls[0]!.request.signal?.aborted).toBe(true);
    for (const work of await works) expect(work).toMatchObject({ status: 'rejected', reason: { code: 'ABORTED' } });

    // A newcomer must not join the call that was just aborted.
    const newcomer = client.complete({ messages });
    await slow.called(2);
    slow.calls[1]!.answer('fresh');
    expect((await newcomer).text).toBe('fresh');
  });
});
