import { describe, expect, it } from 'vitest';
import { FungiError, type ErrorCode } from '../../src/core/errors.js';
import { BreakerClient, concernsEveryRequest } from '../../src/llm/breaker.js';
import type { Completion, LlmClient } from '../../src/llm/client.js';

const error = (code: ErrorCode, status?: number): FungiError =>
  new FungiError(code, `the ${code}`, { hint: 'a way out', ...(status !== undefined && { details: { status } }) });
const slow = new FungiError('LLM_UNREACHABLE', 'too slow', { details: { timeout: true } });
const reply: Completion = { text: 'a', finishReason: 'stop', cached: false, attempts: 1 };

/** Plays outcomes in order and counts its calls. */
class Played implements LlmClient {
  readonly settings = { model: 'm' };
  calls = 0;

  constructor(private readonly outcomes: readonly (FungiError | Completion)[]) {}

  complete(): Promise<Completion> {
    const outcome = this.outcomes[this.calls++]!;
    return outcome instanceof FungiError ? Promise.reject(outcome) : Promise.resolve(outcome);
  }
}

async function outcomes(client: LlmClient, count: number): Promise<string[]> {
  const seen: string[] = [];
  for (let i = 0; i < count; i++) {
    seen.push(
      await client.complete({ messages: [] }).then(
        ({ text }) => text,
        (reason: unknown) => (reason as FungiError).message,
      ),
    );
  }
  return seen;
}

describe('BreakerClient', () => {
  it('makes no more calls after so many failures in a row, and says why', async () => {
    const played = new Played([reply, ...Array<FungiError>(10).fill(error('LLM_UNREACHABLE'))]);
    const client = new BreakerClient(played, 3);
    expect(await outcomes(client, 5)).toEqual([
      'a',
      ...Array<string>(3).fill('the LLM_UNREACHABLE'),
      'not asked, since 3 requests in a row failed: the LLM_UNREACHABLE',
    ]);
    expect(played.calls).toBe(4);
    await expect(client.complete({ messages: [] })).rejects.toMatchObject({
      code: 'LLM_UNREACHABLE',
      hint: 'a way out',
      details: { attempts: 0 },
    });
  });

  it.each([
    ['a reply', reply],
    ['a refusal of the text', error('LLM_FAILED', 400)],
    ['a rate limit', error('LLM_RATE_LIMITED', 429)],
  ])('counts anew after %s', async (_, between) => {
    const down = error('LLM_UNREACHABLE');
    const played = new Played([down, down, between, down, down, reply]);
    expect((await outcomes(new BreakerClient(played, 3), 6)).at(-1)).toBe('a');
    expect(played.calls).toBe(6);
  });

  it.each([
    ['an abort of the caller', error('ABORTED')],
    ['a timeout', slow],
  ])('takes %s for no sign either way', async (_, between) => {
    const down = error('LLM_UNREACHABLE');
    const played = new Played([down, between, down, reply]);
    expect((await outcomes(new BreakerClient(played, 2), 4)).at(-1)).toMatch(/^not asked/);
  });

  it('goes on after any number of slow texts', async () => {
    const played = new Played([...Array<FungiError>(10).fill(slow), reply]);
    expect((await outcomes(new BreakerClient(played, 3), 11)).at(-1)).toBe('a');
  });

  it('is exported beside the clients that it wraps', async () => {
    expect((await import('../../src/index.js')).BreakerClient).toBe(BreakerClient);
  });
});

describe('concernsEveryRequest', () => {
  it.each([
    [error('LLM_UNREACHABLE'), true],
    [error('LLM_UNREACHABLE', 503), true],
    [slow, false],
    [error('LLM_FAILED', 401), true],
    [error('LLM_FAILED', 403), true],
    [error('LLM_FAILED', 404), true],
    [error('LLM_FAILED', 400), false],
    [error('LLM_FAILED', 500), false],
    [error('LLM_FAILED'), false],
    [error('LLM_RATE_LIMITED', 429), false],
    [error('INVALID_ARGUMENT'), false],
    [new Error('bug'), false],
  ])('%s', (failure, expected) => {
    expect(concernsEveryRequest(failure)).toBe(expected);
  });
});
