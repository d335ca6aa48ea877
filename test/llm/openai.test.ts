import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { OpenAiClient, type OpenAiOptions } from '../../src/llm/openai.js';
import { ScriptedLlm, type Script } from '../../src/testing/scripted-llm.js';
import { FakeTiming } from './fake-timing.js';

const messages = [{ role: 'user' as const, content: 'Where is my card?' }];
const KEY = 'sk-very-secret-0123456789';
const open: ScriptedLlm[] = [];

async function start(
  script: Script,
  options: Partial<OpenAiOptions> = {},
): Promise<{ llm: ScriptedLlm; client: OpenAiClient; timing: FakeTiming }> {
  const llm = await ScriptedLlm.start(script);
  open.push(llm);
  const timing = new FakeTiming();
  return { llm, timing, client: new OpenAiClient({ baseUrl: llm.baseUrl, model: 'test', timing, ...options }) };
}

async function failure(work: Promise<unknown>): Promise<FungiError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!FungiError.is(error)) throw new Error(`expected a FungiError, got ${inspect(error)}`);
  return error;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((llm) => llm.close()));
});

describe('request and reply', () => {
  it('asks at temperature 0 and returns text, finish reason and usage', async () => {
    const { llm, client } = await start([
      { reply: 'card_arrival', finishReason: 'length', usage: { promptTokens: 9, completionTokens: 2 } },
    ]);
    expect(await client.complete({ messages, maxTokens: 16 })).toEqual({
      text: 'card_arrival',
      finishReason: 'length',
      usage: { promptTokens: 9, completionTokens: 2 },
      attempts: 1,
      cached: false,
      latencyMs: 0, // on a clock that stands still
    });
    expect(llm.requests[0]).toMatchObject({
      path: '/v1/chat/completions',
      body: { model: 'test', messages, temperature: 0, max_tokens: 16 },
    });
  });

  it('leaves temperature out on null, and adds what the server wants', async () => {
    const { llm, client } = await start([{ reply: 'a' }], { extraBody: { seed: 7, max_completion_tokens: 5 } });
    await client.complete({ messages, model: 'other', temperature: null });
    expect(llm.requests[0]?.body).toEqual({ model: 'other', messages, seed: 7, max_completion_tokens: 5 });
  });

  it('sends the key when there is one, and no Authorization header when not', async () => {
    const keyed = await start([{ reply: 'a' }], { apiKey: `${KEY}\n` });
    await keyed.client.complete({ messages });
    expect(keyed.llm.requests[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
    const bare = await start([{ reply: 'a' }]);
    await bare.client.complete({ messages });
    expect(bare.llm.requests[0]?.headers).not.toHaveProperty('authorization');
  });

  it('takes a refusal as text, and a reply without content as empty', async () => {
    const body = (message: object): string => JSON.stringify({ choices: [{ message }] });
    const { client } = await start([
      { status: 200, body: body({ content: null, refusal: 'I cannot' }) },
      { status: 200, body: body({ content: null }) },
    ]);
    expect(await client.complete({ messages })).toMatchObject({ text: 'I cannot', finishReason: 'unknown' });
    expect((await client.complete({ messages })).text).toBe('');
  });

  it.each([
    { baseUrl: 'localhost:8080' },
    { baseUrl: 'ftp://host/v1' },
    { baseUrl: 'http://user:hunter2@host/v1' },
    { apiKey: `${KEY} x` },
    { concurrency: 0 },
    { attemptTimeoutMs: 1.5 },
    { retry: { attempts: 0 } },
  ])('refuses %j', async (options) => {
    const error = await failure(start([], options));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(inspect(error)).not.toMatch(/hunter2|secret/);
  });
});

it('gives a request its time under a retry policy whose members are undefined', async () => {
  const { client } = await start([{ reply: 'a', delayMs: 50 }], {
    retry: { attempts: undefined, deadlineMs: undefined },
  });
  expect((await client.complete({ messages })).text).toBe('a');
});

describe('retries', () => {
  it('rides out a storm of 429, waiting as Retry-After says', async () => {
    const { llm, client, timing } = await start([
      { status: 429, headers: { 'retry-after': '7' } },
      { status: 429, headers: { 'retry-after-ms': '1250' } },
      { status: 429, headers: { 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' } },
      { reply: 'calm' },
    ]);
    expect(await client.complete({ messages })).toMatchObject({ text: 'calm', attempts: 4 });
    expect(timing.sleeps).toEqual([7000, 1250, 60_000 - 8250]);
    expect(llm.requests.map(({ body }) => body)).toEqual(Array(4).fill(llm.requests[0]?.body));
  });

  it('gives up a storm that does not end', async () => {
    const { llm, client } = await start(() => ({ status: 429, message: 'Rate limit reached for test' }));
    expect(await failure(client.complete({ messages }))).toMatchObject({
      code: 'LLM_RATE_LIMITED',
      message: `LLM at ${llm.baseUrl}: 429 Rate limit reached for test (5 attempts)`,
      details: { status: 429, attempts: 5, baseUrl: llm.baseUrl },
    });
    expect(llm.requests).toHaveLength(5);
  });

  it('waits through a storm that lasts longer than three minutes, as its attempts and timeout allow', async () => {
    const busy = { status: 429, headers: { 'retry-after': '60' } };
    const { client, timing } = await start([busy, busy, busy, busy, { reply: 'calm' }], { attemptTimeoutMs: 120_000 });
    expect(await client.complete({ messages })).toMatchObject({ text: 'calm', attempts: 5 });
    expect(timing.sleeps).toEqual([60_000, 60_000, 60_000, 60_000]);
  });

  it.each([
    [408, 'LLM_UNREACHABLE'],
    [529, 'LLM_UNREACHABLE'],
    [500, 'LLM_FAILED'],
    [502, 'LLM_UNREACHABLE'],
    [503, 'LLM_UNREACHABLE'],
    [504, 'LLM_UNREACHABLE'],
  ])('tries again on %i, and ends with %s', async (status, code) => {
    const { llm, client } = await start(() => ({ status, message: 'overloaded' }), { retry: { attempts: 2 } });
    const error = await failure(client.complete({ messages }));
    expect(error).toMatchObject({ code, details: { status } });
    expect(error.details['timeout'] === true).toBe([408, 504].includes(status));
    expect(error.message).toContain('overloaded');
    expect(llm.requests).toHaveLength(2);
  });

  it.each([400, 401, 403, 404, 409, 422])('does not repeat what %i refuses', async (status) => {
    const { llm, client } = await start([{ status, message: 'the reason why' }, { reply: 'too late' }]);
    const error = await failure(client.complete({ messages }));
    expect(error).toMatchObject({ code: 'LLM_FAILED', details: { status } });
    expect(error.message).toContain('the reason why');
    expect(llm.requests).toHaveLength(1);
  });

  it('does not wait for a quota that is used up', async () => {
    const body = JSON.stringify({ error: { message: 'You exceeded your current quota', code: 'insufficient_quota' } });
    const { llm, client } = await start([{ status: 429, body }]);
    expect((await failure(client.complete({ messages }))).code).toBe('LLM_FAILED');
    expect(llm.requests).toHaveLength(1);
  });

  it.each(['before-answer', 'mid-body'] as const)('tries again after a reset %s', async (reset) => {
    const { client } = await start([{ reset }, { reply: 'whole' }]);
    expect(await client.complete({ messages })).toMatchObject({ text: 'whole', attempts: 2 });
  });

  it.each(['before-answer', 'mid-body'] as const)('times out on a server that hangs %s', async (hang) => {
    const { llm, client } = await start([{ hang }, { hang }], { attemptTimeoutMs: 100, retry: { attempts: 2 } });
    expect(await failure(client.complete({ messages }))).toMatchObject({
      code: 'LLM_UNREACHABLE',
      message: `LLM at ${llm.baseUrl}: no answer within 100 ms (2 attempts)`,
      details: { timeout: true, attempts: 2 },
    });
  });

  it('says why a host cannot be reached', async () => {
    const { llm, client } = await start([]);
    await llm.close();
    const error = await failure(client.complete({ messages }));
    expect(error).toMatchObject({ code: 'LLM_UNREACHABLE', details: { attempts: 5 } });
    expect(error.details).not.toHaveProperty('timeout');
    expect(error.message).toContain('ECONNREFUSED');
    open.length = 0;
  });
});

describe('replies that are none', () => {
  it.each([
    ['a page', '<!doctype html><title>Sign in</title>', { 'content-type': 'text/html' }, 'Sign in'],
    ['broken JSON', '{"choices": [', {}, '{"choices": ['],
    ['nothing', '', {}, '(empty body)'],
    ['no choices', '{"choices": []}', {}, '{"choices": []}'],
    ['an error with status 200', '{"error": {"message": "no such model"}}', {}, 'no such model'],
  ])('%s', async (_name, body, headers, shown) => {
    const { llm, client } = await start([{ status: 200, body, headers: headers }]);
    const error = await failure(client.complete({ messages }));
    expect(error.code).toBe('LLM_FAILED');
    expect(error.message).toContain('status 200, but no chat completion');
    expect(error.message).toContain(shown);
    expect(llm.requests).toHaveLength(1);
  });

  it('shortens a long one', async () => {
    const { client } = await start([{ status: 400, body: 'x'.repeat(10_000) }]);
    expect((await failure(client.complete({ messages }))).message.length).toBeLessThan(600);
  });
});

it('never shows the key, not even where the endpoint echoes it', async () => {
  const echo = `Incorrect API key provided: ${KEY}. ${'x'.repeat(425)} ${KEY}`;
  const steps: Script = [
    { status: 401, message: echo },
    { status: 400, body: echo },
    { status: 200, body: echo },
    { status: 429, message: echo, headers: { 'x-request-id': KEY } },
    { reset: 'mid-body' },
  ];
  const log: string[] = [];
  const logger = {
    debug: (m: string) => log.push(m),
    info: (m: string) => log.push(m),
    warn: (m: string) => log.push(m),
  };
  const { client } = await start((_request, index) => steps[index]!, { apiKey: KEY, logger, retry: { attempts: 1 } });
  for (const step of steps) {
    const error = await failure(client.complete({ messages }));
    expect(inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error), inspect(step)).not.toContain(
      'secret',
    );
  }
  const retrying = await start([{ status: 503, message: echo }, { reply: 'a' }], { apiKey: KEY, logger });
  await retrying.client.complete({ messages });
  expect(log).toHaveLength(1);
  expect(log.join() + inspect(client, { depth: 20, showHidden: true })).not.toContain('secret');
});

it('warns once of what many requests of a batch meet, and again after a minute', async () => {
  const [warn, debug]: string[][] = [[], []];
  const logger = { info: () => undefined, warn: (m: string) => warn!.push(m), debug: (m: string) => debug!.push(m) };
  const refuse = (status: number) => ({ status, message: 'slow down' });
  const script: Script = [...[429, 429, 429, 503, 429].map(refuse), { reply: 'a' }, refuse(429), { reply: 'a' }];
  const { client, timing } = await start(script, { logger, retry: { attempts: 9 } });
  await client.complete({ messages });
  expect(warn).toEqual([expect.stringContaining('429'), expect.stringContaining('503')]);
  expect(debug).toHaveLength(3);
  await timing.sleep(61_000);
  await client.complete({ messages });
  expect(warn).toHaveLength(3);
});

it.each([500, 503])('has a hint when the server fails for good: %i', async (status) => {
  const { client } = await start(() => ({ status }), { retry: { attempts: 1 } });
  expect((await failure(client.complete({ messages }))).hint).toContain('on the side of the server');
});

describe('concurrency and aborting', () => {
  it('keeps no more requests under way than allowed', async () => {
    let now = 0;
    let most = 0;
    const { llm, client } = await start(
      () => {
        most = Math.max(most, ++now);
        setTimeout(() => now--, 20);
        return { reply: 'a', delayMs: 25 };
      },
      { concurrency: 3 },
    );
    await Promise.all(Array.from({ length: 12 }, () => client.complete({ messages })));
    expect(llm.requests).toHaveLength(12);
    expect(most).toBe(3);
  });

  it.each(['before-answer', 'mid-body'] as const)(
    'aborts a call that hangs %s, at once and without another',
    async (hang) => {
      const { llm, client } = await start([{ hang }, { reply: 'next' }], { concurrency: 1 });
      const controller = new AbortController();
      const work = failure(client.complete({ messages, signal: controller.signal }));
      while (llm.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      controller.abort();
      expect((await work).code).toBe('ABORTED');
      expect(llm.requests).toHaveLength(1);
      expect((await client.complete({ messages })).text).toBe('next'); // its place is free again
    },
  );

  it('aborts a request that still queues, and makes no call for it', async () => {
    const { llm, client } = await start([{ reply: 'first', delayMs: 100 }], { concurrency: 1 });
    const controller = new AbortController();
    let firstIsDone = false;
    const first = client.complete({ messages }).finally(() => (firstIsDone = true));
    const queued = failure(client.complete({ messages, signal: controller.signal }));
    controller.abort();
    expect((await queued).code).toBe('ABORTED');
    expect(firstIsDone).toBe(false);
    expect((await first).text).toBe('first');
    expect((await failure(client.complete({ messages, signal: AbortSignal.abort() }))).code).toBe('ABORTED');
    expect(llm.requests).toHaveLength(1);
  });
});
