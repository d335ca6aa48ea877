/** What stands before an endpoint's door: it counts requests that leave, and may keep one from leaving. */
import type { CompletionRequest, TokenUsage } from './client.js';

/** What became of a request that was sent. */
export type RequestOutcome =
  /** A completion, with its usage where the endpoint tells. */
  | { readonly kind: 'reply'; readonly usage?: TokenUsage | undefined; readonly request: CompletionRequest }
  /** The endpoint answered with an error: it made no reply. */
  | { readonly kind: 'refused'; readonly request: CompletionRequest }
  /** No answer came in time, or the connection broke: a reply may have been made, and billed, all the same. */
  | { readonly kind: 'lost'; readonly request: CompletionRequest };

export interface RequestGate {
  /**
   * Before each request is sent, retries included; may wait.
   *
   * @throws {FungiError} of its own, when the request must not be sent: that is final, it is not tried again
   */
  enter(request: CompletionRequest): Promise<void>;
  /** Once for each request that was let through. */
  leave(outcome: RequestOutcome): void;
}
