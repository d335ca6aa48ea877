/** Where chat completions are sent, and how long each part of one may take. */
import type { BreakerSettings } from './circuit-breaker.js';

/** Milliseconds. */
export interface UpstreamLimits {
  /** Until a connection stands, DNS and TLS included. */
  readonly connectMs: number;
  /** From there to the first byte of the reply's body. */
  readonly firstByteMs: number;
  /** Between two parts of the body. */
  readonly stallMs: number;
  /** For all of it: attempts, waits between them, and the whole body. */
  readonly totalMs: number;
}

export interface UpstreamRetries {
  /** Attempts after the first. Only before the first byte. */
  readonly max: number;
  /** The n-th wait is drawn from U(0, min(maxDelayMs, baseDelayMs·2ⁿ⁻¹)). */
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  /** Where the upstream asks for a longer wait than this, the client is told instead. */
  readonly maxRetryAfterMs: number;
}

export interface UpstreamSettings {
  /** `https://api.openai.com/v1`: of the configuration, never of a request. */
  readonly baseUrl: string;
  /** Sent as a bearer token. */
  readonly apiKey?: string | undefined;
  /**
   * Sends the client's own Authorization on where there is no `apiKey`. Only for a server that asks for no keys: else the upstream gets those.
   *
   * @default false
   */
  readonly forwardAuthorization?: boolean | undefined;
  readonly limits?: Partial<UpstreamLimits> | undefined;
  readonly retries?: Partial<UpstreamRetries> | undefined;
  readonly breaker?: Partial<BreakerSettings> | undefined;
}

export const UPSTREAM_LIMITS: UpstreamLimits = {
  connectMs: 3000,
  firstByteMs: 30_000,
  stallMs: 20_000,
  totalMs: 120_000,
};
export const UPSTREAM_RETRIES: UpstreamRetries = {
  max: 2,
  baseDelayMs: 500,
  maxDelayMs: 5000,
  maxRetryAfterMs: 10_000,
};
export const UPSTREAM_BREAKER: BreakerSettings = { failures: 5, openMs: 30_000 };
