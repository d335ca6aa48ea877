/** The LLM endpoint behind the proxy: attempts, waits between them, and a circuit breaker before all. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import { FungiError } from '../../core/errors.js';
import { checkApiKey, checkBaseUrl } from '../../llm/openai.js';
import { DEFAULT_RETRY, parseRetryAfter, retryDelay, systemTiming, type Timing } from '../../llm/retry.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { ConnectionFailure, UpstreamCall, type OutgoingRequest } from './upstream-call.js';
import {
  UPSTREAM_BREAKER,
  UPSTREAM_LIMITS,
  UPSTREAM_RETRIES,
  type UpstreamLimits,
  type UpstreamRetries,
  type UpstreamSettings,
} from './upstream-settings.js';

/** A reply that the client gets: in parts as they come, or whole where it is a refusal. */
export type UpstreamReply =
  | { readonly kind: 'stream'; readonly call: UpstreamCall }
  | {
      readonly kind: 'refusal';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      /** Undefined where it is longer than any error has to be. */
      readonly body: Buffer | undefined;
      /** Of a 429: what the endpoint asks for, if it does. */
      readonly retryAfterMs: number | undefined;
    };

const TRANSIENT = [429, 500, 502, 503, 504];
const MAX_REFUSAL_BYTES = 64 * 1024;

export interface UpstreamOptions extends UpstreamSettings {
  /** @default the system's */
  readonly timing?: Pick<Timing, 'random' | 'sleep'>;
  /** Monotonic, milliseconds. @default performance.now */
  readonly clock?: () => number;
  /** Before each attempt but the first. */
  readonly onRetry?: () => void;
}

export class Upstream {
  readonly apiKey: string;
  readonly forwardsAuthorization: boolean;
  private readonly target: URL;
  private readonly agent: HttpAgent;
  private readonly limits: UpstreamLimits;
  private readonly retries: UpstreamRetries;
  private readonly breaker: CircuitBreaker;
  private readonly timing: Pick<Timing, 'random' | 'sleep'>;
  private readonly clock: () => number;
  private readonly onRetry: () => void;

  /** @throws {FungiError} INVALID_ARGUMENT for a base URL or a key that cannot be one */
  constructor({ baseUrl, apiKey, forwardAuthorization = false, limits, retries, breaker, ...rest }: UpstreamOptions) {
    this.target = new URL(`${checkBaseUrl(baseUrl)}/chat/completions`);
    this.apiKey = checkApiKey(apiKey);
    this.forwardsAuthorization = forwardAuthorization && this.apiKey === '';
    this.agent = new (this.target.protocol === 'https:' ? HttpsAgent : HttpAgent)({ keepAlive: true });
    this.limits = { ...UPSTREAM_LIMITS, ...limits };
    this.retries = { ...UPSTREAM_RETRIES, ...retries };
    this.clock = rest.clock ?? (() => performance.now());
    this.breaker = new CircuitBreaker({ ...UPSTREAM_BREAKER, ...breaker }, this.clock);
    this.timing = rest.timing ?? systemTiming;
    this.onRetry = rest.onRetry ?? (() => undefined);
  }

  /**
   * @param signal fires when nobody waits for the reply any more; it may be so until the stream's end
   * @throws {FungiError} LLM_UNREACHABLE, LLM_FAILED; DEADLINE_EXCEEDED; NOT_READY while the breaker is open; the signal's reason
   */
  async send(outgoing: OutgoingRequest, signal: AbortSignal): Promise<UpstreamReply> {
    const started = this.clock();
    for (let attempts = 1; ; attempts++) {
      const ended = await this.attempt(outgoing, signal, started);
      if (ended.kind !== 'failure') return ended;
      const { error, retry, retryAfterMs, refusal } = ended;
      const waitMs = retryDelay(attempts, retryAfterMs, { ...DEFAULT_RETRY, ...this.retries }, this.timing.random());
      const late = this.clock() - started + waitMs >= this.limits.totalMs;
      const tooLong = (retryAfterMs ?? 0) > this.retries.maxRetryAfterMs;
      if (!retry || attempts > this.retries.max || late || tooLong || this.breaker.retryAfterMs > 0) {
        if (refusal !== undefined) return refusal;
        throw error(attempts);
      }
      await this.timing.sleep(waitMs, signal).catch(() => undefined);
      signal.throwIfAborted();
      this.onRetry();
    }
  }

