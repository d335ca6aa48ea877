/** Reading what an OpenAI-compatible endpoint sends back: completions, refusals and broken connections. */
import { APIConnectionError, APIError } from 'openai';
import { z } from 'zod';
import type { Completion } from './client.js';
import { AttemptFailure, parseRetryAfter } from './retry.js';

const completionSchema = z.object({
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish().catch(undefined),
});

/** @throws {AttemptFailure} for a body that is no chat completion, as a proxy's page or an error sent with status 200 */
export function readCompletion(body: string): Omit<Completion, 'attempts' | 'cached'> {
  const parsed = completionSchema.safeParse(parseJson(body));
  if (!parsed.success) {
    throw new AttemptFailure(
      'LLM_FAILED',
      `status 200, but no chat completion: ${body.trim() || '(empty body)'}`,
      false,
      {
        hint: 'Check that the base URL ends in the API version, as in http://host:port/v1.',
      },
    );
  }
  const { choices, usage } = parsed.data;
  const { message, finish_reason: finishReason } = choices[0]!;
  return {
    text: message.content ?? message.refusal ?? '',
    finishReason: finishReason ?? 'unknown',
    ...(usage && { usage: { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens } }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Statuses that may pass: a request that timed out, too many of them, a server that is broken, restarting or overloaded (529). */
const TRANSIENT = [408, 429, 500, 502, 503, 504, 529];

/** Statuses of a request that took too long, to the server or to a gateway before it. */
const TIMED_OUT = [408, 504];

/** What an error of the SDK means for the call: its code, and whether to try again. */
export function requestFailure(error: unknown, now: number): AttemptFailure {
  if (error instanceof AttemptFailure) return error;
  if (error instanceof APIConnectionError) return connectionFailure(error);
  if (!(error instanceof APIError) || error.status === undefined) {
    return new AttemptFailure('LLM_FAILED', error instanceof Error ? error.message : String(error), false);
  }
  const { status, message } = error as APIError<number, Headers>;
  const details = { status, ...(TIMED_OUT.includes(status) && { timeout: true }) };
  if (error.code === 'insufficient_quota') {
    return new AttemptFailure('LLM_FAILED', message, false, {
      details,
      hint: 'The account has no quota left; waiting does not help.',
    });
  }
  if (!TRANSIENT.includes(status))
    return new AttemptFailure('LLM_FAILED', message, false, { details, ...hintFor(status) });

  const retryAfterMs = error.headers ? parseRetryAfter(error.headers as Headers, now) : undefined;
  const code = status === 429 ? 'LLM_RATE_LIMITED' : status === 500 ? 'LLM_FAILED' : 'LLM_UNREACHABLE';
  const hint =
    status === 429
      ? 'Lower the concurrency, or try again later.'
      : 'The fault is on the side of the server: see its log, or try again later.';
  return new AttemptFailure(code, message, true, { details, retryAfterMs, hint });
}

export function connectionFailure(error: unknown): AttemptFailure {
  return new AttemptFailure('LLM_UNREACHABLE', rootCause(error), true, {
    hint: 'Check the base URL, and that the server is running.',
  });
}

function hintFor(status: number): { hint?: string } {
  if (status === 401 || status === 403) return { hint: 'Check the API key.' };
  if (status === 404)
    return { hint: 'Check the model name, and that the base URL ends in the API version, as in /v1.' };
  return {};
}

/** The innermost reason: fetch says only "fetch failed", and its cause says ECONNREFUSED. */
function rootCause(error: unknown): string {
  let inner = error as Error & { code?: unknown };
  while (inner.cause instanceof Error) inner = inner.cause;
  const code = typeof inner.code === 'string' && !inner.message.includes(inner.code) ? `${inner.code} ` : '';
  return `no connection: ${code}${inner.message}`.trim();
}
