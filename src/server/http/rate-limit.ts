/** How many requests a key may make a minute. */
import type { Request, RequestHandler, Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import { FungiError } from '../../core/errors.js';
import { addressOf, keyHeldBy } from '../keys/authenticate.js';
import { Exchange } from './exchange.js';
import type { HttpLimits } from './limits.js';

const WINDOW_MS = 60_000;

interface Count {
  readonly limit: number;
  readonly remaining: number;
  readonly resetTime: Date | undefined;
}

/** One count for all routes of an app. Sets RateLimit and RateLimit-Policy, and for OpenAI's clients the names they know. */
export function limitRequests({ requestsPerMinute }: HttpLimits): RequestHandler {
  const limitOf = (request: Request): number | undefined => keyHeldBy(request)?.requestsPerMinute ?? requestsPerMinute;
  const limiter = rateLimit({
    windowMs: WINDOW_MS,
    limit: (request) => limitOf(request) ?? 0,
    skip: (request) => limitOf(request) === undefined,
    // A key's name cannot hold a space.
    keyGenerator: (request) => keyHeldBy(request)?.name ?? `address ${addressOf(request)}`,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    identifier: 'requests',
    requestPropertyName: 'rateLimit',
    validate: false,
    handler: (request, response, next) => {
      const count = countOf(request);
      tellOpenAi(request, response, count);
      next(
        new FungiError('RATE_LIMITED', `more than ${count?.limit ?? 0} requests within a minute`, {
          details: { retryAfterMs: resetMs(count) },
          hint: 'Wait as long as Retry-After says; send several queries in one request.',
        }),
      );
    },
  });
  return (request, response, next) => {
    void limiter(request, response, (error?: unknown) => {
      if (error === undefined) tellOpenAi(request, response, countOf(request));
      next(error);
    });
  };
}

const countOf = (request: Request): Count | undefined => (request as Request & { rateLimit?: Count }).rateLimit;

const resetMs = (count: Count | undefined): number => Math.max(0, (count?.resetTime?.getTime() ?? 0) - Date.now());

function tellOpenAi(request: Request, response: Response, count: Count | undefined): void {
  if (count === undefined || Exchange.of(request).errors !== 'openai') return;
  response.setHeader('x-ratelimit-limit-requests', String(count.limit));
  response.setHeader('x-ratelimit-remaining-requests', String(count.remaining));
  response.setHeader('x-ratelimit-reset-requests', `${Math.ceil(resetMs(count) / 1000)}s`);
}
