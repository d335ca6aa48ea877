/** What the library asks of a language model: one completion a call. */
import type { Json } from '../core/fingerprint.js';
import type { ChatMessage } from '../prompt/message.js';

export interface CompletionRequest {
  readonly messages: readonly ChatMessage[];
  /** Instead of the client's own model. */
  readonly model?: string | undefined;
  /** `null` leaves it to the server: some reasoning models refuse the parameter. @default 0 */
  readonly temperature?: number | null | undefined;
  readonly maxTokens?: number | undefined;
  /** Sent along, as a trace's context is; no part of what a reply is kept under. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface TokenUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface Completion {
  /** The reply, or the refusal where the model gave one; empty when it said nothing. */
  readonly text: string;
  /** As the endpoint names it: `stop`, `length`, `content_filter` …; `unknown` when it does not. */
  readonly finishReason: string;
  /** What the reply cost when it was made, if the endpoint tells. */
  readonly usage?: TokenUsage | undefined;
  /** Whether it came without a call of its own: from a cache, or from an equal request that was under way. */
  readonly cached: boolean;
  /** Calls made for it, 0 when cached. */
  readonly attempts: number;
  /** From sending the request that was answered to the end of its reply, when the reply was made; a cache keeps it. */
  readonly latencyMs?: number | undefined;
}

export interface LlmClient {
  /** Everything beside the request that shapes a reply (endpoint, model, extra parameters): part of any cache key; never a secret. */
  readonly settings: Readonly<Record<string, Json>> & { readonly model: string };

  /** @throws {FungiError} LLM_UNREACHABLE, LLM_RATE_LIMITED, LLM_FAILED, ABORTED */
  complete(request: CompletionRequest): Promise<Completion>;

  /** The reply, if it can be had without a call; absent where nothing is kept. */
  peek?(request: CompletionRequest): Promise<Completion | undefined>;
}
