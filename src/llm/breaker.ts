/** Stops asking an endpoint that has died, so that a batch ends in seconds and not after full retries of every row that is left. */
import { FungiError } from '../core/errors.js';
import type { Completion, CompletionRequest, LlmClient } from './client.js';

/** Statuses that refuse every request alike: no or a wrong key, no such model or path. */
const REFUSES_ALL = [401, 403, 404];

/** Whether the next request would fail for the same reason, whatever it asks. A timeout may be that of one long text. */
export function concernsEveryRequest(error: unknown): error is FungiError {
  if (!FungiError.is(error) || isTimeout(error)) return false;
  if (error.code === 'LLM_UNREACHABLE') return true;
  const status = error.details['status'];
  return error.code === 'LLM_FAILED' && typeof status === 'number' && REFUSES_ALL.includes(status);
}

/**
 * A client that gives up: after `limit` failures in a row that concern every request (each after its own retries), the rest fail at once
 * and without a call. A reply, or a failure of the request's own such as a content policy's, starts the count anew; a timeout or an
 * abort of the caller is no sign either way. Put it behind the cache: what was answered before is still found.
 */
export class BreakerClient implements LlmClient {
  readonly settings: LlmClient['settings'];
  private failures = 0;
  private last: FungiError | undefined;

  constructor(
    private readonly client: LlmClient,
    private readonly limit = 5,
  ) {
    this.settings = client.settings;
  }

  /** @throws {FungiError} as the client; LLM_UNREACHABLE for a request that was not made */
  async complete(request: CompletionRequest): Promise<Completion> {
    if (this.last !== undefined && this.failures >= this.limit) throw notAsked(this.last, this.failures);
    try {
      const completion = await this.client.complete(request);
      this.failures = 0;
      return completion;
    } catch (error) {
      if (concernsEveryRequest(error)) {
        this.failures++;
        this.last = error;
      } else if (!FungiError.is(error, 'ABORTED') && !isTimeout(error)) this.failures = 0;
      throw error;
    }
  }
}

const isTimeout = (error: unknown): boolean => FungiError.is(error) && error.details['timeout'] === true;

function notAsked(last: FungiError, failures: number): FungiError {
  return new FungiError('LLM_UNREACHABLE', `not asked, since ${failures} requests in a row failed: ${last.message}`, {
    ...(last.hint !== undefined && { hint: last.hint }),
    details: { ...last.details, attempts: 0 },
    cause: last,
  });
}
