/** How much, and how long, a request may ask for. */
export interface HttpLimits {
  /** From the whole request read to its reply, or to the first part of a stream. */
  readonly deadlineMs: number;
  /** For a body to arrive; of a newline-delimited one for its next bytes to. */
  readonly bodyMs: number;
  /** Between comments that keep a silent stream of events open. Also how long a stream waits for its first value before it says 200. */
  readonly heartbeatMs: number;
  /** How long a client may leave what it was sent unread before it is cut off. */
  readonly slowReaderMs: number;
  /** Of one key, or of one address where no keys are asked for; undefined: no limit. A key's own number goes before it. */
  readonly requestsPerMinute: number | undefined;
  /** Wrong keys from one address a minute; then it has to wait, right keys or not. */
  readonly failedKeysPerMinute: number;
}

export const HTTP_LIMITS: HttpLimits = {
  deadlineMs: 30_000,
  bodyMs: 30_000,
  heartbeatMs: 15_000,
  slowReaderMs: 60_000,
  requestsPerMinute: undefined,
  failedKeysPerMinute: 20,
};
