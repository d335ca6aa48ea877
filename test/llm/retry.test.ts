import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AttemptFailure,
  DEFAULT_RETRY,
  parseRetryAfter,
  retryDelay,
  retryPolicy,
  withRetries,
} from '../../src/llm/retry.js';
import { FakeTiming } from './fake-timing.js';

const ignore = (): void => undefined;
const busy = (retryAfterMs?: number): AttemptFailure =>
  new AttemptFailure('LLM_RATE_LIMITED', 'busy', true, { retryAfterMs });

describe('parseRetryAfter', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  it.each([
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': '1.5' }, 1500],
    [{ 'retry-after-ms': '250' }, 250],
    [{ 'retry-after-ms': '250', 'retry-after': '7' }, 250],
    [{ 'retry-after-ms': 'soon', 'retry-after': '7' }, 7000],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
    [{}, undefined],
  ])('%j is %s', (headers, expected) => {
    expect(parseRetryAfter(new Headers(headers as Record<string, string>), now)).toBe(expected);
  });
});

it('waits within the doubling jitter window, and never less than asked for up to the cap', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.option(fc.nat(1e6), { nil: undefined }),
      random,
      (n, asked, roll) => {
        const wait = retryDelay(n, asked, DEFAULT_RETRY, roll);
        const least = Math.min(asked ?? 0, 60_000);
        expect(wait).toBeGreaterThanOrEqual(least);
        expect(wait).toBeLessThanOrEqual(Math.max(least, Math.min(20_000, 500 * 2 ** (n - 1))));
      },
    ),
  );
});

describe('retryPolicy', () => {
  it('leaves every attempt its full time, and its wait', () => {
    const policy = retryPolicy({ attempts: 3 }, 600_000);
    expect(policy).toEqual({ ...DEFAULT_RETRY, attempts: 3, deadlineMs: 3 * (600_000 + DEFAULT_RETRY.maxDelayMs) });
  });

  it('is never shorter than the default deadline, unless the caller says so', () => {
    expect(retryPolicy({}, 1000).deadlineMs).toBe(DEFAULT_RETRY.deadlineMs);
    expect(retryPolicy({ deadlineMs: 5 }, 600_000).deadlineMs).toBe(5);
  });

  it.each([{ attempts: undefined }, { deadlineMs: undefined }, { maxDelayMs: undefined, baseDelayMs: undefined }])(
    'takes the default for what is undefined: %o',
    (chosen) => {
      expect(retryPolicy(chosen, 1000)).toEqual(DEFAULT_RETRY);
      expect(retryPolicy(chosen, 600_000)).toEqual(retryPolicy({}, 600_000));
    },
  );

  it.each([
    { attempts: 0 },
    { attempts: NaN },
    { attempts: Infinity },
    { baseDelayMs: -1 },
    { maxDelayMs: NaN },
    { maxRetryAfterMs: Infinity },
    { deadlineMs: NaN },
    { deadlineMs: -5 },
  ])('refuses %o', (chosen) => {
    const [name] = Object.keys(chosen);
    expect(() => retryPolicy(chosen, 1000)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`retry.${name}`) as string,
      }),
    );
  });
});

describe('withRetries', () => {
  it('rides out a storm, waiting as asked', async () => {
    const timing = new FakeTiming();
    const storm = [busy(3000), busy(90_000), busy()];
    const attempt = (): Promise<string> => {
      const failure = storm.shift();
      return failure ? Promise.reject(failure) : Promise.resolve('calm');
    };
    expect(await withRetries(attempt, DEFAULT_RETRY, timing, undefined, ignore)).toEqual({
      value: 'calm',
      attempts: 4,
    });
    expect(timing.sleeps).toEqual([3000, 60_000, 0]);
  });

  it('doubles its window between attempts', async () => {
    const timing = new FakeTiming(0.5);
    await expect(
      withRetries(() => Promise.reject(busy()), DEFAULT_RETRY, timing, undefined, ignore),
    ).rejects.toMatchObject({ code: 'LLM_RATE_LIMITED', message: 'busy (5 attempts)', details: { attempts: 5 } });
    expect(timing.sleeps).toEqual([250, 500, 1000, 2000]);
  });

  it('stops when the next attempt would miss the deadline, and tells each attempt what is left', async () => {
    const timing = new FakeTiming();
    const left: number[] = [];
    const attempt = (ms: number): Promise<never> => {
      left.push(ms);
      return Promise.reject(busy(40_000));
    };
    await expect(
      withRetries(attempt, { ...DEFAULT_RETRY, deadlineMs: 100_000 }, timing, undefined, ignore),
    ).rejects.toThrow('busy (3 attempts); the next attempt, in 40000 ms, would miss the deadline');
    expect(left).toEqual([100_000, 60_000, 20_000]);
  });

  it('does not repeat what cannot get better, nor hide a fault of our own', async () => {
    const timing = new FakeTiming();
    const refused = new AttemptFailure('LLM_FAILED', 'no', false);
    const run = (error: Error): Promise<unknown> =>
      withRetries(() => Promise.reject(error), DEFAULT_RETRY, timing, undefined, ignore);
    await expect(run(refused)).rejects.toMatchObject({ code: 'LLM_FAILED', message: 'no' });
    await expect(run(new TypeError('bug'))).rejects.toThrow(TypeError);
    expect(timing.sleeps).toEqual([]);
  });

  it('is aborted in its sleep', async () => {
    const controller = new AbortController();
    const attempt = (): Promise<never> => {
      controller.abort();
      return Promise.reject(busy());
    };
    await expect(
      withRetries(attempt, DEFAULT_RETRY, new FakeTiming(), controller.signal, ignore),
    ).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
