/** When to call an LLM endpoint again, and after how long. */
import { setTimeout as wait } from 'node:timers/promises';
import { FungiError } from '../core/errors.js';
import { aborted } from './abort.js';

export interface RetryPolicy {
  /** Calls in all, the first included. @default 5 */
  readonly attempts: number;
  /** The n-th wait is drawn from U(0, min(maxDelayMs, baseDelayMs·2ⁿ⁻¹)): full jitter. @default 500 */
  readonly baseDelayMs: number;
  /** @default 20_000 */
  readonly maxDelayMs: number;
  /** The longest wait that an endpoint may ask for; a longer one is cut to it. @default 60_000 */
  readonly maxRetryAfterMs: number;
  /** For all calls and waits together. @default 180_000, or longer where the calls may take longer: see {@link retryPolicy} */
  readonly deadlineMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 5,
  baseDelayMs: 500,
  maxDelayMs: 20_000,
  maxRetryAfterMs: 60_000,
  deadlineMs: 180_000,
};

/** A policy as a caller gives it: what is left out, or undefined, has its default. */
export type RetryChoice = { readonly [K in keyof RetryPolicy]?: RetryPolicy[K] | undefined };

/**
 * The policy with its defaults filled in. Without a deadline of its own it has one that leaves each attempt its full time and its wait:
 * a timeout that the caller chose is never cut by a limit that he did not.
 *
 * @throws {FungiError} INVALID_ARGUMENT for a value that is not a finite number above 0
 */
export function retryPolicy(chosen: RetryChoice, attemptTimeoutMs: number): RetryPolicy {
  const given = Object.entries(chosen).filter((entry): entry is [string, number] => entry[1] !== undefined);
  const wrong = given.find(([, value]) => !(Number.isFinite(value) && value > 0));
  if (wrong) {
    throw new FungiError('INVALID_ARGUMENT', `retry.${wrong[0]} must be a finite number above 0, got ${wrong[1]}`);
  }
  const policy: RetryPolicy = { ...DEFAULT_RETRY, ...Object.fromEntries(given) };
  if (chosen.deadlineMs !== undefined) return policy;
  const needed = policy.attempts * (attemptTimeoutMs + policy.maxDelayMs);
  return { ...policy, deadlineMs: Math.max(policy.deadlineMs, needed) };
}

/** The clock and the dice, so that tests can hold them. */
export interface Timing {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /** Rejects when `signal` fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemTiming: Timing = {
  now: Date.now,
  random: Math.random,
  sleep: (ms, signal) => wait(ms, undefined, { signal }),
};

/** One call that failed, and whether another could do better. */
export class AttemptFailure extends Error {
  constructor(
    readonly code: 'LLM_UNREACHABLE' | 'LLM_RATE_LIMITED' | 'LLM_FAILED',
    message: string,
    readonly retry: boolean,
    readonly options: {
      readonly retryAfterMs?: number | undefined;
      readonly details?: Record<string, unknown>;
      readonly hint?: string;
    } = {},
  ) {
    super(message);
  }
}

/**
 * Calls `attempt` until it succeeds, fails for good, or the policy is used up; an endpoint's own Retry-After is the least wait.
 *
 * @param attempt gets the milliseconds left until the deadline
 * @throws {FungiError} the last failure's code, or ABORTED
 */
export async function withRetries<T>(
  attempt: (leftMs: number) => Promise<T>,
  policy: RetryPolicy,
  timing: Timing,
  signal: AbortSignal | undefined,
  onRetry: (failure: AttemptFailure, attempts: number, waitMs: number) => void,
): Promise<{ readonly value: T; readonly attempts: number }> {
  const deadline = timing.now() + policy.deadlineMs;
  for (let attempts = 1; ; attempts++) {
    try {
      return { value: await attempt(deadline - timing.now()), attempts };
    } catch (failure) {
      if (!(failure instanceof AttemptFailure)) throw failure;
      const waitMs = retryDelay(attempts, failure.options.retryAfterMs, policy, timing.random());
      const another = failure.retry && attempts < policy.attempts;
      const late = another && timing.now() + waitMs >= deadline;
      if (!another || late) throw finalError(failure, attempts, late ? waitMs : undefined);
      onRetry(failure, attempts, waitMs);
      await timing.sleep(waitMs, signal).catch((error: unknown) => {
        throw signal?.aborted ? aborted() : error;
      });
    }
  }
}

/** @param random uniform in [0, 1) */
export function retryDelay(
  attempts: number,
  retryAfterMs: number | undefined,
  policy: RetryPolicy,
  random: number,
): number {
  const jittered = random * Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (attempts - 1));
  return Math.max(jittered, Math.min(retryAfterMs ?? 0, policy.maxRetryAfterMs));
}

/** The wait asked for by `retry-after-ms`, or by `retry-after` in seconds or as a date (RFC 9110 §10.2.3); undefined if neither. */
export function parseRetryAfter(headers: Headers, now: number): number | undefined {
  const milliseconds = nonNegative(headers.get('retry-after-ms'));
  if (milliseconds !== undefined) return milliseconds;
  const after = headers.get('retry-after');
  const seconds = nonNegative(after);
  if (seconds !== undefined) return seconds * 1000;
  const date = after?.trim().endsWith('GMT') ? Date.parse(after) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function nonNegative(text: string | null): number | undefined {
  return text !== null && /^\s*\d+(?:\.\d+)?\s*$/.test(text) ? Number(text) : undefined;
}

function finalError(failure: AttemptFailure, attempts: number, waitMs: number | undefined): FungiError {
  const tries = attempts === 1 ? '' : ` (${attempts} attempts)`;
  const wait = waitMs === undefined ? '' : `; the next attempt, in ${Math.round(waitMs)} ms, would miss the deadline`;
  const { hint, details } = failure.options;
  return new FungiError(failure.code, `${failure.message}${tries}${wait}`, {
    ...(hint !== undefined && { hint }),
    details: { ...details, attempts },
  });
}
