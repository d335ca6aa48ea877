/** A client for any endpoint that speaks OpenAI's chat completions: OpenAI, vLLM, llama.cpp, Ollama, a gateway. */
import { OpenAI } from 'openai';
import pLimit, { type LimitFunction } from 'p-limit';
import { FungiError } from '../core/errors.js';
import type { Json } from '../core/fingerprint.js';
import { silentLogger, type Logger } from '../core/log.js';
import type { ChatMessage } from '../prompt/message.js';
import { abortable, aborted } from './abort.js';
import type { Completion, CompletionRequest, LlmClient } from './client.js';
import type { RequestGate, RequestOutcome } from './gate.js';
import { connectionFailure, readCompletion, requestFailure } from './openai-reply.js';
import {
  AttemptFailure,
  retryPolicy,
  systemTiming,
  withRetries,
  type RetryChoice,
  type RetryPolicy,
  type Timing,
} from './retry.js';

export interface OpenAiOptions {
  /** Up to and including the version, e.g. `http://127.0.0.1:8080/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  /** Local servers need none; without it no Authorization header is sent. */
  readonly apiKey?: string | undefined;
  /** Requests under way at once; one that waits to be retried counts. @default 4 */
  readonly concurrency?: number | undefined;
  /** For one call, connecting included (Node itself gives up connecting after 10 s). @default 60_000 */
  readonly attemptTimeoutMs?: number | undefined;
  readonly retry?: RetryChoice | undefined;
  /** Further members of the request body, as the server wants them: `seed`, `max_completion_tokens`, `guided_choice` … */
  readonly extraBody?: Readonly<Record<string, Json>> | undefined;
  /** Lets each request pass, retries included; see {@link RequestGate}. */
  readonly gate?: RequestGate | undefined;
  readonly logger?: Logger | undefined;
  readonly timing?: Timing | undefined;
}

export class OpenAiClient implements LlmClient {
  readonly settings: LlmClient['settings'];
  // Truly private, so that no inspection or log of a client shows the key that the SDK object holds.
  readonly #sdk: OpenAI;
  readonly #baseUrl: string;
  readonly #apiKey: string;
  readonly #limit: LimitFunction;
  readonly #attemptTimeoutMs: number;
  readonly #retry: RetryPolicy;
  readonly #extraBody: Readonly<Record<string, Json>>;
  readonly #gate: RequestGate | undefined;
  readonly #logger: Logger;
  readonly #timing: Timing;
  /** When a retry was last a warning, by the failure's code. */
  readonly #told = new Map<string, number>();

  /** @throws {FungiError} INVALID_ARGUMENT */
  constructor(options: OpenAiOptions) {
    this.#baseUrl = checkBaseUrl(options.baseUrl);
    this.#apiKey = checkApiKey(options.apiKey);
    this.#extraBody = options.extraBody ?? {};
    this.settings = { baseUrl: this.#baseUrl, model: options.model, extraBody: this.#extraBody };
    this.#attemptTimeoutMs = atLeastOne(options.attemptTimeoutMs ?? 60_000, 'attemptTimeoutMs');
    this.#limit = pLimit(atLeastOne(options.concurrency ?? 4, 'concurrency'));
    this.#retry = retryPolicy(options.retry ?? {}, this.#attemptTimeoutMs);
    this.#gate = options.gate;
    this.#logger = options.logger ?? silentLogger;
    this.#timing = options.timing ?? systemTiming;
    this.#sdk = new OpenAI({
      baseURL: this.#baseUrl,
      apiKey: this.#apiKey || 'none',
      ...(this.#apiKey === '' && { defaultHeaders: { Authorization: null } }),
      maxRetries: 0,
      // What the SDK would otherwise take from the environment or print.
      organization: null,
      project: null,
      adminAPIKey: null,
      webhookSecret: null,
      logLevel: 'off',
    });
  }

  async complete(request: CompletionRequest): Promise<Completion> {
    // The deadline starts when a place is free: a batch may queue for longer than one request may take.
    return abortable(
      this.#limit(() => this.#completeNow(request)),
      request.signal,
    );
  }