  /** Ends the connections that are kept for later requests. */
  close(): void {
    this.agent.destroy();
  }

  private async attempt(
    outgoing: OutgoingRequest,
    signal: AbortSignal,
    started: number,
  ): Promise<UpstreamReply | Failure> {
    const pass = this.breaker.enter();
    if (pass === undefined) throw circuitOpen(this.breaker.retryAfterMs);
    const leftMs = this.limits.totalMs - (this.clock() - started);
    try {
      const call = await UpstreamCall.open(this.target, this.agent, outgoing, this.limits, leftMs, signal);
      if (call.status >= 200 && call.status < 300) {
        pass.succeeded();
        return { kind: 'stream', call };
      }
      const { status, headers } = call;
      const body = await call.bytes(MAX_REFUSAL_BYTES);
      if (status === 429) pass.withdrawn();
      else if (status >= 500) pass.failed();
      else pass.succeeded();
      return refused({ kind: 'refusal', status, headers, body, retryAfterMs: retryAfterOf(headers) });
    } catch (error) {
      if (signal.aborted) pass.withdrawn();
      else pass.failed();
      if (!(error instanceof ConnectionFailure)) throw error;
      return unreachable(error);
    }
  }
}

type Refusal = Extract<UpstreamReply, { kind: 'refusal' }>;

/** An attempt that another may follow. */
interface Failure {
  readonly kind: 'failure';
  readonly retry: boolean;
  readonly retryAfterMs: number | undefined;
  /** What the client gets if none does. */
  readonly refusal?: Refusal;
  readonly error: (attempts: number) => FungiError;
}

function refused(refusal: Refusal): UpstreamReply | Failure {
  const { status, retryAfterMs } = refusal;
  const retry = TRANSIENT.includes(status) && !refusal.body?.includes('"insufficient_quota"');
  if (!TRANSIENT.includes(status) && status >= 400 && status < 500) return refusal;
  return {
    kind: 'failure',
    retry,
    retryAfterMs,
    ...(status === 429 && { refusal }),
    error: (attempts) => {
      const redirects = status >= 300 && status < 400 ? ', and redirects are not followed' : '';
      return new FungiError(
        status >= 500 ? 'LLM_UNREACHABLE' : 'LLM_FAILED',
        `the LLM endpoint answered with status ${status}${redirects}${tries(attempts)}`,
        { hint: 'The fault is on the side of the LLM endpoint.', details: { status, attempts } },
      );
    },
  };
}

const unreachable = (cause: ConnectionFailure): Failure => ({
  kind: 'failure',
  retry: cause.retry,
  retryAfterMs: undefined,
  error: (attempts) =>
    new FungiError(
      cause.retry ? 'LLM_UNREACHABLE' : 'LLM_FAILED',
      `the LLM endpoint gave ${cause.message}${tries(attempts)}`,
      {
        hint: 'The server cannot reach the LLM endpoint of its configuration.',
        details: { attempts },
        cause,
      },
    ),
});

const tries = (attempts: number): string => (attempts === 1 ? '' : ` (${attempts} attempts)`);

const circuitOpen = (retryAfterMs: number): FungiError =>
  new FungiError('NOT_READY', 'the LLM endpoint has failed several times in a row, and is not asked for a while', {
    hint: 'Try again later.',
    details: { retryAfterMs },
  });

function retryAfterOf(headers: IncomingHttpHeaders): number | undefined {
  const named = ['retry-after', 'retry-after-ms'].flatMap((name): [string, string][] => {
    const value = headers[name];
    return typeof value === 'string' ? [[name, value]] : [];
  });
  return parseRetryAfter(new Headers(named), Date.now());
}