  async #completeNow(request: CompletionRequest): Promise<Completion> {
    if (request.signal?.aborted) throw aborted();
    const { value, attempts } = await withRetries(
      (leftMs) => this.#attempt(request, leftMs),
      this.#retry,
      this.#timing,
      request.signal,
      (failure, attempt, waitMs) => {
        this.#tellRetry(failure, `attempt ${attempt}: ${failure.message}; next in ${Math.round(waitMs)} ms`);
      },
    );
    return { ...value, attempts, cached: false };
  }

  /** A batch under way may be refused hundreds of times for one reason: it is a warning once a minute. */
  #tellRetry({ code }: AttemptFailure, message: string): void {
    const now = this.#timing.now();
    if (now - (this.#told.get(code) ?? -Infinity) < QUIET_MS) {
      this.#logger.debug(message);
      return;
    }
    this.#told.set(code, now);
    this.#logger.warn(`${message} (more attempts like this in the next minute are told to debug only)`);
  }

  /** One call, through the gate. */
  async #attempt(request: CompletionRequest, leftMs: number): Promise<Omit<Completion, 'attempts' | 'cached'>> {
    await this.#gate?.enter(request);
    let outcome: RequestOutcome = { kind: 'lost', request };
    try {
      const reply = await this.#call(request, leftMs);
      outcome = { kind: 'reply', usage: reply.usage, request };
      return reply;
    } catch (error) {
      if (isRefusal(error)) outcome = { kind: 'refused', request };
      throw error;
    } finally {
      this.#gate?.leave(outcome);
    }
  }

  /** The SDK's own timeout ends with the response's headers, so ours is an abort that covers the body too. */
  async #call(request: CompletionRequest, leftMs: number): Promise<Omit<Completion, 'attempts' | 'cached'>> {
    const limitMs = Math.max(1, Math.min(this.#attemptTimeoutMs, leftMs));
    const controller = new AbortController();
    const abort = (): void => {
      controller.abort();
    };
    const timer = setTimeout(abort, limitMs);
    request.signal?.addEventListener('abort', abort, { once: true });
    const began = this.#timing.now();
    try {
      const response = await this.#sdk.chat.completions
        .create(this.#body(request), { signal: controller.signal, headers: { ...request.headers } })
        .asResponse();
      const body = await response.text().catch((error: unknown) => {
        throw connectionFailure(error);
      });
      return { ...readCompletion(body), latencyMs: this.#timing.now() - began };
    } catch (error) {
      if (request.signal?.aborted) throw aborted();
      const failure = controller.signal.aborted
        ? new AttemptFailure('LLM_UNREACHABLE', `no answer within ${Math.round(limitMs)} ms`, true, {
            details: { timeout: true },
            hint: 'Allow more time (attemptTimeoutMs, on the command line --timeout), or see whether the server is overloaded.',
          })
        : requestFailure(error, this.#timing.now());
      throw this.#presentable(failure);
    } finally {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', abort);
    }
  }

  #body(request: CompletionRequest): OpenAI.ChatCompletionCreateParamsNonStreaming {
    const { messages, model = this.settings.model, temperature = 0, maxTokens } = request;
    // The name that every compatible server takes; where OpenAI wants max_completion_tokens, extraBody gives it.
    const tokenLimit: Record<string, number> = maxTokens === undefined ? {} : { max_tokens: maxTokens };
    return {
      model,
      messages: messages.map(toParam),
      ...(temperature !== null && { temperature }),
      ...tokenLimit,
      ...this.#extraBody,
    };
  }

  /** Says which endpoint failed, and takes out the key, which some endpoints echo. */
  #presentable({ code, message, retry, options }: AttemptFailure): AttemptFailure {
    const clean = this.#apiKey === '' ? message : message.replaceAll(this.#apiKey, '[API key]');
    const short = clean.length > MAX_MESSAGE ? `${clean.slice(0, MAX_MESSAGE)}…` : clean;
    return new AttemptFailure(code, `LLM at ${this.#baseUrl}: ${short}`, retry, {
      ...options,
      details: { ...options.details, baseUrl: this.#baseUrl },
    });
  }
}

/** The SDK wants lists that it could change. */
const toParam = (message: ChatMessage): OpenAI.ChatCompletionMessageParam =>
  message.role === 'user' && typeof message.content !== 'string'
    ? { role: 'user', content: message.content.map((part) => ({ ...part })) }
    : ({ ...message } as OpenAI.ChatCompletionMessageParam);

/** An error that the server itself gave, and no timeout of a gateway before it. */
const isRefusal = (error: unknown): boolean =>
  error instanceof AttemptFailure &&
  error.options.details?.['status'] !== undefined &&
  error.options.details['timeout'] !== true;

const QUIET_MS = 60_000;
/** An upstream message can be a whole HTML page. */
const MAX_MESSAGE = 500;

/** The address less slashes at its end. @throws {FungiError} INVALID_ARGUMENT */
export function checkBaseUrl(baseUrl: string): string {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') {
    // A URL with a password is not repeated.
    const shown = url?.password ? 'the LLM base URL holds a password' : `"${baseUrl}" is no LLM base URL`;
    throw new FungiError('INVALID_ARGUMENT', shown, {
      hint: 'Give http(s)://host[:port]/v1 without user or password; a key is given apart: as apiKey, on the command line in OPENAI_API_KEY.',
    });
  }
  return baseUrl.replace(/\/+$/, '');
}

/** The key less spaces around it. @throws {FungiError} INVALID_ARGUMENT */
export function checkApiKey(apiKey = ''): string {
  const key = apiKey.trim();
  if (!/^[\x21-\x7e]*$/.test(key)) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      'the LLM API key holds a space or another character that no header can carry',
      {
        hint: 'Check that only the key itself was copied.',
      },
    );
  }
  return key;
}

function atLeastOne(value: number, name: string): number {
  if (Number.isInteger(value) && value >= 1 && value < 2 ** 31) return value;
  throw new FungiError('INVALID_ARGUMENT', `${name} must be an integer from 1 to 2147483647, got ${value}`);
}
